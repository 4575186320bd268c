"""Sheets: Jobs, Pictures and Models as plain, JSON-able data, the same for every face."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from core import access, wording
from core.addons import NO_NAMES, AddOns, EmbeddingCard, LoraCard
from core.controls import ControlCard
from core.draft import ModelCard
from core.grammar import command_for, prompt_words
from core.job import MAX_ATTEMPTS, Job
from core.person import Person
from core.picture import Companion, CompanionRole, Picture
from core.progress import Progress, Stepping, Waiting
from core.recipe import Paint, to_json
from core.records import Event


class CompanionSheet(TypedDict):
    """Tell of what is kept beside a Picture; gone: its file is not there any more."""

    role: CompanionRole
    width: int
    height: int
    pixels_digest: str
    gone: bool


class PictureSheet(TypedDict):
    """Tell all about one Picture."""

    id: str
    job: str
    index: int
    state: str
    seed: int
    prompt: str
    words: str
    width: int
    height: int
    facts: str
    alt: str
    command: str
    recipe: dict[str, Any]
    recipe_digest: str
    pixels_digest: str | None
    parent: str | None
    sketch: str | None
    mask: str | None
    verdict: dict[str, Any]
    fingerprint: dict[str, Any] | None
    error: str | None
    flagged: bool
    actions: list[str]
    companions: list[CompanionSheet]


class JobSheet(TypedDict):
    """Tell all about one Job, and what this Person may do with it."""

    id: str
    person: str
    kind: str
    state: str
    typed: str
    sentence: str
    place: int | None
    eta_s: float | None
    model: str
    facts: str
    waited_s: float | None
    painted_s: float | None
    notes: list[str]
    error: str | None
    created_at: int
    ended_at: int | None
    attempt: int
    cost: int
    mine: bool
    actions: list[str]
    pictures: list[PictureSheet]


def picture_sheet(job: Job, picture: Picture, count: int, names: Mapping[str, str] = NO_NAMES) -> PictureSheet:
    """Return a Picture's sheet; count is how many its Job has, names are those of LoRAs by digest."""
    recipe = picture.recipe
    paint = recipe if isinstance(recipe, Paint) else None
    return {
        "id": picture.id,
        "job": picture.job_id,
        "index": picture.index,
        "state": picture.state,
        "seed": picture.seed,
        "prompt": paint.prompt if paint else "",
        "words": prompt_words(paint.prompt) if paint and paint.prompt else "",
        "width": recipe.width,
        "height": recipe.height,
        "facts": wording.facts(recipe, job.model),
        "alt": wording.alt(picture.index, count, recipe),
        "command": command_for(paint, job.model, names=names) if paint else "",
        "recipe": to_json(recipe),
        "recipe_digest": picture.recipe_digest,
        "pixels_digest": picture.pixels_digest,
        "parent": picture.parent_id,
        "sketch": paint.sketch.digest if paint and paint.sketch else None,
        "mask": paint.mask.digest if paint and paint.mask else None,
        "verdict": dict(picture.verdict),
        "fingerprint": picture.fingerprint.as_json() if picture.fingerprint else None,
        "error": picture.error_text or wording.gone(picture),
        "flagged": bool(picture.verdict.get("safety", {}).get("flagged")),
        "actions": list(access.picture_actions(picture)),
        "companions": [_companion(each) for each in picture.companions],
    }


def _companion(companion: Companion) -> CompanionSheet:
    return {
        "role": companion.role,
        "width": companion.width,
        "height": companion.height,
        "pixels_digest": companion.pixels_digest,
        "gone": companion.file_digest is None,
    }


def job_sheet(
    person: Person,
    job: Job,
    pictures: Sequence[Picture],
    place: int | None = None,
    eta_s: float | None = None,
    paused: bool = False,
    names: Mapping[str, str] = NO_NAMES,
) -> JobSheet:
    """Return a Job's sheet as a Person sees it; names are those of LoRAs by digest."""
    waits = wording.PAUSED if paused else wording.waiting(place or 1, eta_s)
    queued = job.state == "queued" and place is not None
    return {
        "id": job.id,
        "person": job.person.id,
        "kind": job.kind,
        "state": job.state,
        "typed": job.typed,
        "sentence": waits if queued else wording.ended(job, pictures),
        "place": place,
        "eta_s": eta_s,
        "model": job.model,
        "facts": _facts(job, pictures),
        "waited_s": _seconds(job.created_at, job.started_at),
        "painted_s": _seconds(job.started_at, job.rendered_at),
        "notes": [*job.notes, *_again(job)],
        "error": job.error_text,
        "created_at": job.created_at,
        "ended_at": job.ended_at,
        "attempt": job.attempt,
        "cost": job.cost,
        "mine": job.person.id == person.id,
        "actions": list(access.job_actions(person, job)),
        "pictures": [picture_sheet(job, picture, len(pictures), names) for picture in pictures],
    }


