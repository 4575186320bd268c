"""From a logged Picture and what was asked for to the Recipe of an enlarged one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from core.able import within
from core.commands import Target
from core.draft import GUIDANCE, STEPS, ModelCard
from core.errors import BadInput, ModelUnavailable
from core.methods import check_size, check_there, checked, method_named
from core.picture import Picture
from core.plain import real
from core.recipe import LANCZOS, METHODS, SEEDS, Method, ModelRef, Upscale
from core.sizes import SIDE

SLOW = "{method} computes on the processor, tile by tile: a large picture takes minutes."

USUAL = {"factor": 2, "by": LANCZOS}
"""What is meant where nothing is said."""

NOISE_LEVEL = 20
"""How much noise is laid over a Picture where a Model takes any and nothing is said, as its makers do."""

OF_MODELS = ("steps", "guidance", "noise_level", "seed", "prompt")
"""What only an enlargement by a Model takes."""


def enlarged(
    parent: Picture,
    typed: Target,
    options: Mapping[str, Any],
    there: Collection[Method],
    cards: Sequence[ModelCard] = (),
    fresh_seed: Callable[[], int] = lambda: 0,
) -> Upscale:
    """Return the Recipe; raise BadInput where the Picture is not painted, or the words ask for what cannot be.

    there: the methods that are installed. cards: of all Models; one that enlarges is named as a method is.
    """
    if parent.state != "stored" or parent.pixels_digest is None or parent.width is None or parent.height is None:
        raise BadInput(f"Picture {parent.id[-6:]} is not painted yet.", "Wait for it.")
    found = _told(typed, options)
    card = model_named(found["by"], cards)
    if card is not None:
        return _by_model(parent, found, card, fresh_seed)
    beside = next((name for name in OF_MODELS if found[name] is not None), None)
    if beside is not None:
        raise BadInput(
            f"--{beside.replace('_', '-')} goes with a model that enlarges.", "Name one with --by, or leave it out."
        )
    what = checked(*(found[name] if found[name] is not None else usual for name, usual in USUAL.items()))
    check_there(what.method, there)
    check_size(what, parent.width, parent.height)
    width, height = parent.width * what.factor, parent.height * what.factor
    return Upscale(parent.pixels_digest, width, height, what.factor, what.method)


def model_named(by: object, cards: Sequence[ModelCard]) -> ModelCard | None:
    """Return the Model that is asked for, None for a method; raise BadInput where it is neither or enlarges nothing."""
    if not isinstance(by, str) or method_named(by) is not None:
        return None
    known = [card.name for card in cards if card.enlarges]
    found = next((card for card in cards if card.name == by), None)
    if found is None and not known:
        return None  # What is no method is told of by whoever looks for one.
    if found is None or not found.enlarges:
        raise BadInput(f"Nothing is enlarged by {by:.40}.", f"There is: {', '.join([*METHODS, *known])}.")
    if found.state != "ready":
        raise ModelUnavailable(
            f"The model {found.name} is not ready: {found.why or found.state}.", "Try again in a moment."
        )
    return found


def _by_model(parent: Picture, found: Mapping[str, Any], card: ModelCard, fresh_seed: Callable[[], int]) -> Upscale:
    """Return the Recipe of an enlargement by a Model: the parent's Prompt, and the Model's usual, unless said."""
    assert parent.pixels_digest is not None and parent.width is not None and parent.height is not None
    factor = card.enlarges
    if found["factor"] not in (None, factor):
        raise BadInput(f"The model {card.name} enlarges x{factor} alone.", f"Use x{factor}, or leave the factor out.")
    _check_parent(parent.width, parent.height, card)
    steps = card.steps if found["steps"] is None else found["steps"]
    guidance = card.guidance if found["guidance"] is None else found["guidance"]
    seed = fresh_seed() if found["seed"] is None else found["seed"]
    within("--steps", steps, STEPS, whole=True)
    within("--guidance", guidance, GUIDANCE)
    within("--seed", seed, (0, SEEDS - 1), whole=True)
    recipe = parent.recipe
    return Upscale(
        parent.pixels_digest,
        parent.width * factor,
        parent.height * factor,
        factor,
        seed=seed,
        model=ModelRef(card.family, card.digest),
        prompt=recipe.prompt if found["prompt"] is None else str(found["prompt"]),
        negative_prompt=recipe.negative_prompt,
        steps=steps,
        guidance=real(guidance),
        noise_level=_noise_level(found["noise_level"], card),
    )


def _check_parent(width: int, height: int, card: ModelCard) -> None:
    """Refuse a Picture too large for the memory it takes to have a bound, or of sides the Model cannot read."""
    most = SIDE[1] // card.enlarges
    if max(width, height) > most:
        raise BadInput(
            f"{width} x {height} is too large to enlarge by the model {card.name}.", f"Up to {most} a side works."
        )
    if width % card.grid or height % card.grid:
        raise BadInput(
            f"The model {card.name} enlarges sides that are multiples of {card.grid}: not {width} x {height}.",
            "Choose another one, or enlarge without --by.",
        )


def _noise_level(asked: int | None, card: ModelCard) -> int:
    if not card.noise_levels:
        if asked is not None:
            raise BadInput(f"The model {card.name} takes no --noise-level.", "Leave it out.")
        return 0
    level = min(NOISE_LEVEL, card.noise_levels) if asked is None else asked
    within("--noise-level", level, (0, card.noise_levels), whole=True)
    return level


def _told(typed: Target, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the words or was typed apart; raise BadInput where both say something else."""
    found = {}
    for name in (*USUAL, *OF_MODELS):
        value = getattr(typed, name)
        if value is not None and options.get(name) not in (None, value):
            raise BadInput(f"{name} is given twice: {value} and {options[name]!r:.40}.", "Give it once.")
        found[name] = options.get(name) if value is None else value
    return found


def words_of(recipe: Upscale, parent: str, model: str) -> str:
    """Return what is typed for the same enlargement of a Picture."""
    words = f"/upscale {parent}"
    if recipe.model is None:
        far = "" if recipe.factor == 2 else f" x{recipe.factor}"
        return words + far + ("" if recipe.method == LANCZOS else f" --by {recipe.method}")
    noise = f" --noise-level {recipe.noise_level}" if recipe.noise_level else ""
    prompt = f" --prompt {recipe.prompt}" if recipe.prompt else ""
    numbers = f"--steps {recipe.steps} --guidance {recipe.guidance:g} --seed {recipe.seed}"
    return f"{words} --by {model}{noise} {numbers}{prompt}"


def notes(recipe: Upscale) -> tuple[str, ...]:
    """Say what should be known of a method before it begins."""
    return (SLOW.format(method=recipe.method),) if recipe.slow else ()


def any_slow(pictures: Sequence[Picture]) -> bool:
    """Say whether some of them take a time nobody has measured: how fast the device paints says nothing of it."""
    return any(each.recipe.slow for each in pictures)
