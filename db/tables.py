"""The tables as they stand in the database; rows here, nouns in core."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.filerows import Counter, DoomedRow, FileRow, HolderRow, Row, Sha, Ulid, WeightsRow

__all__ = [
    "ActRow",
    "DefaultsRow",
    "DoomedRow",
    "ErasedRow",
    "FileRow",
    "HolderRow",
    "JobRow",
    "LedgerRow",
    "MoveRow",
    "OutboxRow",
    "OverrideRow",
    "PictureRow",
    "ReplyRow",
    "Row",
    "RulesRow",
    "SessionRow",
    "WeightsRow",
]

STATES = "('queued', 'running', 'rendered', 'delivered', 'failed', 'cancelled', 'undeliverable')"


class JobRow(Row):
    """One accepted Draft and its state."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="jobs_state"),
        CheckConstraint("(state = 'running') = (lease_owner IS NOT NULL)", name="jobs_lease"),
        Index(
            "jobs_queued",
            "person",
            "created_at",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        # Not partial: SQLite does not see that a list of states implies such an index.
        Index("jobs_state", "state", "person"),
        Index("jobs_person", "person", "id"),
        Index("jobs_tail", text("substr(id, 21)")),
    )

    id: Mapped[str] = mapped_column(Ulid, primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(Text, unique=True)
    person: Mapped[str] = mapped_column(Text)
    place: Mapped[str] = mapped_column(Text)
    face: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    typed: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    sketch: Mapped[str | None] = mapped_column(Sha)
    state: Mapped[str] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(Integer)
    weight: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    cost: Mapped[int] = mapped_column(BigInteger)
    attempt: Mapped[int] = mapped_column(Integer)
    max_attempts: Mapped[int] = mapped_column(Integer)
    solo: Mapped[bool]
    fence: Mapped[int] = mapped_column(BigInteger)
    lease_owner: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[int | None] = mapped_column(BigInteger)
    not_before: Mapped[int] = mapped_column(BigInteger)
    cancel_requested: Mapped[bool]
    error_code: Mapped[str | None] = mapped_column(Text)
    error_text: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[int | None] = mapped_column(BigInteger)
    rendered_at: Mapped[int | None] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)
    removed_at: Mapped[int | None] = mapped_column(BigInteger)


