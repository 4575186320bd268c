"""Do one verb that asks the Studio: those that paint, and those that only read the log."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from cli import backing, guests, models, own, paint
from cli.args import Given, take, whole_number
from cli.console import Console, when
from cli.desk import Desk
from cli.files import FORMS, Outputs, read_input
from cli.follow import Interrupted
from cli.help import verb_named
from core.errors import BadInput, NotFound, StudioError
from core.person import Person, Place
from core.sheet import JobSheet, PictureSheet
from core.studio import Studio
from core.telling import companion_line

CALLED_OFF = 130
MOST_LISTED = 100


async def run(
    verb: str,
    args: Sequence[str],
    studio: Studio,
    *,
    person: Person,
    place: Place,
    console: Console,
    clock: Callable[[], int],
    new_source: Callable[[], str],
) -> int:
    """Do a verb and return the exit code: 0 done, 1 not all of it, 2 it cannot be done, 130 called off by Ctrl-C."""
    described = verb_named(verb)
    given = take(verb, args, described.options, passes_flags=described.passes_flags, switches=described.switches)
    desk = Desk(studio, person, place, console, clock, new_source)
    try:
        return await _do(verb, desk, given)
    except Interrupted:
        return CALLED_OFF
    except StudioError as error:
        console.problem(error, as_json=given.json)
        return paint.CANNOT


async def _do(verb: str, desk: Desk, given: Given) -> int:
    match verb:
        case "imagine":
            return await paint.imagine(desk, given)
        case "reproduce":
            return await paint.reproduce(desk, given)
        case "reroll" | "vary" | "upscale":
            return await paint.again(desk, verb, given)
        case "cancel":
            return await _cancel(desk, given)
        case "history":
            return await _history(desk, given)
        case "show":
            return await _show(desk, given)
        case "audit":
            return await _audit(desk, given)
        case "backup":
            return await backing.backup(desk, given)
        case "models":
            return await models.listed(desk, given)
        case "styles":
            return await own.styles(desk, given)
        case "limits":
            return await own.limits(desk, given)
        case "queue":
            return await own.queue(desk, given)
        case "export":
            return await own.export(desk, given)
        case "erase":
            return await own.erase(desk, given)
        case "people":
            return await guests.people(desk, given)
        case "share":
            return await guests.share(desk, given)
        case "unshare":
            return await guests.unshare(desk, given)
    raise BadInput(f"./limner {verb} does not ask the studio.")


async def _cancel(desk: Desk, given: Given) -> int:
    job = await desk.studio.cancel(desk.person, desk.place, _one(given, "a job's id"))
    if given.json:
        desk.console.data([job])
    else:
        desk.console.say("It ends at its next step." if job["state"] == "running" else job["sentence"])
    return 0


async def _history(desk: Desk, given: Given) -> int:
    limit = whole_number(given, "--limit", 20, MOST_LISTED)
    jobs = await desk.studio.history(desk.person, given.options.get("--before"), limit, " ".join(given.words))
    if given.json:
        desk.console.data(jobs)
    elif not jobs:
        desk.console.note("Nothing is there yet." if not given.words else "No job has these words.")
    else:
        desk.console.table([_row(job) for job in jobs])
    return 0


def _row(job: JobSheet) -> list[str]:
    typed = " ".join(job["typed"].split()) or "-"
    pictures = " ".join(picture["id"][-6:] for picture in job["pictures"])
    return [job["id"][-6:], when(job["created_at"]), job["kind"], job["state"], pictures, typed]


async def _show(desk: Desk, given: Given) -> int:
    outputs = Outputs(given.options["--out"]) if "--out" in given.options else None
    if len(given.words) == 1 and Path(given.words[0]).suffix.lower() in FORMS:
        return await _told_by_file(desk, given, outputs)
    if given.words:
        picture = await desk.studio.picture(desk.person, desk.place, _one(given, "a picture's id"))
    else:
        picture = await _newest(desk)
    job = await desk.studio.job(desk.person, desk.place, picture["job"])
    if outputs is not None:
        outputs.name([{**job, "pictures": [picture]}])
        for path in [await outputs.save(desk, picture), *await outputs.save_beside(desk, picture)]:
            desk.console.note(f"Saved as {path}.")
    if given.json:
        desk.console.data(picture)
    else:
        desk.console.table([[name, value] for name, value in _lines(job, picture) if value])
    return 0


async def _told_by_file(desk: Desk, given: Given, outputs: Outputs | None) -> int:
    """Say what a file tells of itself, and the words that paint it here."""
    if outputs is not None:
        raise BadInput("--out is for a picture of the log.", "Type the words with ./limner imagine, and --out there.")
    raw = read_input(given.words[0], "The file")
    found = await desk.studio.read_recipe(desk.person, desk.place, raw)
    if given.json:
        desk.console.data(found)
    else:
        rows = [["painted by", found["tool"]], ["type", found["words"]], *(["note", each] for each in found["notes"])]
        desk.console.table([*rows, *([["picture", found["picture"]]] if found["picture"] else [])])
    return 0


async def _newest(desk: Desk) -> PictureSheet:
    for job in await desk.studio.history(desk.person, None, MOST_LISTED):
        for picture in job["pictures"]:
            if picture["state"] == "stored":
                return picture
    raise NotFound("There is no picture yet.", 'Paint one: ./limner imagine "a red heart".')


def _lines(job: JobSheet, picture: PictureSheet) -> list[tuple[str, str]]:
    fingerprint = picture["fingerprint"]
    verdict = picture["verdict"].get("reproduce", {}).get("word", "")
    return [
        ("picture", picture["id"]),
        ("job", f"{job['id']}, {job['kind']}, {job['state']}"),
        ("asked", f"{when(job['created_at'])}: {job['typed']}"),
        ("prompt", picture["prompt"]),
        ("made with", picture["facts"]),
        ("type", picture["command"]),
        ("state", picture["state"] + (f": {picture['error']}" if picture["error"] else "")),
        ("verdict", str(verdict)),
        ("parent", picture["parent"] or ""),
        ("sketch", picture["sketch"] or ""),
        ("mask", picture["mask"] or ""),
        *(("beside", companion_line(each)) for each in picture["companions"]),
        ("recipe", picture["recipe_digest"]),
        ("pixels", picture["pixels_digest"] or ""),
        ("painted by", json.dumps(fingerprint, sort_keys=True) if fingerprint else ""),
    ]


async def _audit(desk: Desk, given: Given) -> int:
    if given.words:
        raise BadInput("./limner audit takes no words.", "--limit says how many are listed.")
    found = await desk.studio.audit(desk.person, whole_number(given, "--limit", 20, MOST_LISTED))
    if given.json:
        desk.console.data(found)
    elif not found:
        desk.console.note("No picture was audited yet.")
    else:
        desk.console.table([[when(each["at"]), each["picture"], each["sentence"]] for each in found])
    return paint.NOT_ALL if any(each["word"] == "different" for each in found) else paint.PAINTED


def _one(given: Given, what: str) -> str:
    if len(given.words) != 1:
        raise BadInput(f"This takes {what}, and nothing else.", "./limner history lists them.")
    return given.words[0]
