"""From what was asked to what will be written: words and parents become Recipes with their cost."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import addons, controls, enlarging, presets, wording
from core.addons import NO_ADDONS, AddOns, LoraWish
from core.cost import cost
from core.defaults import Defaults
from core.draft import Draft, ModelCard, SketchInfo, checked_vary, fill, first_seed
from core.errors import BadInput, BadWords, CannotReproduce, ModelUnavailable, NotFound
from core.grammar import clean, command, given, parse, sampler_id, target
from core.job import Job, Kind
from core.mark import mark_of
from core.methods import check_there
from core.picture import Fingerprint, Picture, Replay
from core.ports import Archive
from core.promise import Ground, note
from core.recipe import SEEDS, Method, ModelRef, Paint, Recipe, Upscale, Variation, digest, from_json, sources
from core.records import NewPicture, PngFacts
from core.styles import style_named
from core.words import shown

VARY_AMOUNT = 0.15
UNASKED = 5
"""So many Jobs one line makes without a question."""

OPTIONS = (
    "negative_prompt", "seed", "steps", "guidance", "width", "height", "aspect", "sampler", "model", "strength",
    "count", "style", "loras", "control",
)  # fmt: skip
"""Draft fields that a face may pass apart from the words."""

_TYPED: Mapping[str, Callable[[Any], str]] = {"loras": addons.typed, "control": controls.typed}
"""How the value of a field is typed, where that is not as it is written."""

_READ: Mapping[str, Callable[[str], Any]] = {
    "sampler": sampler_id,
    "style": style_named,
    "loras": addons.wishes,
    "control": controls.wish,
}
"""How a field that is passed as typed is read."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One Job to be: its Pictures, the Model's name and what must be said."""

    pictures: tuple[NewPicture, ...]
    model: str
    notes: tuple[str, ...] = ()
    kind: Kind | None = None
    """None: what was asked for."""

    def of(self, parent: str) -> Plan:
        """Return the Plan with its Pictures made from another one."""
        return replace(self, pictures=tuple(replace(each, parent_id=parent) for each in self.pictures))

    @property
    def paints(self) -> list[str]:
        """Return the digests of the Recipes that are painted."""
        return [digest(new.recipe) for new in self.pictures if isinstance(new.recipe, Paint)]


@dataclass(frozen=True, slots=True)
class Told:
    """What a PNG of ours says of itself."""

    picture_id: str
    recipe: Recipe
    replay: Replay


def imagine(
    words: str,
    options: Mapping[str, Any],
    sketch: SketchInfo | None,
    mask: str | None,
    cards: Sequence[ModelCard],
    default_model: str,
    fresh_seed: Callable[[], int],
    wishes: Defaults | None = None,
    beside: AddOns = NO_ADDONS,
) -> list[Plan]:
    """Return one Plan per expanded Prompt; all of them share the first Seed."""
    seed = fresh_seed()
    plans = []
    typed = given(words) | {name for name, value in options.items() if value is not None}
    for draft in parse(words, [card.name for card in cards]):
        whole = with_options(draft, options)
        if sketch is not None:
            whole = whole.with_sketch(sketch, mask)
        whole, said = presets.under(whole, typed)
        if wishes is not None:
            whole = wishes.under(whole, said)
        card = card_named(cards, whole.model or default_model)
        recipes, notes = fill(whole, card, lambda: seed, beside)
        plans.append(Plan(tuple(NewPicture(recipe, cost(recipe)) for recipe in recipes), card.name, notes))
    return plans


def jobs_of(words: str, models: Sequence[str]) -> int:
    """Return how many Jobs typed words make."""
    kind, rest = command(words)
    return len(parse(rest, models)) if kind == "imagine" else 1


async def with_cut(plan: Plan, cut: Callable[[Paint], Awaitable[str | None]]) -> Plan:
    """Say which words of the Prompt the Model will not read: never cut in silence."""
    recipe = plan.pictures[0].recipe
    if not isinstance(recipe, Paint):
        return plan
    lost = await cut(recipe)
    if lost is None:
        return plan
    return replace(
        plan, notes=(*plan.notes, f"The model {plan.model} does not read that far; cut: {shown(lost, 200)}.")
    )


