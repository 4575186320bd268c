"""Controls: ControlNets an owner names beside the Models, how words ask for one, and which Model takes which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import BadWords, ModelUnavailable
from core.kin import State, family
from core.plain import real
from core.recipe import Control
from core.words import nearest, shown

SCALE = (0.0, 2.0)
"""How strongly a ControlNet may pull; 1 is as it was trained."""
PART = (0.0, 1.0)
"""From which part of the calls to which it may pull."""
NONE = "none"
"""The name that takes a Control away where one stands already."""
NUMBER = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
DIGEST = re.compile(r"[0-9a-f]{10,64}")
FORM = "Write a name, a scale and a part of the steps: scribble:0.8:0-0.6."


@dataclass(frozen=True, slots=True)
class ControlCard:
    """Tell what a ControlNet is: how the Sketch is prepared for it, and how wide the words are that it reads.

    Its name is the preparation, perhaps with more behind a dash: `scribble`, `scribble-xl`.
    """

    name: str
    digest: str = ""
    width: int = 0
    state: State = "reading"
    why: str = ""

    @property
    def preparation(self) -> str:
        """Return how the Sketch is prepared for it."""
        return self.name.partition("-")[0]

    @property
    def kind(self) -> str:
        """Return the family it is for, in words."""
        return family((self.width,))

    def fits(self, widths: Sequence[int]) -> bool:
        """Say whether a Model with these text encoders can take it."""
        return self.width == sum(widths)


@dataclass(frozen=True, slots=True)
class ControlWish:
    """Name a ControlNet as it was typed: by its name, its preparation or the first signs of its digest."""

    name: str
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0


def wish(text: str) -> ControlWish:
    """Read `name:0.8:0-0.6`; a scale that is left out is 1, a part that is left out is all."""
    name, *rest = (part.strip() for part in text.split(":"))
    if not name:
        raise BadWords("A control needs a name.", FORM)
    if len(rest) > 2:
        raise BadWords(f"The control {shown(name)} has more behind it than a scale and a part.", FORM)
    scale = _number(name, rest[0], "scale", SCALE) if rest else 1.0
    if len(rest) < 2:
        return ControlWish(name, scale)
    begin, _, stop = rest[1].partition("-")
    start, end = (_number(name, part.strip(), "part", PART) for part in (begin, stop))
    if not start < end:
        raise BadWords(f"The control {shown(name)} would end at {end:g}, before it starts at {start:g}.", FORM)
    return ControlWish(name, scale, start, end)


def typed(control: ControlWish) -> str:
    """Return a wish as it is typed behind --control."""
    part = "" if (control.start, control.end) == PART else f":{control.start:g}-{control.end:g}"
    return control.name + (f":{control.scale:g}" if part or control.scale != 1 else "") + part


def asked(control: Control) -> ControlWish:
    """Return a Recipe's Control as somebody would type it who knows its digest alone."""
    return ControlWish(control.digest, control.scale, control.start, control.end)


def chosen(
    wanted: ControlWish | None,
    cards: Sequence[ControlCard],
    model: str,
    widths: tuple[int, ...],
    *,
    sketched: bool,
    masked: bool,
) -> Control | None:
    """Return the Control of a Recipe; raise BadWords where there is none such, or it cannot be used here.

    widths: of the tokens of the Model's text encoders. Of several for one preparation the first that fits is taken.
    """
    if wanted is None or wanted.name.lower() == NONE:
        return None
    found = _named(wanted.name, cards)
    if not sketched:
        raise BadWords("--control needs a sketch to follow.", "Send a picture along.")
    if masked:
        raise BadWords("--control does not go with a mask.", "Leave one of them out.")
    if not widths:
        raise BadWords(f"The model {model} takes no control.", "Choose another model, or leave --control out.")
    fitting = [card for card in found if card.state != "broken" and card.fits(widths)]
    card = min(fitting, key=lambda each: each.state != "ready") if fitting else found[0]
    if card.state == "broken":
        raise ModelUnavailable(f"The control {card.name} cannot be used: {card.why}", "Choose another.")
    if not fitting:
        raise BadWords(
            f"The control {card.name} is for {card.kind}; the model {model} is {family((sum(widths),))}.",
            "Choose another model, or leave --control out.",
        )
    if card.state == "reading":
        raise ModelUnavailable(f"The control {card.name} is not ready: {card.why}.", "Try again in a moment.")
    return Control(card.preparation, card.digest, wanted.scale, wanted.start, wanted.end)


def _named(name: str, cards: Sequence[ControlCard]) -> Sequence[ControlCard]:
    """Return the cards a name means: the one that bears it, then all of a preparation; or those with such a digest."""
    low = name.lower()
    found = [card for card in cards if low in (card.name.lower(), card.preparation)]
    found.sort(key=lambda card: card.name.lower() != low)
    if not found and DIGEST.fullmatch(name):
        found = [card for card in cards if card.digest.startswith(name)]
    if found:
        return found
    near = nearest(name, [card.name for card in cards])
    hint = f"The nearest is {near}." if near else "The owner names them under [models] controls."
    raise BadWords(f"There is no control {shown(name)}.", hint)


def _number(name: str, text: str, what: str, bounds: tuple[float, float]) -> float:
    low, high = bounds
    if NUMBER.fullmatch(text) is None or not low <= float(text) <= high:
        raise BadWords(f"The {what} {shown(text)} of the control {shown(name)} is not {low:g} to {high:g}.", FORM)
    return real(float(text))
