"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "jobs",
    "pictures",
    "ledger",
    "outbox",
    "replies",
    "moves",
    "files",
    "weights",
    "sessions",
    "overrides",
)


def upgrade() -> None:
    """Make every table."""
    _jobs()
    _pictures()
    _ledger()
    _outbox()
    _replies()
    _moves()
    _files()
    _weights()
    _sessions()
    _overrides()


def downgrade() -> None:
    """Drop every table, those that point at others first."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("face", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("typed", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("sketch", sa.String(64), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("solo", sa.Boolean(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("rendered_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'running') = (lease_owner IS NOT NULL)", name="jobs_lease"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'rendered', 'delivered', 'failed', 'cancelled', 'undeliverable')",
            name="jobs_state",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dedupe_key"),
    )
    op.create_index("jobs_person", "jobs", ["person", "id"])
    where = sa.text("state = 'queued'")
    op.create_index("jobs_queued", "jobs", ["person", "created_at"], sqlite_where=where, postgresql_where=where)
    op.create_index("jobs_state", "jobs", ["state", "person"])


def _pictures() -> None:
    op.create_table(
        "pictures",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("job_id", sa.String(26), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.String(26), nullable=True),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("recipe_digest", sa.String(64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("pixels_digest", sa.String(64), nullable=True),
        sa.Column("file_digest", sa.String(64), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role IN ('picture', 'grid', 'depth', 'prepared')", name="pictures_role"),
        sa.CheckConstraint("state IN ('waiting', 'stored', 'failed', 'dropped')", name="pictures_state"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="pictures_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id", "idx", name="pictures_job_idx"),
    )
    op.create_index("pictures_file", "pictures", ["file_digest"])
    op.create_index("pictures_parent", "pictures", ["parent_id"])
    op.create_index("pictures_person", "pictures", ["person", "id"])
    op.create_index("pictures_pixels", "pictures", ["pixels_digest"])
    op.create_index("pictures_recipe", "pictures", ["recipe_digest"])


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("job_id", sa.String(26), nullable=False),
        sa.Column("kind", sa.String(7), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.String(64), nullable=False),
        sa.CheckConstraint("amount >= 0", name="ledger_amount"),
        sa.CheckConstraint("kind IN ('hold', 'charge', 'release')", name="ledger_kind"),
        sa.PrimaryKeyConstraint("job_id", "kind"),
    )
    op.create_index("ledger_at", "ledger", ["at"])
    op.create_index("ledger_payer", "ledger", ["payer", "kind", "at"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("job_id", sa.String(26), nullable=False),
        sa.Column("kind", sa.String(7), nullable=False),
        sa.Column("nonce", sa.String(25), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('result', 'apology')", name="outbox_kind"),
        sa.CheckConstraint("state IN ('todo', 'done', 'dead')", name="outbox_state"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="outbox_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "kind"),
    )
    where = sa.text("state = 'todo'")
    op.create_index("outbox_todo", "outbox", ["next_try"], sqlite_where=where, postgresql_where=where)


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(26), nullable=True),
        sa.Column("application_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="replies_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id", name="replies_job_once"),
    )


def _moves() -> None:
    op.create_table(
        "moves",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(26), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="moves_of_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("moves_job", "moves", ["job_id"])


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(7), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('sketch', 'mask', 'picture')", name="files_kind"),
        sa.PrimaryKeyConstraint("digest", "kind"),
    )


def _weights() -> None:
    op.create_table(
        "weights",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )


def _overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
