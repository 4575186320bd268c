"""The verb verify: looks for the watermark a picture's file may carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cli.args import take
from cli.console import Console
from cli.files import read_input
from cli.help import verb_named
from core.errors import BadInput
from core.mark import Reading, found, told

Look = Callable[[bytes], Sequence[Reading]]
"""Looks in a file's pixels for every mark that is known; raises BadSketch where it is no picture."""


def run(args: Sequence[str], look: Look, console: Console) -> int:
    """Say what stands in each file; return 1 where one carries no mark."""
    verb = verb_named("verify")
    given = take("verify", args, verb.options, passes_flags=False)
    if not given.words:
        raise BadInput("This takes a picture's file.", "./limner verify heart.png")
    read = {name: look(read_input(name, "The picture")) for name in given.words}
    if given.json:
        console.data([_plain(name, readings) for name, readings in read.items()])
    else:
        for name, readings in read.items():
            console.say(f"{name}: {told(readings)}")
    return 0 if all(map(found, read.values())) else 1


def _plain(name: str, readings: Sequence[Reading]) -> dict[str, object]:
    looked_for = [{"text": each.text, "right": each.right, "bits": each.bits} for each in readings]
    return {"file": name, "mark": found(readings) or None, "looked_for": looked_for}