class PictureRow(Row):
    """One Recipe, written at accept, and what came of it; cost is its share of the Job's."""

    __tablename__ = "pictures"
    __table_args__ = (
        UniqueConstraint("job_id", "idx", name="pictures_job_idx"),
        CheckConstraint("role IN ('picture', 'grid', 'depth', 'prepared')", name="pictures_role"),
        CheckConstraint("state IN ('waiting', 'stored', 'failed', 'dropped')", name="pictures_state"),
        Index("pictures_person", "person", "id"),
        Index("pictures_parent", "parent_id"),
        Index("pictures_recipe", "recipe_digest"),
        Index("pictures_pixels", "pixels_digest"),
        Index("pictures_file", "file_digest"),
        Index("pictures_tail", text("substr(id, 21)")),
        Index(
            "pictures_newest",
            "person",
            "stored_at",
            "id",
            sqlite_where=text("state = 'stored'"),
            postgresql_where=text("state = 'stored'"),
        ),
    )

    id: Mapped[str] = mapped_column(Ulid, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE", name="pictures_job"))
    idx: Mapped[int] = mapped_column(Integer)
    person: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    # No foreign key: the parent may be erased while its children stay.
    parent_id: Mapped[str | None] = mapped_column(Ulid)
    recipe: Mapped[str] = mapped_column(Text)
    recipe_digest: Mapped[str] = mapped_column(Sha)
    seed: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(Text)
    error_text: Mapped[str | None] = mapped_column(Text)
    pixels_digest: Mapped[str | None] = mapped_column(Sha)
    file_digest: Mapped[str | None] = mapped_column(Sha)
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    fingerprint: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[str | None] = mapped_column(Text)
    fence: Mapped[int | None] = mapped_column(BigInteger)
    stored_at: Mapped[int | None] = mapped_column(BigInteger)


class LedgerRow(Row):
    """What a Job holds, costs and gives back; it outlives an erased Job, so it points at none."""

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint("kind IN ('hold', 'charge', 'release')", name="ledger_kind"),
        CheckConstraint("amount >= 0", name="ledger_amount"),
        Index("ledger_payer", "payer", "kind", "at"),
        # Without the kind: SQLite would take it for rare, and walk over every hold there ever was.
        Index("ledger_at", "at"),
    )

    job_id: Mapped[str] = mapped_column(Ulid, primary_key=True)
    kind: Mapped[str] = mapped_column(String(7), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[int] = mapped_column(BigInteger)
    payer: Mapped[str] = mapped_column(Sha)


class OutboxRow(Row):
    """A result or an apology to be delivered."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("kind IN ('result', 'apology')", name="outbox_kind"),
        CheckConstraint("state IN ('todo', 'done', 'dead')", name="outbox_state"),
        Index("outbox_todo", "next_try", sqlite_where=text("state = 'todo'"), postgresql_where=text("state = 'todo'")),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE", name="outbox_job"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(7), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(25))
    via: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(Integer)
    next_try: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[str | None] = mapped_column(Text)
    lease_owner: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[int | None] = mapped_column(BigInteger)
    fence: Mapped[int] = mapped_column(BigInteger)


class ReplyRow(Row):
    """What a chat gave to answer by; the token is wiped when it expires or was used."""

    __tablename__ = "replies"
    __table_args__ = (
        UniqueConstraint("job_id", name="replies_job_once"),
        Index("replies_live", "expires_at", sqlite_where=text("token <> ''"), postgresql_where=text("token <> ''")),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE", name="replies_job"))
    application_id: Mapped[str] = mapped_column(Text)
    token: Mapped[str] = mapped_column(Text)
    channel_id: Mapped[str] = mapped_column(Text)
    message_id: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    promiser: Mapped[str | None] = mapped_column(Text)
    """Which program promised an answer before there was a Job, and when; ms UTC."""
    promised_at: Mapped[int | None] = mapped_column(BigInteger)


class MoveRow(Row):
    """One move of one Job, in the order of commit; an id is never given out twice."""

    __tablename__ = "moves"
    __table_args__ = (Index("moves_job", "job_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE", name="moves_of_job"))
    at: Mapped[int] = mapped_column(BigInteger)
    from_state: Mapped[str] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(Integer)
    fence: Mapped[int] = mapped_column(BigInteger)
    worker: Mapped[str | None] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)


class SessionRow(Row):
    """A session of the page: the secret's hash alone; account: the one it was opened by, none by a start's secret."""

    __tablename__ = "sessions"

    hash: Mapped[str] = mapped_column(Sha, primary_key=True)
    person: Mapped[str] = mapped_column(Text)
    expires: Mapped[int] = mapped_column(BigInteger)
    account: Mapped[str | None] = mapped_column(Text)


class OverrideRow(Row):
    """One of the operator's settings, above the files and below the environment."""

    __tablename__ = "overrides"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class DefaultsRow(Row):
    """What one Person wants where nothing is typed, as JSON."""

    __tablename__ = "defaults"

    person: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class RulesRow(Row):
    """What was decided for one server, as JSON."""

    __tablename__ = "rules"

    server: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class ActRow(Row):
    """One act of an operator."""

    __tablename__ = "acts"
    __table_args__ = (Index("acts_server", "server", "id"),)

    id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    at: Mapped[int] = mapped_column(BigInteger)
    person: Mapped[str] = mapped_column(Text)
    face: Mapped[str] = mapped_column(Text)
    place: Mapped[str] = mapped_column(Text)
    server: Mapped[str] = mapped_column(Text)
    what: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)


class ErasedRow(Row):
    """The id of a Job or Picture that was erased, and nothing else of it."""

    __tablename__ = "erased"
    __table_args__ = (Index("erased_tail", text("substr(id, 21)")),)

    id: Mapped[str] = mapped_column(Ulid, primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
