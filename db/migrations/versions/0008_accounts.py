"""Accounts, their one-time links, share links, and which account opened a session.

Revision ID: 0008_accounts
Revises: 0007_gallery
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_accounts"
down_revision = "0007_gallery"
branch_labels = None
depends_on = None

SHA = sa.String(64)


def upgrade() -> None:
    """Make the tables; a session there already was opened by no account."""
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Boolean(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "links",
        sa.Column("hash", SHA, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="links_of_account", ondelete="CASCADE"),
    )
    op.create_index("links_account", "links", ["account"], unique=True)
    op.create_table(
        "share_links",
        sa.Column("hash", SHA, nullable=False),
        sa.Column("picture_id", sa.String(26), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("words", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
        sa.ForeignKeyConstraint(["picture_id"], ["pictures.id"], name="share_links_of_picture", ondelete="CASCADE"),
    )
    op.create_index("share_links_picture", "share_links", ["picture_id"])
    op.create_index("share_links_person", "share_links", ["person"])
    op.add_column("sessions", sa.Column("account", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take them away, and the sessions that accounts opened with them."""
    op.execute("DELETE FROM sessions WHERE account IS NOT NULL")
    op.drop_column("sessions", "account")
    for name in ("share_links", "links", "accounts"):
        op.drop_table(name)
