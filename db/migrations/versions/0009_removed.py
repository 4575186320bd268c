"""When a Job was taken down by who asked for it.

Revision ID: 0009_removed
Revises: 0008_accounts
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_removed"
down_revision = "0008_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no Job was taken down before."""
    op.add_column("jobs", sa.Column("removed_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("jobs", "removed_at")
