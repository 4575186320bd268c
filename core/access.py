"""Who may see or do what: pure functions for all faces."""

from __future__ import annotations

from core.errors import NotAllowed, NotFound, OutOfMemory
from core.job import Job
from core.person import Person, Place
from core.picture import Picture
from core.recipe import Paint

OWN_ONLY = frozenset({"cancel", "delete", "share"})
"""Actions of whoever asked and of moderators; all others are everyone's in the same Place, on their own Limits."""

EXACT = frozenset({"reproduce", "upscale"})
"""Kinds whose size is not theirs to choose."""


def only_owner(person: Person) -> None:
    """Raise NotAllowed for everybody but the owner of this Limner."""
    if not person.is_owner:
        raise NotAllowed("Only the owner of this Limner may do that.")


def sees(person: Person, place: Place, job: Job) -> bool:
    """Say whether a Person, standing in a Place, may see a Job at all."""
    return job.person.id == person.id or job.place == place


def check(action: str, person: Person, place: Place, job: Job) -> None:
    """Raise NotFound where the Person may not even see the Job, NotAllowed where the action is not theirs."""
    if not sees(person, place, job):
        raise NotFound(f"There is no job or picture {job.id[-6:]}.", "See your own with /history.")
    if action in OWN_ONLY and not _owns(person, job):
        raise NotAllowed(f"Only who asked for it may {action} this job.")


def job_actions(person: Person, job: Job) -> tuple[str, ...]:
    """Return what a Person may press on a Job as a whole."""
    owns = _owns(person, job)
    if job.state in ("queued", "running"):
        return ("cancel",) if owns else ()
    again: tuple[str, ...] = ("again",) if job.state in ("failed", "cancelled") else ()
    if job.state == "failed" and job.error_code == OutOfMemory.code and job.kind not in EXACT:
        again = ("smaller", *again)
    return (*again, "delete") if owns else again


def _owns(person: Person, job: Job) -> bool:
    """Say whether a Job that a Person sees is its own to end or take down; moderators and the owner may too."""
    return job.person.id == person.id or person.may_moderate or person.is_owner


def picture_actions(picture: Picture) -> tuple[str, ...]:
    """Return what anyone who sees a Picture may press on it."""
    paint = isinstance(picture.recipe, Paint)
    if picture.state == "waiting":
        return ()
    if picture.state != "stored":
        return ("remix", "info") if paint else ("info",)
    if paint:
        return ("reroll", "vary", "strong", "remix", "upscale", "sketch", "reproduce", "info")
    return ("upscale", "sketch", "reproduce", "info")
