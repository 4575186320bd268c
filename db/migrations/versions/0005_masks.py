"""Remember which part of a Sketch came transparent.

Revision ID: 0005_masks
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_masks"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of transparent parts."""
    op.create_table(
        "clear_parts",
        sa.Column("sketch", sa.String(64), nullable=False),
        sa.Column("mask", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("sketch"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("clear_parts")
