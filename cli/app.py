"""The command line's front door: reads argv, refuses what is wrong before anything is built, then does the verb."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from cli import backing, doctor, help, models, settings, setup, verbs, verify
from cli.args import take
from cli.console import Console
from cli.help import Needs, verb_named
from cli.paint import CANNOT
from core.config import Loaded
from core.errors import BadInput, StudioError
from core.person import OWNER, Place
from core.studio import Studio
from core.words import nearest

VERBS: tuple[str, ...] = tuple(verb.name for verb in help.VERBS)
PLACE = Place.of("cli")


@dataclass(frozen=True, slots=True)
class Command:
    """Hold what was typed: a verb (None: serve the faces) and its arguments, or the help to print instead."""

    verb: str | None
    args: tuple[str, ...] = ()
    help: str = ""
    json: bool = False
    needs: Needs = "device"


@dataclass(frozen=True, slots=True)
class Doors:
    """What the composition root opens for the command line.

    open_studio: the Studio of this process or of the one that runs, for a verb that needs the log or the device.
    examine: everything the doctor looks at. bench: what the set-up works with. restore: brings a backup back.
    look_for_mark: finds the watermark of a file.
    shop: where Models come from.
    new_source: a fresh unique id; clock: ms UTC.
    """

    load: Callable[[], Loaded]
    serve: Callable[[Loaded], Coroutine[Any, Any, int]]
    open_studio: Callable[[Loaded, Needs], AbstractAsyncContextManager[Studio]]
    examine: Callable[[], AbstractAsyncContextManager[doctor.Patient]]
    bench: Callable[[], setup.Bench]
    restore: backing.Restore
    look_for_mark: verify.Look
    shop: Callable[[], models.Shop]
    clock: Callable[[], int]
    new_source: Callable[[], str]


def parse(argv: Sequence[str]) -> Command:
    """Read argv; raise BadInput with what is wrong and the nearest name."""
    if not argv:
        return Command(None)
    head, rest = argv[0], tuple(argv[1:])
    if head in ("--help", "-h", "help"):
        return Command(None, help=help.page(verb_named(rest[0])) if rest else help.overview())
    if head.startswith("-"):
        raise BadInput(f"There is no option {head}.", f"The nearest verb is {nearest(head, VERBS)}.")
    verb = verb_named(head)
    given = take(head, rest, verb.options, passes_flags=verb.passes_flags, switches=verb.switches)
    return Command(head, rest, help.page(verb) if given.help else "", given.json, verb.needs)


def main(argv: Sequence[str], doors: Doors, console: Console) -> int:
    """Do what argv says and return the exit code; every StudioError is printed as a sentence, never as a traceback."""
    as_json = False
    try:
        command = parse(argv)
        as_json = command.json
        if command.help:
            console.say(command.help)
            return 0
        if command.verb == "restore":
            return backing.restore(command.args, doors.restore, console)
        if command.verb == "verify":
            return verify.run(command.args, doors.look_for_mark, console)
        if command.verb == "models" and (act := models.act_of(command.args)) is not None:
            return act(command.args, doors.shop(), console)
        if command.verb == "setup":
            # Asked for before the loop runs: Ctrl-C must reach a prompt.
            return asyncio.run(setup.run(command.args, setup.ask(console), doors.bench(), console))
        return asyncio.run(_do(command, doors, console))
    except StudioError as error:
        console.problem(error, as_json=as_json)
        return CANNOT
    except KeyboardInterrupt:
        return verbs.CALLED_OFF


async def _do(command: Command, doors: Doors, console: Console) -> int:
    if command.verb == "doctor":
        async with doors.examine() as patient:
            return await doctor.run(command.args, patient, console)
    loaded = doors.load()
    if command.verb is None:
        return await doors.serve(loaded)
    if command.verb == "config":
        return settings.run(command.args, loaded, console)
    async with doors.open_studio(loaded, command.needs) as studio:
        return await verbs.run(
            command.verb,
            command.args,
            studio,
            person=OWNER,
            place=PLACE,
            console=console,
            clock=doors.clock,
            new_source=doors.new_source,
        )
