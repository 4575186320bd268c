"""Other tools' recipes, as they stand in their files, become a Draft, with what cannot be honoured said in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from core import graphs, infotext, tagged
from core.brought import KARRAS, LONGEST_TEXT, Brought, object_in
from core.draft import CLIP_SKIP, GUIDANCE, STEPS, Draft, ModelCard
from core.errors import BadWords
from core.grammar import words_of
from core.plain import real
from core.recipe import SEEDS, Variation
from core.samplers import sampler_id
from core.sizes import SIDE
from core.words import LONGEST, UNWANTED, bare

COMMENT = "UserComment"
"""Under this name come the words in a JPEG's or WebP's EXIF."""

LEAST_HASH = 8


def read(texts: Mapping[str, str]) -> Brought | None:
    """Return what a file's texts tell by keyword, None where they tell nothing we can read."""
    if sum(map(len, texts.values())) > LONGEST_TEXT:
        return None
    if (found := object_in(texts.get("invokeai_metadata"))) is not None:
        return tagged.invoke(found)
    if (found := object_in(texts.get("sd-metadata"))) is not None and (before := tagged.invoke_before(found)):
        return before
    if "Dream" in texts and (typed := tagged.dream(texts["Dream"])):
        return typed
    if (drawn := graphs.read(texts)) is not None:
        return drawn
    if tagged.is_easy(texts):
        return tagged.easy(texts)
    return _one_text(texts)


def _one_text(texts: Mapping[str, str]) -> Brought | None:
    """Read a recipe that stands whole in one text: Fooocus's or Easy Diffusion's JSON, A1111's or their own lines."""
    scheme = texts.get("fooocus_scheme", texts.get("MakerNote", ""))
    for text in (texts.get("parameters"), texts.get(COMMENT)):
        if not text:
            continue
        data = object_in(text)
        if data is not None:
            if tagged.is_easy(data):
                return tagged.easy(data)
            if {"prompt", "base_model"} & set(data):
                return tagged.fooocus(data)
            if (drawn := graphs.read({"prompt": text, **data})) is not None:
                return drawn
            continue
        told = infotext.read(text, "Fooocus" if scheme == "a1111" else _writer(text)) or tagged.easy_text(text)
        if told is not None:
            return told
    return None


def _writer(text: str) -> str:
    last = text.strip().rpartition("\n")[2]
    if "Version: Fooocus" in last:
        return "Fooocus"
    return "Limner" if last.endswith("Version: Limner") else "A1111"


def draft(found: Brought, cards: Sequence[ModelCard], default: str, size: tuple[int, int]) -> Draft:
    """Return the Draft of a foreign recipe; its notes say what was mended and what cannot be honoured.

    size: the file's own, for a recipe that tells none.
    """
    notes: list[str] = []
    card = _card(found, cards, default, notes)
    painter = card or next((each for each in cards if each.name == default), None)
    sampler = _sampler(found, painter, notes)
    width, height = _size(found, size, notes)
    asked = Draft(
        prompt=_words(found.prompt),
        negative_prompt=_words(found.negative_prompt) or None,
        seed=_seed(found.seed, notes),
        steps=None if found.steps is None else int(_within("steps", found.steps, STEPS, notes)),
        guidance=None if found.guidance is None else real(_within("guidance", found.guidance, GUIDANCE, notes)),
        width=width,
        height=height,
        sampler=sampler,
        model=card.name if card else None,
        strength=_strength(found, notes),
        clip_skip=min(found.clip_skip, CLIP_SKIP[1]) or None,
        vary=None if found.vary is None else Variation(found.vary[0] % SEEDS, real(found.vary[1])),
    )
    notes += found.lost
    if found.tool != "Limner":
        notes.append(f"It will not be the same picture: {found.tool} draws its noise in another way.")
    return fitted(asked.noted(*notes))


def _card(found: Brought, cards: Sequence[ModelCard], default: str, notes: list[str]) -> ModelCard | None:
    """Return the card of the Model it names, by digest before name; None is the default's."""
    short, name = found.model_hash.lower(), found.model.lower()
    for card in cards:
        if len(short) >= LEAST_HASH and card.digest.startswith(short):
            return card
    for card in cards:
        if name and card.name.lower() == name:
            if short:
                notes.append(f"The model {card.name} has the same name, but perhaps not the same weights.")
            return card
    if name or short:
        told = " ".join(filter(None, [bare(found.model, 60), f"({bare(short, 12)})" if short else ""]))
        notes.append(f"The model {told} is not here; {default} is taken.")
    return None


def _sampler(found: Brought, card: ModelCard | None, notes: list[str]) -> str | None:
    """Return the Sampler by name and schedule, without the schedule where it is not ours; None is the Model's own."""
    if not found.sampler:
        return None
    karras = found.schedule == KARRAS
    for name in ([f"{found.sampler} {KARRAS}"] if karras else []) + [found.sampler]:
        try:
            known = sampler_id(name)
        except BadWords:
            continue
        if card is not None and known not in card.samplers:
            continue
        if found.schedule and not (karras and known.endswith(KARRAS)):
            notes.append(f"The schedule {bare(found.schedule)} is not here; that of {known} is taken.")
        return known
    notes.append(f"The sampler {bare(found.sampler)} is not here; the model's own is taken.")
    return None


def _size(found: Brought, file: tuple[int, int], notes: list[str]) -> tuple[int, int]:
    """Return a size on the grid, nearest to the one told or else to the file's."""
    told = found.width is not None and found.height is not None
    asked = (found.width or 0, found.height or 0) if told else file
    low, high = SIDE
    width, height = (min(max(round(side / 8) * 8, low), high) for side in asked)
    if (width, height) != asked:
        notes.append(f"The size {asked[0]}x{asked[1]} cannot be painted: {width}x{height} is taken.")
    elif not told:
        notes.append("The file does not tell the size that was painted; its own is taken.")
    return width, height


def _seed(seed: int | None, notes: list[str]) -> int | None:
    if seed is None or seed < 0:
        notes.append("The file tells no seed; a fresh one is drawn.")
        return None
    if seed >= SEEDS:
        notes.append(f"The seed {seed} is above {SEEDS - 1}: its remainder {seed % SEEDS} is taken.")
    return seed % SEEDS


def _within(what: str, value: float, bounds: tuple[float, float], notes: list[str]) -> float:
    held = min(max(value, bounds[0]), bounds[1])
    if held != value:
        notes.append(f"{what.capitalize()} {value:.10g} cannot be had: {held:g} is taken.")
    return held


def _strength(found: Brought, notes: list[str]) -> float | None:
    """Return how much of the image it began from is painted over; the image itself is never in the file."""
    if not found.from_image:
        return None
    notes.append("It began from an image, which is not in the file: send it along as a sketch.")
    return None if found.strength is None else real(min(max(found.strength, 0.0), 1.0))


def fitted(asked: Draft) -> Draft:
    """Return a Draft whose words can be typed: all of them together have their bound."""
    whole = asked
    while (excess := len(words_of(whole)) - LONGEST) > 0:
        avoided = whole.negative_prompt or ""
        if len(avoided) > len(whole.prompt):
            whole = replace(whole, negative_prompt=avoided[: max(len(avoided) - excess, 0)].rstrip())
        else:
            whole = replace(whole, prompt=whole.prompt[: max(len(whole.prompt) - excess, 0)].rstrip())
    if whole != asked:
        return whole.noted(f"Its words are too long: at most {LONGEST:,} signs are taken.")
    return whole


def _words(words: str) -> str:
    return UNWANTED.sub("", words[: 4 * LONGEST]).strip()
