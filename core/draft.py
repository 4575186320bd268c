"""Draft: a Recipe with blanks, as asked for, and the card of the Model that fills them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from core.able import unable, within
from core.addons import NO_ADDONS, AddOns, LoraWish, beside
from core.blend import parts_of
from core.controls import ControlWish, chosen
from core.errors import BadWords, ModelUnavailable
from core.mark import fitting
from core.masking import mask_of
from core.plain import real
from core.recipe import SEEDS, ModelRef, Paint, Sketch, Variation
from core.sizes import size_of
from core.styles import dressed

STEPS = (1, 150)
LCM_STEPS = (1, 50)
"""diffusers distils a Model for 50 where it does not say."""
GUIDANCE = (0.0, 30.0)
ETA = (0.0, 1.0)
CLIP_SKIP = (0, 11)
SKETCH_BYTES = 10 * 1024 * 1024
COUNT = (1, 16)
Clear = Literal["none", "part", "whole"]
Filled = tuple[tuple[Paint, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Tell what a registered Model is, can and wants; sizes in pixels, `multiple` is the step sizes are rounded to.

    state: `ready`, `reading` (its digest is being computed) or `broken`; `why` says more. `samplers` maps each Sampler
    id the Model takes to its resolved config. grid: what a typed side must be a multiple of. masks: it can paint a part
    of a Sketch; inpaint: it can do nothing else. sketches: it can start from one. whole: its pipeline paints by itself.
    depth: it reads how deep a Sketch is, and must be given one.
    enlarges: it paints nothing but enlarges a Picture so many times; noise_levels: the most noise it lays over that.
    text_widths: of the tokens of each text encoder, where a LoRA or an embedding may be laid beside it.
    commercial: its licence lets Pictures be sold, None = not known; gated: its makers want it accepted first.
    quantised: in which kind it is loaded, empty = as it lies.
    mark: the text of the watermark its Pictures get, empty = none.
    """

    name: str
    digest: str
    family: str
    width: int
    height: int
    multiple: int
    steps: int
    guidance: float
    sampler: str
    samplers: Mapping[str, Mapping[str, Any]]
    latent_scale: int = 8
    grid: int = 8
    strength: float = 0.75
    negative: bool = True
    masks: bool = True
    inpaint: bool = False
    depth: bool = False
    sketches: bool = True
    enlarges: int = 0
    noise_levels: int = 0
    whole: bool = False
    licence: str = ""
    commercial: bool | None = None
    gated: bool = False
    note: str = ""
    builtin: bool = False
    text_widths: tuple[int, ...] = ()
    quantised: str = ""
    mark: str = ""
    state: Literal["ready", "reading", "broken"] = "ready"
    why: str = ""


@dataclass(frozen=True, slots=True)
class SketchInfo:
    """Describe a stored Sketch: digest and size in pixels after intake.

    clear: how much of it came transparent; mask: the stored mask of that part, where it is one.
    """

    digest: str
    width: int
    height: int
    clear: Clear = "none"
    mask: str | None = None


