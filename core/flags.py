"""Every option of typed words: names, what it reads, an example."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core import controls
from core.addons import wishes
from core.draft import CLIP_SKIP, COUNT, ETA, GUIDANCE, STEPS
from core.errors import BadWords
from core.plain import real
from core.presets import PRESETS, preset_named
from core.recipe import SEEDS, Variation
from core.samplers import sampler_id
from core.sizes import RATIO, SIDE
from core.styles import style_named
from core.unheld import REFUSED
from core.words import Piece, bare, nearest, shown

SKETCH_WEIGHT = (0.0, 3.0)
"""The range of `--iw`, as Midjourney has it since v6."""

NARROWEST = 4
"""How many times longer than the other one side may be."""

Changes = dict[str, Any]
"""What an option changes in a Draft; `notes` are added to, `times` (how often to make it) is the grammar's own."""

Reader = Callable[[str, Piece, Sequence[str]], Changes]
"""Reads the value behind a name; the last argument holds the names of the Models."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Describe one option; `not_with` names one that says the same in another way, `many` says it may be repeated."""

    name: str
    read: Reader
    example: str
    aliases: tuple[str, ...] = ()
    not_with: str = ""
    many: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name, the first being the one we write."""
        return (self.name, *self.aliases)


def one_word(name: str, value: Piece) -> str:
    """Return a value that must be a single word; words behind it belong before the options."""
    text = value.text
    if not text:
        raise value.refusal(f"--{name} needs a value.", f"Write --{name} and the value behind it.")
    word = text.split()[0]
    _nothing_behind(name, value, len(word))
    return word


def _nothing_behind(name: str, value: Piece, end: int) -> None:
    """Refuse words behind a value: they belong before the options."""
    rest = value.text[end:].strip()
    if rest:
        wrong = f"{shown(rest)} stands behind the value of --{name}."
        raise value.refusal(wrong, "Put the words first and all options behind them.", value.text.index(rest, end))


def whole(name: str, value: Piece, low: int, high: int) -> int:
    """Return a whole number in its range."""
    text = one_word(name, value)
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise value.refusal(f"--{name} takes a whole number, not {shown(text)}.", f"Use {low} to {high}.")
    number = int(text)
    if not low <= number <= high:
        raise value.refusal(f"--{name} {bare(text)} is out of range.", f"Use {low} to {high}.")
    return number


def number(name: str, value: Piece, low: float, high: float) -> float:
    """Return a real number in its range, at the 4 places a Recipe keeps."""
    text = one_word(name, value)
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text):
        hint = f"Use {low:g} to {high:g}" + (", with a point." if "," in text else ".")
        raise value.refusal(f"--{name} takes a number, not {shown(text)}.", hint)
    found = float(text)
    if not (math.isfinite(found) and low <= found <= high):
        raise value.refusal(f"--{name} {bare(text)} is out of range.", f"Use {low:g} to {high:g}.")
    return real(found)


def seed(name: str, value: Piece) -> tuple[int | None, tuple[str, ...]]:
    """Return a Seed, or None and a note where -1 asks for a fresh one."""
    if value.text == "-1":
        return None, (f"--{name} -1 asks for a fresh seed.",)
    return whole(name, value, 0, SEEDS - 1), ()


def _seed(name: str, value: Piece, _models: Sequence[str]) -> Changes:
    found, notes = seed(name, value)
    return {"seed": found, "notes": notes}


def _size(name: str, value: Piece, _models: Sequence[str]) -> Changes:
    found = _pair(name, value, r"\s*[xX×*]\s*", "width x height", "512x768, in pixels")
    for group in (1, 2):
        side, at = int(found[group]), found.start(group)
        if not SIDE[0] <= side <= SIDE[1]:
            wrong = f"--{name}: {bare(found[group])} is out of range."
            raise value.refusal(wrong, f"Use {SIDE[0]} to {SIDE[1]}.", at)
        if side % 8:
            wrong = f"--{name}: {side} is no multiple of 8."
            raise value.refusal(wrong, f"The nearest is {round(side / 8) * 8}.", at)
    return {"width": int(found[1]), "height": int(found[2])}


def _aspect(name: str, value: Piece, _models: Sequence[str]) -> Changes:
    found = _pair(name, value, r"\s*:\s*", "width:height", "3:2")
    across, down = int(found[1]), int(found[2])
    for group in (1, 2):
        if not RATIO[0] <= int(found[group]) <= RATIO[1]:
            wrong = f"--{name}: {bare(found[group])} is out of range."
            raise value.refusal(wrong, f"Use {RATIO[0]} to {RATIO[1]}.", found.start(group))
    if max(across, down) > NARROWEST * min(across, down):
        raise value.refusal(f"--{name} {bare(value.text)} is too narrow.", f"Use at most {NARROWEST}:1.")
    return {"aspect": (across, down)}


def _pair(name: str, value: Piece, between: str, form: str, example: str) -> re.Match[str]:
    """Read two whole numbers with a sign between them."""
    found = re.match(rf"([0-9]+){between}([0-9]+)(?!\S)", value.text)
    if found is None:
        raise value.refusal(f"--{name} takes {form}, not {shown(value.text)}.", f"Write --{name} {example}.")
    _nothing_behind(name, value, found.end())
    return found


def _no(_name: str, value: Piece, _models: Sequence[str]) -> Changes:
    return {"negative_prompt": value.text or None}


def _named(field: str, found: Callable[[str], Any], hint: str = "") -> Reader:
    """Return a reader of names; hint: what to write where there is none, for what may not be empty."""

    def read(name: str, value: Piece, _models: Sequence[str]) -> Changes:
        if hint and not value.text:
            raise value.refusal(f"--{name} needs a value.", hint)
        try:
            return {field: found(value.text)}
        except BadWords as error:
            raise value.refusal(error.sentence, error.hint) from error

    return read


def _model(name: str, value: Piece, models: Sequence[str]) -> Changes:
    text = value.text
    exact = [each for each in models if each == text] or [each for each in models if each.lower() == text.lower()]
    if text and len(exact) == 1:
        return {"model": exact[0]}
    near = nearest(text, models)
    hint = f"The nearest is {near}. There are: {', '.join(models)}." if near else "No model is registered yet."
    raise value.refusal(f"There is no model {shown(text)}." if text else f"--{name} needs a value.", hint)


def _control(name: str, value: Piece, models: Sequence[str]) -> Changes:
    one_word(name, value)
    return _named("control", controls.wish)(name, value, models)


def _sketch_weight(name: str, value: Piece, _models: Sequence[str]) -> Changes:
    low, high = SKETCH_WEIGHT
    weight = number(name, value, low, high)
    strength = real(1 - weight / high)
    return {"strength": strength, "notes": (f"--{name} {weight:g} is a strength of {strength:g} here.",)}


def _vary(name: str, value: Piece, _models: Sequence[str]) -> Changes:
    text = one_word(name, value)
    second, colon, amount = text.partition(":")
    if not colon:
        raise value.refusal(f"--{name} takes seed:amount, not {shown(text)}.", f"Write --{name} 7:0.15, for example.")
    edge = len(second)
    return {
        "vary": Variation(
            whole(name, value.only(value.at[:edge]), 0, SEEDS - 1),
            number(name, value.only(value.at[edge + 1 :]), 0.0, 1.0),
        )
    }


def _prompt(name: str, value: Piece, _models: Sequence[str]) -> Changes:
    if not value.verbatim:
        raise value.refusal(f"--{name} takes words in quotation marks.", f'Write --{name} "a {{b, c}} as it stands".')
    return {"prompt": value.text}


def _inpaint(name: str, value: Piece, _models: Sequence[str]) -> Changes:
    if value.at:
        wrong = f"--{name} takes no value, not {shown(value.text)}."
        raise value.refusal(wrong, "Put the words first and all options behind them.")
    return {"inpaint": True}


def _whole(field: str, bounds: tuple[int, int]) -> Reader:
    return lambda name, value, _models: {field: whole(name, value, *bounds)}


def _number(field: str, bounds: tuple[float, float]) -> Reader:
    return lambda name, value, _models: {field: number(name, value, *bounds)}


FLAGS: tuple[Flag, ...] = (
    Flag("seed", _seed, "a red heart --seed 42"),
    Flag("steps", _whole("steps", STEPS), "a red heart --steps 30"),
    Flag("guidance", _number("guidance", GUIDANCE), "a red heart --guidance 6.5", ("cfg", "scale")),
    Flag("size", _size, "a red heart --size 512x768", not_with="ar"),
    Flag("ar", _aspect, "a red heart --ar 3:2", ("aspect",), not_with="size"),
    Flag("no", _no, "a red heart --no text, blur", ("negative",)),
    Flag("n", _whole("count", COUNT), "a red heart --n 4", ("count",)),
    Flag(
        "sampler", _named("sampler", sampler_id, "Write --sampler ddim, for example."), "a red heart --sampler euler-a"
    ),
    Flag(
        "style",
        _named("style", style_named, "Write --style ink, for example; /styles lists them."),
        "a red heart --style watercolour",
    ),
    Flag("strength", _number("strength", (0.0, 1.0)), "a red heart --strength 0.6", not_with="iw"),
    Flag("iw", _sketch_weight, "a red heart --iw 1.5", not_with="strength"),
    Flag("inpaint", _inpaint, "a red heart --inpaint"),
    Flag("control", _control, "a red heart --control scribble:0.8"),
    Flag("eta", _number("eta", ETA), "a red heart --sampler ddim --eta 0.5"),
    Flag("clip-skip", _whole("clip_skip", CLIP_SKIP), "a red heart --clip-skip 1"),
    Flag("model", _model, "a red heart --model builtin"),
    Flag("lora", _named("loras", wishes), "a red heart --lora ink:0.8", ("loras",), many=True),
    Flag("repeat", _whole("times", COUNT), "a red heart --repeat 3", ("r",)),
    Flag("vary", _vary, "a red heart --seed 42 --vary 7:0.15"),
    Flag(
        "preset", _named("preset", preset_named, f"There are: {', '.join(PRESETS)}."), "a red heart --preset compvis-v1"
    ),
    Flag("prompt", _prompt, '--prompt "a {red, blue} heart | as it stands"'),
)


def flag_named(name: str) -> Flag | None:
    """Return the option of this name or alias, upper or lower case."""
    return next((flag for flag in FLAGS if name.lower() in flag.names), None)


def refusal(typed: str, name: str, piece: Piece) -> BadWords:
    """Return why an option cannot be followed, and the nearest one there is."""
    lacked = REFUSED.get(name.lower())
    if lacked is not None:
        return piece.refusal(f"{bare(typed)} does not work here: there is no {lacked[0]}.", lacked[1])
    near = nearest(name, [each for flag in FLAGS for each in flag.names])
    hint = f"The nearest is --{near}."
    if not typed.startswith("-"):
        hint += " If it belongs to the words, put a blank behind the dash."
    return piece.refusal(f"There is no option {bare(typed)}.", hint)