def with_promise(plan: Plan, earlier: Picture, ground: Callable[[str], Ground]) -> Plan:
    """Say how near a Picture will come to an earlier one with an equal Recipe, unless it is identical."""
    if not isinstance(earlier.recipe, Paint):
        return plan
    said = note(earlier, ground(earlier.recipe.model.digest))
    return plan if said is None else replace(plan, notes=(*plan.notes, said))


def again(
    kind: Kind,
    words: str,
    options: Mapping[str, Any],
    parent: Picture,
    job: Job,
    pictures: Sequence[Picture],
    cards: Sequence[ModelCard],
    fresh_seed: Callable[[], int],
    methods: Collection[Method],
) -> Plan:
    """Return the Plan of a reroll, vary, reproduce or upscale of a logged Picture; a reroll takes its whole Job.

    methods: what Pictures can be enlarged by here.
    """
    typed = target(words, kind)
    recipe = parent.recipe
    seed = options.get("seed", typed.seed)
    if kind == "upscale":
        larger = enlarging.enlarged(parent, typed, options, methods, cards, fresh_seed)
        model = job.model if larger.model is None else card_of(larger.model, cards).name
        return Plan((NewPicture(larger, cost(larger), parent.id),), model, enlarging.notes(larger))
    if kind == "reproduce":
        return _reproduce(parent, job, cards, methods)
    if not isinstance(recipe, Paint):
        raise BadInput("This picture is an enlargement: it has no seed.", "Ask for the picture it was made from.")
    card_of(recipe.model, cards)
    first = first_seed(Draft(seed=seed), fresh_seed)
    if kind == "vary":
        amount = options.get("amount", typed.amount)
        vary = Variation(first, VARY_AMOUNT if amount is None else amount)
        recipes = [replace(recipe, vary=checked_vary(Draft(vary=vary)))]
    else:
        count = sum(isinstance(picture.recipe, Paint) for picture in pictures)
        recipes = [recipe.rerolled((first + k) % SEEDS) for k in range(max(count, 1))]
    return Plan(tuple(NewPicture(each, cost(each), parent.id) for each in recipes), job.model)


async def check_sources(plan: Plan, archive: Archive) -> None:
    """Raise CannotReproduce where a Recipe of the log starts from an image that is kept no longer."""
    for recipe in {digest(new.recipe): new.recipe for new in plan.pictures}.values():
        for kind, source in sources(recipe):
            try:
                await archive.file(source, kind)
            except NotFound as error:
                raise CannotReproduce(*wording.source_gone(kind)) from error
        if isinstance(recipe, Upscale):
            parent = await archive.picture_by_pixels(recipe.parent)
            if parent is None or parent.file_digest is None:
                raise CannotReproduce(*wording.parent_gone(parent))


def named(kind: Kind, words: str) -> str | None:
    """Return the id or tail typed behind `/reroll` and its kin, None where none was."""
    return target(words, kind).id


def told_by_file(texts: Mapping[str, str]) -> Told:
    """Read what a file of ours says of itself; raise CannotReproduce where it says nothing that can be read."""
    text = texts.get("limner")
    if text is None:
        raise CannotReproduce("This file carries no recipe of ours.", "Bring a PNG saved from Limner with its recipe.")
    try:
        data = json.loads(text)
        replay = Replay(Fingerprint.from_json(data["fingerprint"]), str(data["pixels_digest"]))
        told = Told(str(data["picture"]), from_json(data["recipe"]), replay)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotReproduce("The recipe in this file cannot be read.", "Ask for the picture by its id.") from error
    return told


