"""Defaults: what one Person wants where nothing is typed, and how options are read from words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from core.addons import NO_NAMES, taken
from core.blend import reads_as
from core.draft import Draft
from core.errors import BadInput, BadWords
from core.grammar import command_for, parse
from core.recipe import Paint, Recipe
from core.sizes import SHAPE
from core.words import LONGEST, clean, shown

FIELDS = (
    "negative_prompt", "steps", "guidance", "width", "height", "aspect", "sampler", "model", "strength", "count",
    "style", "eta", "clip_skip",
)  # fmt: skip
"""Draft fields that may have a default of a Person's own; a Seed is drawn for each Job."""

LONGEST_SUFFIX = 500
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Defaults:
    """Hold one Person's wishes.

    options: Draft fields, used where nothing is typed. suffix: words added behind each Prompt. recipe: files that go
    out tell their Recipe. by_dm: results also come as a direct message. remix: Vary and Reroll ask for words first.
    """

    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    suffix: str = ""
    recipe: bool = True
    by_dm: bool = False
    remix: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the plain form kept in the log."""
        options = {key: list(value) if key == "aspect" else value for key, value in self.options.items()}
        switches = {"recipe": self.recipe, "by_dm": self.by_dm, "remix": self.remix}
        return {"options": options, "suffix": self.suffix, **switches}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Defaults:
        """Build them from their plain form."""
        options = {key: tuple(value) if key == "aspect" else value for key, value in data["options"].items()}
        return cls(options, data["suffix"], data["recipe"], data["by_dm"], data["remix"])

    def changed(self, changes: Mapping[str, Any]) -> Defaults:
        """Return them with fields changed; raise BadInput where a field is unknown or of the wrong type."""
        kinds = {"options": Mapping, "suffix": str, "recipe": bool, "by_dm": bool, "remix": bool}
        for name, value in changes.items():
            if name not in kinds:
                raise BadInput(f"There is no default {name!r:.40}.", f"There are: {', '.join(kinds)}.")
            if not isinstance(value, kinds[name]):
                raise BadInput(
                    f"The default {name} has the wrong type.", "Texts are texts, switches are true or false."
                )
        whole = replace(self, **changes)
        unknown = [name for name in whole.options if name not in FIELDS]
        if unknown:
            raise BadInput(f"{unknown[0]!r:.40} cannot have a default.", f"These can: {', '.join(FIELDS)}.")
        suffix = clean(whole.suffix)[0].strip()
        if taken(suffix)[1]:
            raise BadWords("A LoRA cannot be a default.", "Type --lora where you want it.")
        if len(suffix) > LONGEST_SUFFIX:
            raise BadInput(f"The suffix has {len(suffix)} signs; {LONGEST_SUFFIX} is the most.", "Make it shorter.")
        return replace(whole, options=dict(whole.options), suffix=suffix)

    def under(self, draft: Draft, given: Collection[str]) -> Draft:
        """Return a Draft with its blanks filled from here; `given` fields were typed and stand, a size as a whole."""
        held = {
            *given,
            *(SHAPE if SHAPE & set(given) else ()),
            *(() if draft.sketch and not draft.control else ("strength",)),
        }
        # Words in marks stand as they are.
        held |= {"style"} if "prompt" in given else set()
        whole = replace(draft, **{key: value for key, value in self.options.items() if key not in held})
        if not self.suffix or "prompt" in given:
            return whole
        prompt = f"{draft.prompt} {self.suffix}".strip()
        if len(prompt) > LONGEST:
            raise BadWords(f"With your suffix these words are {len(prompt):,} characters long.", f"Use {LONGEST:,}.")
        return replace(whole, prompt=prompt)


def typed(words: str, models: Sequence[str]) -> dict[str, Any]:
    """Read options as they are typed (`--steps 30 --ar 3:2`); nothing, or `none`, gives none."""
    if words.strip().lower() in ("", "none"):
        return {}
    drafts = parse(words, models)
    draft = drafts[0]
    if len(drafts) > 1:
        raise BadWords("A default has one value.", "Leave out {sets}, | and --repeat.")
    if draft.prompt:
        raise BadWords(f"{shown(draft.prompt, 60)} is no option.", "Write options alone: --steps 30 --ar 3:2.")
    if draft.seed is not None or draft.vary is not None:
        raise BadWords("A seed cannot be a default.", "It is drawn for each job; type --seed where you want one.")
    if draft.loras:
        raise BadWords("A LoRA cannot be a default.", "Type --lora where you want it.")
    if draft.control:
        raise BadWords("--control cannot be a default.", "It belongs to one sketch; type it where you want it.")
    if draft.preset is not None:
        raise BadWords("A preset cannot be a default.", "Type --preset where you want it.")
    if draft.inpaint:
        raise BadWords("--inpaint cannot be a default.", "It belongs to one sketch; type it where you want it.")
    blank = Draft()
    return {key: getattr(draft, key) for key in FIELDS if getattr(draft, key) != getattr(blank, key)}


def words_for(recipe: Recipe, model: str, mine: Defaults, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return words that give the same Recipe to who has these Defaults; none for what no words make.

    names: of LoRAs by digest.
    """
    if not isinstance(recipe, Paint) or not reads_as(recipe.prompt, recipe.blend):
        return ""
    return command_for(recipe, model, plain=not mine.options and not mine.suffix, names=names)
