"""LoRAs and embeddings: files an owner lays beside the Models, how words name them, and which Model takes which."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from core.controls import ControlCard
from core.errors import BadWords, CannotReproduce, ModelUnavailable
from core.kin import State, family
from core.plain import real
from core.recipe import Embedding, Lora, Paint
from core.scan import marked
from core.words import nearest, shown

SCALE = (-4.0, 4.0)
"""How strongly a LoRA may be laid over a Model; 1 is as it was trained."""
MOST = 8
TAG = re.compile(r"\s*<lora:([^<>]*)>", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
DIGEST = re.compile(r"[0-9a-f]{10,64}")
PLAIN = re.compile(r"\w[\w.+-]*:[\d.-]+(, \w[\w.+-]*:[\d.-]+)*")
"""LoRAs that can be typed without quotation marks."""
UNTYPED = frozenset('<>:,"“”{}|')
"""Signs that mean something where a LoRA is named, so that no name can hold them."""


@dataclass(frozen=True, slots=True)
class LoraCard:
    """Tell what a LoRA's file is: rank of its largest layer, and how wide the words are that its layers read.

    width: 0 where no layer of it reads words, so that any Model may take it.
    """

    name: str
    digest: str = ""
    width: int = 0
    rank: int = 0
    state: State = "reading"
    why: str = ""

    @property
    def kind(self) -> str:
        """Return the family it is for, in words."""
        return family((self.width,)) if self.width else "any family"

    def fits(self, widths: Sequence[int]) -> bool:
        """Say whether a Model with these text encoders can take it."""
        return self.width in (0, sum(widths))


@dataclass(frozen=True, slots=True)
class EmbeddingCard:
    """Tell what an embedding's file is: vectors put in its word's place, and their width in each text encoder."""

    name: str
    digest: str = ""
    widths: tuple[int, ...] = ()
    vectors: int = 0
    state: State = "reading"
    why: str = ""

    @property
    def kind(self) -> str:
        """Return the family it is for, in words."""
        return family(self.widths)

    def stands_in(self, words: str) -> bool:
        """Say whether its name stands in the words, as a word of its own, in upper or lower case."""
        return self.name.lower() in words.lower() and word_pattern(self.name).search(words) is not None


@dataclass(frozen=True, slots=True)
class LoraWish:
    """Name a LoRA as it was typed: by its name, or by the first signs of its digest."""

    name: str
    scale: float


@dataclass(frozen=True, slots=True)
class AddOns:
    """Hold what lies beside the Models of this installation."""

    loras: tuple[LoraCard, ...] = ()
    embeddings: tuple[EmbeddingCard, ...] = ()
    controls: tuple[ControlCard, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """Return the names of LoRAs and ControlNets by digest."""
        cards: list[LoraCard | ControlCard] = [*self.loras, *self.controls]
        return {card.digest: card.name for card in cards if card.digest}


@dataclass(frozen=True, slots=True)
class Beside:
    """Hold what a Recipe takes beside its Model, and what must be said of it."""

    loras: tuple[Lora, ...] = ()
    embeddings: tuple[Embedding, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)


NO_ADDONS = AddOns()
NO_NAMES: Mapping[str, str] = MappingProxyType({})
"""The names of nothing."""


def word_pattern(name: str) -> re.Pattern[str]:
    """Return what finds an embedding's name in words: nothing that could be a part of a longer word."""
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE)


def wishes(text: str) -> tuple[LoraWish, ...]:
    """Read `name:0.8, other`; a weight that is left out is 1."""
    return tuple(_wish(part.strip()) for part in text.split(","))


def taken(prompt: str) -> tuple[str, tuple[LoraWish, ...]]:
    """Take `<lora:name:0.8>` out of a Prompt, as A1111 writes it."""
    found = tuple(_wish(tag[1].strip()) for tag in TAG.finditer(prompt))
    return (TAG.sub("", prompt).strip(), found) if found else (prompt, ())


def beside(
    words: Sequence[str], asked: Sequence[LoraWish], addons: AddOns, model: str, widths: tuple[int, ...]
) -> Beside:
    """Return what a Recipe of these words and LoRAs takes; raise BadWords where the Model cannot take a LoRA.

    widths: of the tokens of the Model's text encoders. An embedding for another family is said, and read as words.
    """
    found: dict[str, Lora] = {}
    notes: list[str] = []
    if len(asked) > MOST:
        raise BadWords(f"These words ask for {len(asked)} LoRAs; {MOST} is the most.", "Leave some of them out.")
    for wish in asked:
        card = _named(wish.name, addons.loras)
        if card.digest in found:
            raise BadWords(f"The LoRA {card.name} stands twice.", "Give it once.")
        _check_fits(card, model, widths)
        found[card.digest] = Lora(card.digest, wish.scale)
        if wish.scale == 0:
            notes.append(f"The LoRA {card.name} has no effect at weight 0.")
    loras = tuple(sorted((each for each in found.values() if each.scale), key=lambda each: each.digest))
    embeddings = []
    for other in addons.embeddings if widths else ():
        if not any(other.stands_in(each) for each in words):
            continue
        if other.state == "ready" and other.widths == widths:
            embeddings.append(Embedding(other.name, other.digest))
        else:
            why = f"is for {other.kind}" if other.state == "ready" else f"is not ready ({other.why})"
            notes.append(f"The embedding {other.name} {why}: here it is read as plain words.")
    return Beside(loras, tuple(sorted(embeddings, key=lambda each: each.token)), tuple(notes))