def from_file(told: Told, facts: PngFacts, cards: Sequence[ModelCard], beside: AddOns) -> Plan:
    """Return the Plan of a file's Recipe, which passes the same limits as typed words."""
    if told.replay.pixels_digest != facts.pixels_digest:
        raise CannotReproduce("This picture was changed after it was painted.", "Bring the file as it was saved.")
    recipe = told.recipe
    if not isinstance(recipe, Paint) or recipe.sketch is not None:
        raise CannotReproduce("It was made from another picture that is not here.", "Ask where it was painted.")
    card = card_of(recipe.model, cards)
    if recipe.sampler_config != dict(card.samplers.get(recipe.sampler, {})):
        raise CannotReproduce(f"Its sampler {recipe.sampler} is not set as the model {card.name} sets it here.")
    addons.check(recipe, beside)
    draft = Draft(
        prompt=recipe.prompt, negative_prompt=recipe.negative_prompt, seed=recipe.seed, steps=recipe.steps,
        guidance=recipe.guidance, width=recipe.width, height=recipe.height, sampler=recipe.sampler, vary=recipe.vary,
        loras=lora_wishes(recipe), eta=recipe.eta, clip_skip=recipe.clip_skip,
    )  # fmt: skip
    checked = fill(draft, card, lambda: recipe.seed, beside)[0][0]
    # An embedding may have another name here: in the words it stands under the name it had. Whether pictures are marked
    # is this owner's choice; and words were always read as one before they could be read as several parts.
    checked = replace(checked, embeddings=recipe.embeddings)
    if recipe.watermark in ("", mark_of(recipe.model.family)):
        checked = replace(checked, watermark=recipe.watermark)
    if not recipe.blend:
        checked = replace(checked, blend=())
    if checked != recipe or not addons.names_stand_in(recipe):
        raise CannotReproduce("The recipe in this file asks for something this version cannot paint.")
    return Plan((NewPicture(recipe, cost(recipe), replay=told.replay),), card.name)


def card_named(cards: Sequence[ModelCard], name: str) -> ModelCard:
    """Return a Model's card by name; a name is a key into the list, never a path."""
    for card in cards:
        if card.name == name:
            return card
    known = ", ".join(card.name for card in cards)
    raise ModelUnavailable(f"There is no model {name!r}.", f"There is: {known}.")


def with_options(draft: Draft, options: Mapping[str, Any]) -> Draft:
    """Return a Draft with options given apart from the words; raise BadInput where one is unknown or given twice."""
    unknown = [key for key in options if key not in OPTIONS]
    if unknown:
        raise BadInput(f"There is no option {unknown[0]!r}.", f"There are: {', '.join(OPTIONS)}.")
    for key, value in options.items():
        typed = getattr(draft, key)
        blank: Any = {"count": 1, "loras": ()}.get(key)
        if value is not None and typed != blank and typed != value:
            words = _TYPED.get(key, str)(typed)
            raise BadWords(f"{key} is given twice: {words} in the words and {value} as an option.", "Give it once.")
    given = {key: value for key, value in options.items() if value is not None}
    notes: tuple[str, ...] = ()
    if "aspect" in given:
        given["aspect"] = tuple(given["aspect"])
    for name, read in _READ.items():
        if name in given:
            given[name] = read(str(given[name]))
    if "negative_prompt" in given:
        given["negative_prompt"], notes = clean(str(given["negative_prompt"]))
    return replace(draft, **given).noted(*notes)


def lora_wishes(recipe: Paint) -> tuple[LoraWish, ...]:
    """Return a Recipe's LoRAs as somebody would type them who knows their digests alone."""
    return tuple(LoraWish(lora.digest, lora.scale) for lora in recipe.loras)


def check_addons(plans: Sequence[Plan], beside: AddOns) -> None:
    """Raise CannotReproduce where a Recipe takes a LoRA or an embedding that is not here any more."""
    for recipe in {digest(new.recipe): new.recipe for plan in plans for new in plan.pictures}.values():
        if isinstance(recipe, Paint):
            addons.check(recipe, beside)


def card_of(model: ModelRef, cards: Sequence[ModelCard]) -> ModelCard:
    """Return the card of the Model a Recipe names; refuse where it is not here as it was."""
    for card in cards:
        if card.digest == model.digest and card.state == "ready":
            return card
    raise CannotReproduce(
        f"The model it was painted with ({model.digest[:10]}) is not here, or it has changed.",
        "Name its folder in data/config.toml under [models] folders.",
    )


def _reproduce(parent: Picture, job: Job, cards: Sequence[ModelCard], methods: Collection[Method]) -> Plan:
    if parent.state != "stored" or parent.fingerprint is None or parent.pixels_digest is None:
        raise CannotReproduce(f"Picture {parent.id[-6:]} was not painted to its end.", "Reroll it with the same seed.")
    if parent.recipe.model is not None:
        card_of(parent.recipe.model, cards)
    elif isinstance(parent.recipe, Upscale):
        check_there(parent.recipe.method, methods)
    replay = Replay(parent.fingerprint, parent.pixels_digest)
    return Plan((NewPicture(parent.recipe, cost(parent.recipe), parent.id, replay),), job.model)
