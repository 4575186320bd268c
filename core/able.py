"""What a Model cannot do of what was asked: refused where the Picture would be another, else said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.errors import BadWords

if TYPE_CHECKING:
    from core.draft import Draft, ModelCard

WEIGHT = re.compile(r"\([^()]*:\s*[\d.]+\s*\)|\(\(|::[\d.]*(?=\s|$)")
"""What looks like a weight in a Prompt."""


def unable(card: ModelCard, draft: Draft) -> tuple[str, ...]:
    """Return what must be said; raise BadWords where the Picture would be another than was asked for."""
    if card.enlarges:
        raise BadWords(
            f"The model {card.name} enlarges pictures: it paints none of words.",
            f"Use it as /upscale --by {card.name}, and choose another model here.",
        )
    if card.depth and draft.sketch is None:
        raise BadWords(
            f"The model {card.name} follows the depth of a picture: it needs a sketch.",
            "Send a picture along, or choose another model.",
        )
    if card.depth and draft.control is not None:
        raise BadWords(f"The model {card.name} takes no --control.", "Leave it out, or choose another model.")
    if draft.sketch is not None and not card.sketches:
        raise BadWords(f"The model {card.name} cannot start from a sketch.", "Choose another one, or type words alone.")
    if not card.whole:
        return ()
    if draft.vary is not None:
        raise BadWords(f"The model {card.name} cannot vary a picture.", "Reroll it instead.")
    for name, value in (("eta", draft.eta), ("clip-skip", draft.clip_skip)):
        if value:
            raise BadWords(f"The model {card.name} takes no --{name}.", "Leave it out, or choose another model.")
    if WEIGHT.search(draft.prompt):
        return (f"The model {card.name} reads brackets and weights as plain signs.",)
    return ()


def within(flag: str, value: object, bounds: tuple[float, float], *, whole: bool = False) -> None:
    """Refuse what is no number or out of range; a Draft may come from a face's typed options, not from words alone."""
    low, high = bounds
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        kind = "a whole number" if whole else "a number"
        raise BadWords(f"{flag} takes {kind}, not {value!r:.40}.", f"Use {low:.10g} to {high:.10g}.")
    if not low <= value <= high:
        raise BadWords(f"{flag} {str(value):.40} is out of range.", f"Use {low:.10g} to {high:.10g}.")
