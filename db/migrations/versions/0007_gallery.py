"""A narrow table to look for Pictures in, and favourites.

Revision ID: 0007_gallery
Revises: 0006_holders
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007_gallery"
down_revision = "0006_holders"
branch_labels = None
depends_on = None

MANY = 1000


def upgrade() -> None:
    """Make both, and write into the first what is painted already."""
    made = op.create_table(
        "gallery",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("picture_id", sa.String(26), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", "at", "picture_id"),
        sa.ForeignKeyConstraint(["picture_id"], ["pictures.id"], name="gallery_picture", ondelete="CASCADE"),
    )
    op.create_index("gallery_of_picture", "gallery", ["picture_id"], unique=True)
    op.create_table(
        "favourites",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("picture_id", sa.String(26), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "picture_id"),
        sa.ForeignKeyConstraint(["picture_id"], ["pictures.id"], name="favourites_picture", ondelete="CASCADE"),
    )
    op.create_index("favourites_of_picture", "favourites", ["picture_id"])
    painted = sa.text(
        "SELECT pictures.id, pictures.person, pictures.stored_at, pictures.seed, pictures.recipe, jobs.model"
        " FROM pictures JOIN jobs ON jobs.id = pictures.job_id"
        " WHERE pictures.state = 'stored' AND jobs.kind <> 'reproduce' AND pictures.id > :after"
        " ORDER BY pictures.id LIMIT :many"
    )
    base, after = op.get_bind(), ""
    while rows := base.execute(painted, {"after": after, "many": MANY}).all():
        after = rows[-1].id
        op.bulk_insert(
            made,
            [
                {
                    "person": row.person,
                    "at": row.stored_at or 0,
                    "picture_id": row.id,
                    "seed": row.seed,
                    "model": row.model,
                    "words": str(json.loads(row.recipe).get("prompt", "")).lower(),
                }
                for row in rows
            ],
        )


def downgrade() -> None:
    """Take both away."""
    op.drop_table("favourites")
    op.drop_table("gallery")
