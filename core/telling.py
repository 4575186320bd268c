"""Telling: what lists and help say, line by line, for faces that answer in text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.commands import AMOUNTS
from core.defaults import Defaults
from core.flags import FLAGS
from core.sheet import CompanionSheet, JobSheet, PictureSheet
from core.wording import ACTIONS
from core.words import bare

NOTHING_YET = "There is nothing here yet. Paint something with /imagine."
WORDS_SIGNS = 80
MOST_COSTS = 10
STYLE_HOW = "Put --style and a name behind your words; what it adds stands in the picture's recipe."
CAN = {
    "negative": "words to avoid",
    "sketch": "sketches",
    "inpaint": "masks",
    "upscale": "enlarging",
    "scribble": "scribbles to follow",
    "lineart": "line art to follow",
    "canny": "edges to follow",
    "depth": "depth maps to follow",
}
"""What a Model can do, as its sheet names it."""
BESIDE = {"prepared": "The sketch as it was prepared", "depth": "The depth that was read out of it"}
"""What is kept beside a Picture, by role."""
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


def companion_line(companion: CompanionSheet) -> str:
    """Say what is kept beside a Picture."""
    told = f"{BESIDE[companion['role']]}: {companion['width']}x{companion['height']}"
    return f"{told}, not kept any more" if companion["gone"] else told


def style_lines(styles: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the styles, a category a line, and how one is asked for."""
    categories = dict.fromkeys(style["category"] for style in styles)
    named = {each: ", ".join(style["name"] for style in styles if style["category"] == each) for each in categories}
    return [*(f"{each}: {names}." for each, names in named.items()), STYLE_HOW]


def addon_lines(addons: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return LoRAs and embeddings, one a line: what each is for, or why it cannot be used."""
    lines = []
    kinds = {
        "loras": ("LoRA", "rank {rank}"),
        "embeddings": ("embedding", "{vectors} vectors"),
        "controls": ("control", "the sketch prepared as {preparation}"),
    }
    for kind, (singular, size) in kinds.items():
        for card in addons[kind]:
            told = (
                f"{card['digest'][:10]}, for {card['family']}, {size.format(**card)}"
                if card["state"] == "ready"
                else card["state"]
            )
            lines.append(f"{singular} {card['name']}: {told}" + (f". {card['why']}" if card["why"] else ""))
    return lines


def offer_lines(found: Mapping[str, Any], pictures: int = 1) -> list[str]:
    """Return what is told of a file's recipe beside its words; pictures: how many came, of which it is the first."""
    which = "" if pictures == 1 else f" The first of {pictures} pictures was read."
    known = [] if found["picture"] is None else [f"It is in the log: /show {tail(found['picture'])}."]
    return [f"Its file tells a recipe of {bare(found['tool'])}.{which}", *known, *found["notes"]]


def model_lines(model: Mapping[str, Any]) -> list[str]:
    """Return what a Model is and can, a head and facts below; of a broken one, what is wrong with it."""
    ready = model["state"] if model["state"] != "ready" else f"{model['digest'][:10]}, {model['family']}"
    needs = ", inpaint" if model["inpaint"] else ""
    loaded = f", quantised ({model['quantised']})" if model["quantised"] else ""
    head = f"{model['name']}{' (default)' if model['default'] else ''}: {ready}{loaded}{needs}"
    if model["state"] == "broken":
        return [head, model["why"]]
    size = f"{model['width']} x {model['height']}, {model['steps']} steps, guidance {model['guidance']:g}"
    sold = {True: "commercial use allowed", False: "no commercial use", None: ""}[model["commercial"]]
    rights = ", ".join(filter(None, (model["licence"], sold, "gated" if model["gated"] else "")))
    return [
        *filter(None, (head, model["why"])),
        f"{size}, {model['sampler']} (also {', '.join(model['samplers'])})",
        f"can: {', '.join(CAN[name] for name in model['can'])}",
        *filter(None, (model["note"], rights)),
    ]


def queue_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the line of open Jobs, one a line: others' words only where the Person sees them."""
    return [f"{row['place']}. {_whose(row)}{_told(row)}" for row in rows]


def _whose(row: Mapping[str, Any]) -> str:
    return "yours: " if row["mine"] else ""


def _told(row: Mapping[str, Any]) -> str:
    words = bare(row["words"], WORDS_SIGNS) if row["words"] is not None else "somebody's job"
    return f"{words or 'without words'} · {row['sentence']}"


def defaults_lines(mine: Defaults) -> list[str]:
    """Return a Person's Defaults, one a line."""
    switches = {"recipe": mine.recipe, "by_dm": mine.by_dm, "remix": mine.remix}
    options = ", ".join(f"{name} {_value(value)}" for name, value in mine.options.items())
    return [
        f"options: {options or 'none'}",
        f"suffix: {mine.suffix or 'none'}",
        *(f"{name}: {'on' if on else 'off'}" for name, on in switches.items()),
    ]


def _value(value: Any) -> str:
    return ":".join(map(str, value)) if isinstance(value, tuple | list) else f"{value}"


def stats_lines(found: Mapping[str, Any]) -> list[str]:
    """Return how it goes, one a line; Persons are named by a digest."""
    state = [str(found["state"]), *(name for name in ("paused", "draining") if found[name])]
    costs = sorted(found["cost"].items(), key=lambda item: -int(item[1]))[:MOST_COSTS]
    return [
        f"state: {', '.join(state)}",
        f"open jobs: {found['open']}",
        f"in 24 hours: {found['pictures']} pictures, {found['failures']} failures",
        *(f"cost of {who[:12]}: {cost:,}" for who, cost in costs),
        "acts: " + (", ".join(f"{what} {count}" for what, count in found["acts"].items()) or "none"),
    ]


def rules_lines(rules: Mapping[str, Any]) -> list[str]:
    """Return the Rules of a server, one a line, for who decides there."""
    return [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in rules.items() if value]


def amount_choices() -> Sequence[tuple[str, float]]:
    """Return the amounts that have a name."""
    return [(f"{name} ({amount:g})", amount) for name, amount in AMOUNTS.items()]


def help_parts(commands: Sequence[tuple[str, str]], models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return help in parts: the face's commands with what they do, the options in the words, the Models."""
    offered = "\n".join(f"/{name}: {does}" for name, does in commands)
    options = "\n".join(f"{', '.join('--' + name for name in flag.names)}: {flag.example}" for flag in FLAGS)
    names = ", ".join(f"{model['name']}{' (the default)' if model['default'] else ''}" for model in models)
    return [offered, f"Options behind the words:\n{options}", f"Models: {bare(names, 500) or 'none yet'}"]