def _again(job: Job) -> list[str]:
    """Say of an open Job whose painting was cut short which attempt comes, or runs."""
    attempt = job.attempt + (job.state == "queued")
    return [wording.again(attempt, MAX_ATTEMPTS)] if attempt > 1 and job.state in ("queued", "running") else []


def _facts(job: Job, pictures: Sequence[Picture]) -> str:
    """Say what decided a Job's Pictures: those that were painted, else those asked for."""
    told = [picture for picture in pictures if picture.state == "stored"] or list(pictures)
    return wording.facts(told[0].recipe, job.model, told[-1].seed) if told else ""


def _seconds(since: int | None, until: int | None) -> float | None:
    return None if since is None or until is None else max(until - since, 0) / 1000


class AuditSheet(TypedDict):
    """Tell what making a logged Picture again found; at is ms UTC, picture is the logged one's id."""

    picture: str
    at: int
    word: str
    sentence: str


def audit_sheet(job: Job, picture: Picture) -> AuditSheet:
    """Return the sheet of an ended audit."""
    found = picture.verdict.get("reproduce", {})
    return {
        "picture": picture.parent_id or "",
        "at": picture.stored_at or job.ended_at or job.created_at,
        "word": found.get("word", "cannot"),
        "sentence": wording.verdict(found) if found else f"cannot: {job.error_text or wording.NEUTRAL}",
    }


def model_sheet(card: ModelCard, default: str, controls: Sequence[ControlCard] = ()) -> dict[str, Any]:
    """Return a Model's sheet; controls: the ControlNets there are, of which some may fit it."""
    return {
        "name": card.name,
        "family": card.family,
        "digest": card.digest,
        "state": card.state,
        "why": card.why,
        "default": card.name == default,
        "builtin": card.builtin,
        "width": card.width,
        "height": card.height,
        "steps": card.steps,
        "guidance": card.guidance,
        "sampler": card.sampler,
        "samplers": sorted(card.samplers),
        "masks": card.masks,
        "inpaint": card.inpaint,
        "can": _can(card, controls),
        "licence": card.licence,
        "commercial": card.commercial,
        "gated": card.gated,
        "quantised": card.quantised,
        "note": card.note,
    }


def addon_sheets(addons: AddOns) -> dict[str, list[dict[str, Any]]]:
    """Return the sheets of all LoRAs and embeddings; what cannot be used says why."""
    loras = [{**_addon(card), "rank": card.rank} for card in addons.loras]
    embeddings = [{**_addon(card), "vectors": card.vectors} for card in addons.embeddings]
    controls = [{**_addon(card), "preparation": card.preparation} for card in addons.controls]
    return {"loras": loras, "embeddings": embeddings, "controls": controls}


def _addon(card: LoraCard | EmbeddingCard | ControlCard) -> dict[str, Any]:
    told = {"name": card.name, "digest": card.digest, "family": card.kind if card.state != "broken" else ""}
    return {**told, "state": card.state, "why": card.why}


def _can(card: ModelCard, controls: Sequence[ControlCard]) -> list[str]:
    """Return what a Model can do beside words alone; whatever paints can be enlarged."""
    if card.state == "broken":
        return []
    if card.enlarges:
        return [f"x{card.enlarges}"]
    can = {
        "negative": card.negative,
        "sketch": card.sketches,
        "inpaint": card.masks or card.inpaint,
        "upscale": True,
    }
    ready = (each for each in controls if each.state == "ready" and not card.depth)
    fitting = {"depth"} if card.depth else {each.preparation for each in ready if each.fits(card.text_widths)}
    return [*(name for name, able in can.items() if able), *sorted(fitting)]


def passing_event(job: Job, progress: Progress, eta_s: float | None) -> Event | None:
    """Return the event of what is only passing: a place in the line or a step; None where there is nothing to tell."""
    if isinstance(progress, Waiting) and progress.place > 1:
        return waiting_event(job.id, progress.place, eta_s)
    if not isinstance(progress, Stepping):
        return None
    preview = None if progress.preview is None else base64.b64encode(progress.preview).decode()
    return {
        "id": None,
        "type": "stepping",
        "job": job.id,
        "picture": progress.picture,
        "step": progress.step,
        "of": progress.of,
        "eta_s": eta_s,
        "preview": preview,
        "sentence": wording.stepping(progress.step, progress.of, progress.picture, 1, eta_s),
    }


def waiting_event(job_id: str, place: int, eta_s: float | None) -> Event:
    """Return the event of a Job's place in the line."""
    sentence = wording.waiting(place, eta_s)
    return {"id": None, "type": "waiting", "job": job_id, "place": place, "eta_s": eta_s, "sentence": sentence}
