"""Masking: the mask a Draft asks for, given apart or cut from its Sketch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import BadWords
from core.recipe import Mask

if TYPE_CHECKING:
    from core.draft import Draft, ModelCard


def mask_of(draft: Draft, card: ModelCard) -> Mask | None:
    """Return the mask asked for, one given apart before the Sketch's own; refuse where it cannot be had or used."""
    digest = draft.mask
    if draft.inpaint and digest is None:
        if draft.sketch is None:
            raise BadWords("--inpaint needs a sketch to keep the rest of.", "Send a picture with a transparent part.")
        if draft.sketch.clear == "whole":
            raise BadWords("All of the sketch is transparent: there is nothing to keep.", "Leave --inpaint out.")
        if draft.sketch.mask is None:
            raise BadWords("The sketch has no transparent part to paint.", "Clear a part of it, or send a mask along.")
        digest = draft.sketch.mask
    if digest is None and card.inpaint:
        raise BadWords(
            f"The model {card.name} repaints a part of a picture: it needs a sketch and a mask.",
            "Send a picture with a transparent part and --inpaint, or a mask along, or choose another model.",
        )
    if digest is not None and not card.masks:
        raise BadWords(
            f"The model {card.name} cannot paint a part of a picture alone.",
            "Choose another model, or leave the mask out.",
        )
    return None if digest is None else Mask(digest)
