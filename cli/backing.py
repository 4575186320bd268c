"""The verbs backup and restore: a copy of log and files while all goes on, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cli.args import Given, take
from cli.console import Console
from cli.desk import Desk
from cli.help import verb_named
from core.errors import BadInput

Restore = Callable[[str, bool], dict[str, Any]]
"""Brings a backup back by name; the second says whether a log that is there is put aside."""


async def backup(desk: Desk, given: Given) -> int:
    """Make a backup and say where it lies; return 1 where a file was missing."""
    if given.words:
        raise BadInput("./limner backup takes no words.", "Type it alone.")
    made = await desk.studio.operator.backup(desk.person)
    if given.json:
        desk.console.data(made)
    else:
        desk.console.say(f"{made['path']}: {made['files']} files.")
        if made["deleted"]:
            desk.console.note(f"{made['deleted']} older ones were deleted (keeping.backups_days).")
        if made["missing"]:
            desk.console.note(f"{made['missing']} files of the log are not on the disk any more.")
        if made["also"]:
            desk.console.note(f"These are the files; the log is PostgreSQL's: {made['also']}")
    return 1 if made["missing"] else 0


def restore(args: Sequence[str], bring: Restore, console: Console) -> int:
    """Bring a backup back; return 1 where a file it names is missing."""
    verb = verb_named("restore")
    given = take("restore", args, verb.options, passes_flags=False, switches=verb.switches)
    if len(given.words) != 1:
        raise BadInput("This takes the name of a backup.", "They lie in data/backups.")
    found = bring(given.words[0], "--replace" in given.switches)
    if given.json:
        console.data(found)
    else:
        console.say(f"{found['name']} is back, with {found['files']} files.")
        if found["aside"]:
            console.note(f"What was there lies in {found['aside']}.")
        if found["missing"]:
            console.note(f"{found['missing']} files are missing; their recipes are there: reproduce paints them again.")
    return 1 if found["missing"] else 0
