"""A logged Picture asked for again with other words, or a Job that did not end well with the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from core import asking, controls
from core.addons import NO_ADDONS, AddOns
from core.asking import Plan
from core.cost import cost, smaller
from core.draft import Draft, ModelCard, SketchInfo, fill
from core.errors import BadInput
from core.grammar import given, parse
from core.job import Job
from core.picture import Picture
from core.presets import under
from core.recipe import Paint
from core.records import NewPicture


def remix(
    words: str | None,
    options: Mapping[str, Any],
    parent: Picture,
    pictures: Sequence[Picture],
    sketches: tuple[SketchInfo | None, SketchInfo | None],
    cards: Sequence[ModelCard],
    fresh_seed: Callable[[], int],
    beside: AddOns = NO_ADDONS,
) -> list[Plan]:
    """Return Plans of a Picture's Recipe under other words and options; what is not typed stays as it was.

    words: None keeps the Prompt. options: Draft fields, `keep_seed` (True) and `whole`: as many Pictures as its Job
    has. sketches: the parent's own, and a new one in its place.
    """
    recipe = parent.recipe
    if not isinstance(recipe, Paint):
        raise BadInput("This picture is an enlargement: it has no words.", "Remix the picture it was made from.")
    card = asking.card_of(recipe.model, cards)
    asked = dict(options)
    keep, whole = asked.pop("keep_seed", True), asked.pop("whole", False)
    before, fresh = sketches
    base = replace(_draft(recipe, card.name), count=len(pictures) if whole else 1)
    # A mask belongs to its Sketch: a new one leaves it behind.
    mask = recipe.mask.digest if recipe.mask else None
    kept_sketch = before is not None and fresh is None
    if (sketch := fresh or before) is not None:
        base = base.with_sketch(sketch, mask if kept_sketch else None)
    if not keep:
        base = replace(base, seed=None, vary=None)
    seed = fresh_seed()
    drafts = [Draft(prompt=recipe.prompt)] if words is None else parse(words, [each.name for each in cards])
    plans = []
    for draft in drafts:
        said, _ = under(replace(asking.with_options(draft, asked), sketch=base.sketch), given(words or "") | set(asked))
        typed = laid_over(base, said)
        model = asking.card_named(cards, typed.model or card.name)
        recipes, notes = fill(typed, model, lambda: seed, beside)
        plans.append(Plan(tuple(NewPicture(each, cost(each), parent.id) for each in recipes), model.name, notes))
    return plans


def again(job: Job, pictures: Sequence[Picture], cards: Sequence[ModelCard], *, less: bool = False) -> Plan:
    """Return the Plan of what a Job did not paint, with the same Recipes and Seeds; less: at a smaller size."""
    missing = [picture for picture in pictures if picture.state in ("failed", "dropped")]
    if not missing or job.state not in ("failed", "cancelled"):
        raise BadInput("Nothing of this job is missing.", "Reroll it for other pictures.")
    new = []
    for each in missing:
        recipe = each.recipe
        if isinstance(recipe, Paint):
            asking.card_of(recipe.model, cards)
            recipe = _smaller(recipe) if less else recipe
        elif less:
            raise BadInput("An enlargement has the size of its picture.", "Enlarge a smaller one.")
        new.append(NewPicture(recipe, cost(recipe), each.parent_id, None if less else each.replay))
    return Plan(tuple(new), job.model, kind=job.kind)


def _smaller(recipe: Paint) -> Paint:
    """Return a Recipe at the size that is proposed where its own was too large."""
    width, height = smaller(recipe.width, recipe.height)
    if (width, height) == (recipe.width, recipe.height):
        raise BadInput(f"{width}x{height} is the smallest there is.", "Ask for another model.")
    return replace(recipe, width=width, height=height)


def laid_over(base: Draft, typed: Draft) -> Draft:
    """Return the Draft with its blanks filled from another; a size or aspect that was typed replaces both."""
    if typed.aspect is not None or typed.width is not None or typed.height is not None:
        base = replace(base, aspect=None, width=None, height=None)
    given = {spec.name: getattr(typed, spec.name) for spec in fields(Draft)}
    blank: dict[str, Any] = {"count": 1, "loras": ()}
    return replace(base, **{name: value for name, value in given.items() if value not in (None, blank.get(name))})


def _draft(recipe: Paint, model: str) -> Draft:
    """Return a Recipe as the Draft that gives it, but for its Sketch and mask."""
    return Draft(
        prompt=recipe.prompt, negative_prompt=recipe.negative_prompt, seed=recipe.seed, steps=recipe.steps,
        guidance=recipe.guidance, width=recipe.width, height=recipe.height, sampler=recipe.sampler, model=model,
        strength=recipe.strength, vary=recipe.vary, loras=asking.lora_wishes(recipe),
        control=None if recipe.control is None else controls.asked(recipe.control), eta=recipe.eta,
        clip_skip=recipe.clip_skip,
    )  # fmt: skip
