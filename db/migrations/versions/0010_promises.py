"""Write down who promised an answer and when, and find tokens that are not over without reading all replies.

Revision ID: 0010_promises
Revises: 0009_removed
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_promises"
down_revision = "0009_removed"
branch_labels = None
depends_on = None

LIVE = sa.text("token <> ''")


def upgrade() -> None:
    """Add the columns and the index; a promise made before is nobody's who lives."""
    op.add_column("replies", sa.Column("promiser", sa.Text(), nullable=True))
    op.add_column("replies", sa.Column("promised_at", sa.BigInteger(), nullable=True))
    op.create_index("replies_live", "replies", ["expires_at"], sqlite_where=LIVE, postgresql_where=LIVE)


def downgrade() -> None:
    """Take them away."""
    op.drop_index("replies_live", table_name="replies")
    op.drop_column("replies", "promised_at")
    op.drop_column("replies", "promiser")
