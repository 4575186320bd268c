"""The verb models: lists what can paint, fetches one from the hub (the only download ever made), or removes one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.args import Given, take
from cli.console import Console
from cli.desk import Desk
from cli.help import verb_named
from core.errors import BadInput
from core.supply import Offer, Wanted
from core.telling import addon_lines, model_lines

GET, REMOVE = "get", "remove"
EVERY_S = 0.5
"""How often the bar moves."""
GIGABYTE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Shop:
    """Hold what `get` and `remove` work with; main.py fills it in.

    offer: asks the hub what there is. get: fetches it, telling bytes and of how many, and returns where it lies.
    remove: takes one away by name, and returns how many bytes that frees.
    """

    offer: Callable[[Wanted], Offer]
    get: Callable[[Offer, Callable[[int, int], None]], Path]
    remove: Callable[[str], int]


Act = Callable[[Sequence[str], Shop, Console], int]


async def listed(desk: Desk, given: Given) -> int:
    """List the Models, broken ones with what is wrong."""
    if given.words:
        raise BadInput(
            f"./limner models takes no word {given.words[0]}.", "./limner models get MAKER/MODEL fetches one."
        )
    if given.options or given.switches - {"--json"}:
        raise BadInput("These options go with ./limner models get.", "Say which: ./limner models get MAKER/MODEL.")
    models = await desk.studio.models()
    if given.json:
        desk.console.data(models)
        return 0
    for model in models:
        head, *rest = model_lines(model)
        desk.console.say(head)
        for line in rest:
            desk.console.say(f"    {line}")
    for line in addon_lines(await desk.studio.addons()):
        desk.console.say(line)
    return 0


def act_of(args: Sequence[str]) -> Act | None:
    """Return what the arguments ask to be done with a Model; None: they are to be listed."""
    return {GET: get, REMOVE: remove}.get(args[0]) if args else None


def remove(args: Sequence[str], shop: Shop, console: Console) -> int:
    """Remove a Model that was fetched; Pictures painted with it stay."""
    given = take("models", args[1:], (), passes_flags=False)
    if len(given.words) != 1:
        raise BadInput("This takes one model's name.", "./limner models remove NAME")
    (name,) = given.words
    freed = shop.remove(name)
    if given.json:
        console.data({"name": name, "bytes": freed})
        return 0
    console.say(f"{name} is removed, {freed / GIGABYTE:.2f} GB are free. A program that runs knows at its next start.")
    console.say("Its pictures stay; to reproduce one, fetch the same model again.")
    return 0


def get(args: Sequence[str], shop: Shop, console: Console) -> int:
    """Fetch a Model: its size first, a bar while it comes; the same command goes on where an earlier one ended."""
    verb = verb_named("models")
    given = take("models", args[1:], verb.options, passes_flags=False, switches=verb.switches)
    if len(given.words) != 1:
        raise BadInput("This takes one model's id.", verb.example)
    wanted = Wanted(
        given.words[0],
        given.options.get("--as", ""),
        given.options.get("--revision", "main"),
        "--half" in given.switches,
        given.options.get("--file", ""),
    )
    offer = shop.offer(wanted)
    licence = offer.licence or "its licence is not told"
    console.note(f"{wanted.id}: {len(offer.files)} files, {offer.whole / GIGABYTE:.2f} GB; {licence}.")
    path = shop.get(offer, _bar(wanted.here, console))
    if given.json:
        console.data({"name": path.stem if path.is_file() else path.name, "path": str(path), "bytes": offer.whole})
        return 0
    name = path.stem if path.is_file() else path.name
    console.say(f"{path} is whole. At its next start Limner knows it as {name}.")
    console.say(f'Always paint with it: default = "{name}" under [models] in data/config.toml.')
    return 0


def _bar(name: str, console: Console) -> Callable[[int, int], None]:
    begun, moved = time.monotonic(), 0.0

    def told(here: int, whole: int) -> None:
        nonlocal moved
        now = time.monotonic()
        if now - moved < EVERY_S and here < whole:
            return
        moved = now
        rate = here / max(now - begun, 0.001) / 1e6
        console.bar(f"{name}: {here / GIGABYTE:.2f} of {whole / GIGABYTE:.2f} GB, {rate:.0f} MB/s", here, whole)

    return told
