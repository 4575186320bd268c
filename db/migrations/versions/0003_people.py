"""What Persons and operators decide, what was erased, and each Job's weight in the order of service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and give every Job an ordinary weight."""
    # In place: a table made anew would take along what points at it.
    op.add_column("jobs", sa.Column("weight", sa.Integer(), server_default=sa.text("1"), nullable=False))
    _pair("defaults", "person")
    _pair("rules", "server")
    op.create_table(
        "acts",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("face", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("acts_server", "acts", ["server", "id"])
    op.create_table(
        "erased",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "doomed",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(7), nullable=False),
        sa.PrimaryKeyConstraint("digest", "kind"),
    )


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for name in ("doomed", "erased", "acts", "rules", "defaults"):
        op.drop_table(name)
    op.drop_column("jobs", "weight")


def _pair(table: str, key: str) -> None:
    op.create_table(
        table,
        sa.Column(key, sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(key),
    )