@dataclass(frozen=True, slots=True)
class MaskInfo:
    """Describe a stored mask given apart from its Sketch: digest and size in pixels after intake."""

    digest: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold what was asked for; None is a blank that `fill` gives a default.

    repeat: how many times the same was asked for before in the same words; its Seeds follow those. inpaint: paint only
    where the Sketch is transparent, or where a mask given apart is white; mask: that one's digest. style: the name of
    one whose words go behind the Prompt. eta: fresh noise of each step, of DDIM. clip_skip: how many last
    layers of the text encoder are left out. preset: the tool whose defaults are taken.
    """

    prompt: str = ""
    negative_prompt: str | None = None
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    aspect: tuple[int, int] | None = None
    sampler: str | None = None
    model: str | None = None
    strength: float | None = None
    count: int = 1
    sketch: SketchInfo | None = None
    inpaint: bool = False
    mask: str | None = None
    vary: Variation | None = None
    repeat: int = 0
    style: str | None = None
    loras: tuple[LoraWish, ...] = ()
    control: ControlWish | None = None
    eta: float | None = None
    clip_skip: int | None = None
    preset: str | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    def with_sketch(self, sketch: SketchInfo, mask: str | None = None) -> Draft:
        """Return the Draft with a Sketch to start from, and the mask given apart from it."""
        return replace(self, sketch=sketch, mask=mask)

    def noted(self, *notes: str) -> Draft:
        """Return the Draft with more things that were mended and must be said."""
        return replace(self, notes=(*self.notes, *notes))


def fill(draft: Draft, card: ModelCard, fresh_seed: Callable[[], int], addons: AddOns = NO_ADDONS) -> Filled:
    """Return one Recipe per Picture and the notes to show; raise BadWords where the Draft cannot be painted."""
    if card.state != "ready":
        raise ModelUnavailable(
            f"The model {card.name} is not ready: {card.why or card.state}.", "Try again in a moment."
        )
    notes = list(draft.notes)
    notes += unable(card, draft)
    if not draft.prompt and draft.sketch is None:
        raise BadWords("There is nothing to paint.", 'Type some words, such as "a red heart", or send a sketch.')
    within("--n", draft.count, COUNT, whole=True)
    mask = mask_of(draft, card)
    sketched = draft.sketch is not None
    control = chosen(draft.control, addons.controls, card.name, card.text_widths, sketched=sketched, masked=bool(mask))
    # As in the stock pipeline: what the mask gives over is painted whole. A Sketch that guides is not painted over.
    usual = 1.0 if mask else None if control else card.strength
    steps = _steps(draft, card, usual, notes)
    guidance = card.guidance if draft.guidance is None else draft.guidance
    within("--guidance", guidance, GUIDANCE)
    guidance = real(guidance)
    width, height = size_of(draft, card)
    negative = draft.negative_prompt or ""
    if negative and not card.negative:
        notes.append(f"What to avoid (--no) has no effect with the model {card.name}.")
    elif negative and guidance <= 1:
        notes.append("What to avoid (--no) has no effect here: it needs a guidance above 1.")
    strength = _strength(draft, usual, steps, notes)
    sampler = _sampler(draft, card)
    if sampler == "lcm":
        most = card.samplers[sampler].get("original_inference_steps", LCM_STEPS[1])
        within("--steps", steps, (1, most), whole=True)
    clip_skip = draft.clip_skip or 0
    within("--clip-skip", clip_skip, CLIP_SKIP, whole=True)
    prompt = dressed(draft.prompt, draft.style)
    mark, unmarked = fitting(card.mark, width, height)
    if draft.loras and card.quantised:
        why = f"The model {card.name} is loaded quantised ({card.quantised}), which takes no LoRA."
        raise BadWords(why, "Leave the LoRA out, or choose another model.")
    laid = beside((prompt, negative), draft.loras, addons, card.name, card.text_widths)
    first = Paint(
        prompt=prompt,
        negative_prompt=negative,
        seed=first_seed(draft, fresh_seed),
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
        sampler=sampler,
        sampler_config=dict(card.samplers[sampler]),
        model=ModelRef(card.family, card.digest),
        sketch=None if draft.sketch is None else Sketch(draft.sketch.digest),
        strength=strength,
        vary=checked_vary(draft),
        mask=mask,
        loras=laid.loras,
        embeddings=laid.embeddings,
        watermark=mark,
        control=control,
        eta=_eta(draft, sampler, notes),
        clip_skip=clip_skip,
        blend=() if card.whole else parts_of(prompt),
    )
    notes += (*laid.notes, *unmarked)
    return tuple(replace(first, seed=(first.seed + k) % SEEDS) for k in range(draft.count)), tuple(notes)


def first_seed(draft: Draft, fresh_seed: Callable[[], int]) -> int:
    """Return the Seed of the first Picture: repeats go on where the Pictures before them ended."""
    if draft.seed is not None:
        within("--seed", draft.seed, (0, SEEDS - 1), whole=True)
    first = fresh_seed() if draft.seed is None else draft.seed
    return (first + draft.repeat * draft.count) % SEEDS


def checked_vary(draft: Draft) -> Variation | None:
    """Return the Variation as Recipes hold it, or refuse it."""
    if draft.vary is None:
        return None
    within("--vary", draft.vary.seed, (0, SEEDS - 1), whole=True)
    within("--vary", draft.vary.amount, (0.0, 1.0))
    return Variation(draft.vary.seed, real(draft.vary.amount))


def _sampler(draft: Draft, card: ModelCard) -> str:
    sampler = draft.sampler or card.sampler
    if sampler not in card.samplers:
        raise BadWords(
            f"The model {card.name} has no sampler {sampler}.", f"It has: {', '.join(sorted(card.samplers))}."
        )
    return sampler


def _eta(draft: Draft, sampler: str, notes: list[str]) -> float:
    eta = draft.eta or 0.0
    within("--eta", eta, ETA)
    if eta and sampler != "ddim":
        notes.append(f"--eta has no effect with the sampler {sampler}: it belongs to ddim.")
        return 0.0
    return real(eta)


def _steps(draft: Draft, card: ModelCard, usual: float | None, notes: list[str]) -> int:
    """Return the steps: as typed, else the Model's own, more where a Sketch would leave none of a few-step Model's."""
    steps = card.steps if draft.steps is None else draft.steps
    within("--steps", steps, STEPS, whole=True)
    if draft.steps is not None or draft.sketch is None:
        return steps
    strength = usual if draft.strength is None else draft.strength
    if strength is None:
        return steps
    within("--strength", strength, (0.0, 1.0))
    needed = math.ceil(1 / max(real(strength), 1e-4))
    if not steps < needed <= LCM_STEPS[1]:
        return steps
    notes.append(f"A sketch at strength {real(strength):g} takes {needed} steps instead of {steps}.")
    return needed


def _strength(draft: Draft, usual: float | None, steps: int, notes: list[str]) -> float | None:
    if draft.sketch is None:
        if draft.strength is not None:
            notes.append("--strength has no effect without a sketch.")
        return None
    strength = usual if draft.strength is None else draft.strength
    if strength is None:
        return None
    within("--strength", strength, (0.0, 1.0))
    # Rounded first: 0.33334 gives one step of 3, the 0.3333 that is stored gives none.
    strength = real(strength)
    if int(steps * strength) < 1:
        # Rounded up at 4 places: what is stored must still give one step.
        least = math.ceil(10_000 / steps) / 10_000
        notes.append(f"Strength {strength:g} leaves no step of {steps}: raised to {least:g}, which is one step.")
        strength = least
    return strength
