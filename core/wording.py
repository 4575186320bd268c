"""Every sentence people see about a Job, once, for all faces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from core.job import Job
from core.picture import Picture
from core.recipe import Paint, Recipe

NEUTRAL = "Something went wrong on our side; it is written in the log under this job's id."
"""What a Person is told of an error that is not theirs to mend."""

NO_DM = "You asked for a copy by direct message, but Discord lets me send you none; see /defaults."
BROKEN_PROMISE = "Limner stopped before this was written down: nothing was asked for or charged. Please ask again."
NOTHING_ASKED = "Nothing was asked for."
CANCELLED = "Cancelled."

PAUSED = "Queued. Painting is paused by the owner; it goes on where it stopped."

ACTIONS = {
    "cancel": "Cancel",
    "again": "Ask again",
    "smaller": "Ask again smaller",
    "reroll": "Reroll",
    "vary": "Vary subtle",
    "strong": "Vary strong",
    "remix": "Remix",
    "upscale": "Upscale x2",
    "sketch": "Use as sketch",
    "reproduce": "Reproduce",
    "info": "Info",
    "delete": "Delete",
}
"""What the buttons say."""

KINDS = {
    "imagine": "Imagine",
    "reroll": "Reroll",
    "vary": "Vary",
    "remix": "Remix",
    "upscale": "Upscale",
    "reproduce": "Reproduce",
}
"""What a card calls its Job."""

SKETCH_ALT = "The sketch it starts from."
PREVIEW_ALT = "A preview: this picture is not finished."
BAR = 12
"""How many signs wide a bar is."""


FILE_GONE = "Its file was deleted, as the owner set it; its recipe is kept: reproduce paints it again."


def gone(picture: Picture) -> str | None:
    """Say of a painted Picture that its file is kept no longer, None where it is there."""
    return FILE_GONE if picture.state == "stored" and picture.file_digest is None else None


UNREADABLE = ("This is no picture I can read.", "I can read PNG, JPEG, WebP and GIF.")
TOO_MANY_BYTES = ("The picture's file is too large: it has more than 10 MB.", "Send a smaller one.")
"""What a Person is told of a Sketch's or mask's file that is larger than taken (core.draft.SKETCH_BYTES)."""


def source_gone(kind: str) -> tuple[str, str]:
    """Say that a Sketch or mask is kept no longer, and what to do."""
    wrong = f"The {kind} it starts from is kept no longer, so it cannot be painted again."
    return wrong, f"Send the {kind} again with the same words and seed."


def not_here(kind: str) -> tuple[str, str]:
    """Say that a Sketch or mask is not here, or somebody else's, and what to do."""
    return f"That {kind} is not here.", "Send it again."


def parent_gone(parent: Picture | None) -> tuple[str, str]:
    """Say that the file of the Picture to enlarge is kept no longer, and what to do."""
    wrong = "The file of the picture it is made from is kept no longer."
    return wrong, f"Reproduce {parent.id[-6:]} first." if parent else "Paint another: /imagine."


NOTHING_WAITS = "Nothing waits."
NOTHING_DECIDED = "Nothing was decided here yet."
ALL_KEPT = "All that is kept of you."
ERASE_TITLE = "Erase all that is kept of you"
ERASE_LABEL = "It cannot be undone. Type the word: erase"


def export_too_large(most_bytes: int, person: str) -> tuple[str, str]:
    """Say that an export is larger than a chat takes, and who can give it."""
    wrong = f"Your export is larger than the {most_bytes // 1_000_000} MB a message takes here."
    return wrong, f"The owner of this Limner can give it to you; your id is {person}."


def span(seconds: float) -> str:
    """Return a time as people say it: `40 s`, `3 min`."""
    if seconds < 1:
        return "1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


