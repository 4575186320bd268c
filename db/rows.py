"""From rows to nouns and back."""

from __future__ import annotations

import json
from typing import Any, cast, get_args

from core.job import KINDS, STATES, Job
from core.person import Person, Place
from core.picture import Companion, CompanionRole, Fingerprint, Picture, PictureState, Replay, Role
from core.recipe import from_json
from core.records import Move, Reply
from db.tables import JobRow, MoveRow, PictureRow, ReplyRow


def pack(data: Any) -> str:
    """Return canonical JSON for a text column."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def to_job(row: JobRow) -> Job:
    """Return a row of `jobs` as a Job."""
    return Job(
        id=row.id,
        person=Person(row.person),
        place=Place(row.face, row.place),
        kind=next(kind for kind in KINDS if kind == row.kind),
        typed=row.typed,
        state=next(state for state in STATES if state == row.state),
        cost=row.cost,
        created_at=row.created_at,
        attempt=row.attempt,
        fence=row.fence,
        cancel_requested=row.cancel_requested,
        solo=row.solo,
        model=row.model,
        notes=tuple(json.loads(row.notes)),
        source=row.dedupe_key.rpartition("/")[0],
        error_code=row.error_code,
        error_text=row.error_text,
        started_at=row.started_at,
        rendered_at=row.rendered_at,
        ended_at=row.ended_at,
    )


def to_picture(row: PictureRow, companions: tuple[Companion, ...] = ()) -> Picture:
    """Return a row of `pictures` as a Picture; a Replay waits in the verdict column until the Picture is stored."""
    verdict: dict[str, Any] = json.loads(row.verdict or "{}")
    replay = verdict.pop("replay", None)
    return Picture(
        id=row.id,
        job_id=row.job_id,
        index=row.idx,
        recipe=from_json(json.loads(row.recipe)),
        recipe_digest=row.recipe_digest,
        seed=row.seed,
        state=cast("PictureState", _one_of(row.state, get_args(PictureState))),
        role=cast("Role", _one_of(row.role, get_args(Role))),
        parent_id=row.parent_id,
        replay=Replay.from_json(replay) if replay else None,
        error_code=row.error_code,
        error_text=row.error_text,
        pixels_digest=row.pixels_digest,
        file_digest=row.file_digest,
        width=row.width,
        height=row.height,
        fingerprint=Fingerprint.from_json(json.loads(row.fingerprint)) if row.fingerprint else None,
        verdict=verdict,
        stored_at=row.stored_at,
        companions=companions,
    )


def to_companion(row: PictureRow) -> Companion:
    """Return a row of `pictures` of another role than a Picture's."""
    return Companion(
        role=cast("CompanionRole", _one_of(row.role, get_args(CompanionRole))),
        pixels_digest=row.pixels_digest or "",
        file_digest=row.file_digest,
        width=row.width or 0,
        height=row.height or 0,
    )


def to_move(row: MoveRow, person: str, place: Place) -> Move:
    """Return a row of `moves` with who asked and where it is shown."""
    return Move(
        id=row.id,
        job_id=row.job_id,
        person=person,
        place=place,
        at=row.at,
        from_state=row.from_state,
        to_state=row.to_state,
        attempt=row.attempt,
        why=row.why,
    )


def to_reply(row: ReplyRow) -> Reply:
    """Return a row of `replies` as a Reply."""
    return Reply(row.application_id, row.token, row.channel_id, row.message_id, row.expires_at)


def _one_of(word: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise ValueError(f"{word!r} is none of {known}")
    return word
