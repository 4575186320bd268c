"""Telling: what lists and help say, line by line, for faces that answer in text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.commands import AMOUNTS
from core.flags import FLAGS
from core.sheet import JobSheet, PictureSheet
from core.wording import ACTIONS
from core.words import bare

NOTHING_YET = "There is nothing here yet. Paint something with /imagine."
WORDS_SIGNS = 80
TAIL_SIGNS = 8
"""Signs of an id that people are shown, to be typed again."""


def tail(id_: str) -> str:
    """Return an id as people are shown it."""
    return id_[-TAIL_SIGNS:]


def words_of(sheet: JobSheet) -> str:
    """Return what a Job was asked for in, cut; where there are no words, what it is."""
    first = sheet["pictures"][0]
    words = first["prompt"] or ("painted from a sketch" if first["sketch"] else ACTIONS.get(sheet["kind"], ""))
    return bare(words, WORDS_SIGNS)


def job_line(sheet: JobSheet) -> str:
    """Say in one line what a Job was asked for and how it stands."""
    return f"{words_of(sheet)} · {sheet['sentence']}"


def picture_choice(sheet: JobSheet, picture: PictureSheet) -> str:
    """Return how a Picture is offered where one is to be chosen: 1 to 100 signs."""
    which = f" ({picture['index'] + 1} of {len(sheet['pictures'])})" if len(sheet["pictures"]) > 1 else ""
    return f"{tail(picture['id'])}{which} · seed {picture['seed']} · {bare(words_of(sheet), 40)}"[:100]


def picture_parts(sheet: PictureSheet) -> list[str]:
    """Return in parts all that decided a Picture; the line to type again stands last."""
    facts = [sheet["facts"], f"Picture {sheet['id']} of job {sheet['job']}"]
    if sheet["parent"]:
        facts.append(f"Made from picture {sheet['parent']}")
    digests = [f"Recipe digest {sheet['recipe_digest']}"]
    if sheet["pixels_digest"]:
        digests.append(f"Pixels digest {sheet['pixels_digest']}")
    return ["\n".join(facts), "\n".join(digests), sheet["command"]]


def amount_choices() -> Sequence[tuple[str, float]]:
    """Return the amounts that have a name."""
    return [(f"{name} ({amount:g})", amount) for name, amount in AMOUNTS.items()]


def help_parts(commands: Sequence[tuple[str, str]], models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return help in parts: the face's commands with what they do, the options in the words, the Models."""
    offered = "\n".join(f"/{name}: {does}" for name, does in commands)
    options = "\n".join(f"{', '.join('--' + name for name in flag.names)}: {flag.example}" for flag in FLAGS)
    names = ", ".join(f"{model['name']}{' (the default)' if model['default'] else ''}" for model in models)
    return [offered, f"Options behind the words:\n{options}", f"Models: {bare(names, 500) or 'none yet'}"]