ACTS = {
    "limit": "The limits of everyone here are set.",
    "limit_role": "The limits of role {role} are set.",
    "limit_channel": "The limits of channel {channel} are set.",
    "limit_person": "The limits of {who} are set.",
    "allow_channel": "Which channels may be used is set.",
    "allow_role": "Which roles may ask is set.",
    "refuse_words": "The list of refused words is changed.",
    "ban": "{who} may not ask here any more.",
    "unban": "{who} may ask again.",
    "spoiler": "Spoilers are set.",
    "age_only": "Where may be painted by age is set.",
    "recipe": "Whether files tell their recipe is set.",
    "pause": "Paused: nothing more is painted; what is asked for waits.",
    "resume": "Going on: what waits is painted.",
    "drain": "Draining: nothing more is accepted; what waits is painted.",
    "sync": "The commands are registered anew.",
    "default_model": "{model} paints where no model is named.",
}
"""What each act of an operator did."""


MODEL_ACTS = {"load": "{model} is in memory.", "unload": "{model} is taken from memory."}


def act(what: str, detail: Mapping[str, Any]) -> str:
    """Say what an act did; words that are refused are never repeated."""
    return ACTS[what].format_map(defaultdict(str, detail))


def limit(name: str, used: int, most: int) -> str:
    """Say how much of one Limit is used."""
    if not most:
        return {"waiting": "Jobs waiting: no limit.", "per_minute": "Jobs a minute: no limit."}.get(
            name, "Cost a day: no limit."
        )
    if name == "day_cost":
        return f"{100 * used / most:.0f} % of the day's budget is used."
    what = "jobs are waiting" if name == "waiting" else "jobs were asked for in the last minute"
    return f"{used} of {most} {what}."


def erased(jobs: int, pictures: int, wal: bool) -> str:
    """Say what was erased."""
    late = "" if wal else " The database's log still holds some of it; ask once more in a minute."
    return f"Erased: {jobs} jobs, {pictures} pictures, and all words.{late}"


def waiting(place: int, eta_s: float | None) -> str:
    """Say where a Job stands in the queue and how long it will take."""
    about = "" if eta_s is None else f", about {span(eta_s)}"
    return f"Queued, place {place}{about}." if place > 1 else f"Queued, next{about}."


def stepping(step: int, of: int, picture: int, pictures: int, eta_s: float | None) -> str:
    """Say how far a Job is."""
    which = f"picture {picture + 1} of {pictures}, " if pictures > 1 else ""
    left = "" if eta_s is None else f", about {span(eta_s)} left"
    return f"Painting: {which}step {step} of {of}{left}."


def bar(step: int, of: int) -> str:
    """Return how far a Picture is as a bar with its count: `▰▰▰▱▱▱ 12/30`."""
    full = BAR * min(step, of) // max(of, 1)
    return f"{'▰' * full}{'▱' * (BAR - full)} {step}/{of}"


def painting(step: int, of: int, picture: int, pictures: int) -> str:
    """Say which Picture of a Job is painted, and how far it is."""
    which = f"picture {picture + 1} of {pictures} " if pictures > 1 else ""
    return f"Painting {which}{bar(step, of)}"


def in_forms(sentence: str, forms: Sequence[str], missing: int) -> str | None:
    """Say that Pictures are shown in another form than they are kept in, or not at all; None where all are as kept."""
    if not forms and not missing:
        return None
    told = f" Shown as {' and '.join(form.upper() for form in forms)}: as PNG it is too large here." if forms else ""
    left = f" {missing} too large to be shown here in any form: see /history and Limner's page." if missing else ""
    return f"{sentence}{told}{left}"


def long_wait(painted: bool) -> str:
    """Call who waited long."""
    return "It is painted." if painted else "It could not be painted; the card says why."


def no_place(painted: bool) -> str:
    """Tell somebody whose answer cannot be shown where they asked."""
    what = "Your picture is painted" if painted else "What you asked for could not be painted"
    return f"{what}, but I can no longer post where you asked. It is kept: see /history."


def took(waited_s: float | None, painted_s: float | None) -> str:
    """Say how long a Job waited and was painted; empty where it never began."""
    parts = [("waited", waited_s), ("painted", painted_s)]
    return ", ".join(f"{what} {span(seconds)}" for what, seconds in parts if seconds is not None)


