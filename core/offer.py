"""Offer: what can be painted after a file somebody brings, in words to be typed, and what of it cannot be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from core import foreign
from core.addons import NO_NAMES
from core.asking import told_by_file
from core.defaults import Defaults, words_for
from core.draft import ModelCard
from core.errors import BadInput, CannotReproduce
from core.grammar import words_of
from core.recipe import Paint, sources
from core.records import FileTexts

OURS = "Limner"
UNKNOWN_MODEL = "The model it was painted with is not here; {} is taken."


class Offer(TypedDict):
    """Tell what a file says of itself: words paint it here; picture is the id of one of ours that is in the log."""

    tool: str
    words: str
    notes: list[str]
    picture: str | None


def offer(
    file: FileTexts, cards: Sequence[ModelCard], default: str, mine: Defaults, names: Mapping[str, str] = NO_NAMES
) -> Offer:
    """Return the Offer of a file; raise BadInput where no tool we know left its recipe in it.

    names: of LoRAs by digest.
    """
    ours = _ours(file, cards, default, mine, names)
    if ours is not None:
        return ours
    found = foreign.read(file.texts)
    if found is None:
        raise BadInput(
            "This picture tells no recipe that can be read.",
            "Send a file as the tool saved it: chats and web pages take the recipe out.",
        )
    draft = foreign.draft(found, cards, default, (file.width, file.height))
    words = words_of(draft, plain=not mine.options and not mine.suffix)
    return {"tool": found.tool, "words": words, "notes": list(draft.notes), "picture": None}


def _ours(
    file: FileTexts, cards: Sequence[ModelCard], default: str, mine: Defaults, names: Mapping[str, str]
) -> Offer | None:
    """Return the Offer of a file of ours, None where it is none or cannot be read."""
    try:
        told = told_by_file(file.texts)
    except CannotReproduce:
        return None
    card = next((card for card in cards if _painted(told.recipe, card)), None)
    notes = [] if card else [UNKNOWN_MODEL.format(default)]
    notes += [f"It began from a {kind}, which is not in the file: send it along." for kind, _ in sources(told.recipe)]
    words = words_for(told.recipe, card.name if card else "", mine, names)
    if not words:
        return None
    return {"tool": OURS, "words": words, "notes": notes, "picture": told.picture_id}


def _painted(recipe: object, card: ModelCard) -> bool:
    return isinstance(recipe, Paint) and recipe.model.digest == card.digest