def check(recipe: Paint, addons: AddOns) -> None:
    """Raise CannotReproduce where a LoRA, embedding or ControlNet of a logged Recipe is not here as it was."""
    cards: list[LoraCard | EmbeddingCard | ControlCard] = [*addons.loras, *addons.embeddings, *addons.controls]
    ready = {card.digest for card in cards if card.state == "ready"}
    for lora in recipe.loras:
        if lora.digest not in ready:
            gone = f"The LoRA it was painted with ({lora.digest[:10]}) is not here, or it has changed."
            raise CannotReproduce(gone, "Put its file into the folder that [models] loras names.")
    for embedding in recipe.embeddings:
        if embedding.digest not in ready:
            name = f"{shown(embedding.token)} ({embedding.digest[:10]})"
            gone = f"The embedding {name} it was painted with is not here, or it has changed."
            raise CannotReproduce(gone, "Put its file into the folder that [models] embeddings names.")
    if recipe.control is not None and recipe.control.digest not in ready:
        gone = f"The ControlNet it was painted with ({recipe.control.digest[:10]}) is not here, or it has changed."
        raise CannotReproduce(gone, "Name its folder under [models] controls.")


def names_stand_in(recipe: Paint) -> bool:
    """Say whether each embedding of a Recipe that came from a file is one its words name."""
    words = (recipe.prompt, recipe.negative_prompt)
    return len(recipe.embeddings) <= MOST and all(
        any(word_pattern(each.token).search(part) for part in words) for each in recipe.embeddings
    )


def typed(loras: Sequence[LoraWish]) -> str:
    """Return LoRAs as they are typed behind --lora."""
    words = ", ".join(f"{lora.name}:{lora.scale:g}" for lora in loras)
    return words if PLAIN.fullmatch(words) else marked(words)


def _wish(text: str) -> LoraWish:
    name, colon, weight = text.partition(":")
    name, weight = name.strip(), weight.strip()
    low, high = SCALE
    hint = f"Write a name and a weight of {low:g} to {high:g}: name:0.8."
    if not name:
        raise BadWords("A LoRA needs a name.", hint)
    if not colon:
        return LoraWish(name, 1.0)
    if NUMBER.fullmatch(weight) is None:
        raise BadWords(f"The weight of the LoRA {shown(name)} is a number, not {shown(weight)}.", hint)
    if not low <= float(weight) <= high:
        raise BadWords(f"The weight {weight:.40} of the LoRA {shown(name)} is out of range.", hint)
    return LoraWish(name, real(float(weight)))


def _named(name: str, cards: Sequence[LoraCard]) -> LoraCard:
    """Return a LoRA's card by its name, in upper or lower case, or by ten signs or more of its digest."""
    exact = [card for card in cards if card.name == name]
    found = exact or [card for card in cards if card.name.lower() == name.lower()]
    if not found and DIGEST.fullmatch(name):
        found = [card for card in cards if card.digest.startswith(name)]
    if len(found) == 1:
        return found[0]
    near = nearest(name, [card.name for card in cards])
    hint = f"The nearest is {near}." if near else "The owner lays them into the folder that [models] loras names."
    raise BadWords(f"There is no LoRA {shown(name)}.", hint)


def _check_fits(card: LoraCard, model: str, widths: tuple[int, ...]) -> None:
    if card.state == "broken":
        raise ModelUnavailable(f"The LoRA {card.name} cannot be used: {card.why}", "Choose another, or leave it out.")
    if card.state == "reading":
        raise ModelUnavailable(f"The LoRA {card.name} is not ready: {card.why}.", "Try again in a moment.")
    if not widths:
        raise BadWords(f"The model {model} takes no LoRA.", "Choose another model, or leave the LoRA out.")
    if not card.fits(widths):
        raise BadWords(
            f"The LoRA {card.name} is for {card.kind}; the model {model} is {family((sum(widths),))}.",
            "Choose another model, or leave the LoRA out.",
        )