def ended(job: Job, pictures: Sequence[Picture]) -> str:
    """Say how a Job ended, or that it waits for its first step."""
    stored = sum(picture.state == "stored" for picture in pictures)
    if job.state in ("rendered", "delivered", "undeliverable"):
        return (
            done(job, pictures)
            if stored == len(pictures)
            else f"{stored} of {len(pictures)} painted. {short(job, pictures)}"
        )
    if job.state == "failed":
        return f"Not painted: {job.error_text or NEUTRAL} Nothing was charged."
    if job.state == "cancelled":
        # Other codes say why it could not go on; that it was cancelled is what its Person knows.
        where = job.error_text if job.error_code == "cancelled" else None
        return f"{where or CANCELLED} Nothing was charged."
    return "Starting." if job.state == "running" else "Queued."


def again(attempt: int, of: int) -> str:
    """Say that what a Job was painted by stopped before it was done, and which attempt comes or runs."""
    return f"Again, {attempt} of {of}: the painting was cut short; the seed is the same."


def painter_stopped(times: int) -> str:
    """Say that a Job outlived its Worker, and what to do where it was for the last time."""
    stopped = "once" if times == 1 else "twice" if times == 2 else f"{times} times"
    return f"The painter stopped {stopped} on this one. Ask again, perhaps for something smaller."


def cancelled_at(step: int, of: int) -> str:
    """Say how far a Job was when it was cancelled."""
    return f"Cancelled at step {step} of {of}." if step else CANCELLED


def short(job: Job, pictures: Sequence[Picture]) -> str:
    """Say why some Pictures of a Job are missing."""
    reason = job.error_text or next((p.error_text for p in pictures if p.error_text), None)
    return f"{reason or 'The rest was cancelled.'} What is missing was not charged."


def done(job: Job, pictures: Sequence[Picture]) -> str:
    """Say what came out."""
    if job.kind == "reproduce" and pictures:
        return verdict(pictures[0].verdict.get("reproduce", {}))
    if job.kind == "upscale":
        return f"Enlarged to {pictures[0].width} x {pictures[0].height}."
    seeds = [picture.seed for picture in pictures]
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return f"Done, {which}."


def verdict(found: Mapping[str, Any]) -> str:
    """Say what a Reproduce found: `identical`, or which fields differ and by how much."""
    if not found:
        return "Painted again; there was nothing to compare it with."
    if found["word"] == "identical":
        return "identical"
    fields = ", ".join(found["fields"]) or "no recorded field"
    return f"different: {fields}; max {found['most']}/255 in {100 * found['share']:.3g} %"


def facts(recipe: Recipe, model: str, last_seed: int | None = None) -> str:
    """Say in one line what decided a Picture, or all of a Job's up to the one with the last Seed."""
    size = f"{recipe.width} x {recipe.height}"
    if not isinstance(recipe, Paint):
        if recipe.model is None:
            return f"{size}, enlarged {recipe.factor} x ({recipe.method})"
        said = f"seed {recipe.seed}, {model}, {recipe.steps} steps, guidance {recipe.guidance:g}"
        return f"{said}, {size}, enlarged {recipe.factor} x"
    parts = [
        f"seed {recipe.seed}" if last_seed in (None, recipe.seed) else f"seeds {recipe.seed} to {last_seed}",
        model,
        recipe.sampler,
        f"{recipe.steps} steps",
        f"guidance {recipe.guidance:g}",
        size,
    ]
    if recipe.strength is not None:
        parts.append(f"strength {recipe.strength:g}")
    if recipe.mask is not None:
        parts.append("inpainted")
    if recipe.control is not None:
        parts.append(f"control {recipe.control.kind} {recipe.control.scale:g}")
    if recipe.loras:
        parts.append("1 LoRA" if len(recipe.loras) == 1 else f"{len(recipe.loras)} LoRAs")
    if recipe.vary is not None:
        parts.append(f"varied by {recipe.vary.amount:g} towards seed {recipe.vary.seed}")
    return ", ".join(part for part in parts if part)


def alt(index: int, count: int, recipe: Recipe) -> str:
    """Return the text for those who do not see the Picture: 1 to 1024 signs."""
    words = recipe.prompt if isinstance(recipe, Paint) and recipe.prompt else "painted from a picture"
    whole = f"Picture {index + 1} of {count}: {words}" if count > 1 else words
    return whole if len(whole) <= 1024 else whole[:1023].rsplit(" ", 1)[0] + "…"
