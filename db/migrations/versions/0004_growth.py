"""What keeps a large log quick: ids found by their tail, and a Person's newest Picture."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STORED = sa.text("state = 'stored'")


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("jobs_tail", "jobs", [sa.text("substr(id, 21)")])
    op.create_index("pictures_tail", "pictures", [sa.text("substr(id, 21)")])
    op.create_index(
        "pictures_newest", "pictures", ["person", "stored_at", "id"], sqlite_where=STORED, postgresql_where=STORED
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_index("pictures_newest", "pictures")
    op.drop_index("pictures_tail", "pictures")
    op.drop_index("jobs_tail", "jobs")
