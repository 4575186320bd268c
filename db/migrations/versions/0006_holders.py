"""Write down who holds each Sketch and mask, in place of one transparent part for all; find erased ids by their tail.

Revision ID: 0006_holders
Revises: 0005_masks
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006_holders"
down_revision = "0005_masks"
branch_labels = None
depends_on = None

AUDITOR = "audit:limner"
SHA = sa.String(64)

FROM_JOBS = """
    INSERT INTO holders (digest, kind, person, at, used, clear, mask)
    SELECT files.digest, 'sketch', jobs.person, max(jobs.created_at), true,
        CASE WHEN count(clear_parts.sketch) = 0 THEN 'none' WHEN max(clear_parts.mask) IS NULL THEN 'whole'
        ELSE 'part' END, max(clear_parts.mask)
    FROM jobs JOIN files ON files.digest = jobs.sketch AND files.kind = 'sketch'
    LEFT JOIN clear_parts ON clear_parts.sketch = jobs.sketch
    WHERE jobs.person <> :auditor
    GROUP BY files.digest, jobs.person
"""
RECIPES = """
    SELECT pictures.recipe, pictures.person, jobs.created_at FROM pictures JOIN jobs ON jobs.id = pictures.job_id
    WHERE pictures.person <> :auditor AND (pictures.recipe LIKE '%"sketch":%' OR pictures.recipe LIKE '%"mask":%')
"""
ONE = """
    INSERT INTO holders (digest, kind, person, at, used, clear, mask)
    SELECT files.digest, files.kind, CAST(:person AS TEXT), CAST(:at AS BIGINT), true,
        CASE WHEN clear_parts.sketch IS NULL THEN 'none' WHEN clear_parts.mask IS NULL THEN 'whole' ELSE 'part' END,
        clear_parts.mask
    FROM files LEFT JOIN clear_parts ON clear_parts.sketch = files.digest AND files.kind = 'sketch'
    WHERE files.digest = :digest AND files.kind = :kind
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Make the table, and give each file to whoever's Jobs and Recipes start from it."""
    op.create_table(
        "holders",
        sa.Column("digest", SHA, nullable=False),
        sa.Column("kind", sa.String(7), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("clear", sa.String(5), nullable=False),
        sa.Column("mask", SHA, nullable=True),
        sa.CheckConstraint("clear IN ('none', 'part', 'whole')", name="holders_clear"),
        sa.CheckConstraint("(clear = 'part') = (mask IS NOT NULL)", name="holders_mask_of"),
        sa.PrimaryKeyConstraint("digest", "kind", "person"),
    )
    here = op.get_bind()
    here.execute(sa.text(FROM_JOBS), {"auditor": AUDITOR})
    for recipe, person, at in here.execute(sa.text(RECIPES), {"auditor": AUDITOR}).all():
        data = json.loads(recipe)
        for kind in ("sketch", "mask"):
            if data.get(kind):
                named = {"kind": kind, "digest": data[kind]["digest"], "person": person, "at": at}
                here.execute(sa.text(ONE), named)
    op.create_index("holders_person", "holders", ["person", "at"])
    op.create_index("holders_mask", "holders", ["mask"])
    op.drop_table("clear_parts")
    op.create_index("erased_tail", "erased", [sa.text("substr(id, 21)")])


def downgrade() -> None:
    """Take it away; what somebody sent newest says again which part was transparent."""
    op.drop_index("erased_tail", "erased")
    op.create_table(
        "clear_parts",
        sa.Column("sketch", SHA, nullable=False),
        sa.Column("mask", SHA, nullable=True),
        sa.PrimaryKeyConstraint("sketch"),
    )
    op.execute(
        "INSERT INTO clear_parts (sketch, mask) SELECT digest, max(mask) FROM holders"
        " WHERE kind = 'sketch' AND clear <> 'none' GROUP BY digest"
    )
    op.drop_table("holders")
