"""The words people type, on every face: options, sets and matrix become Drafts, and Recipes become words again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from types import MappingProxyType
from typing import Any

from core import addons, controls, flags, permutations
from core.addons import NO_NAMES, LoraWish
from core.commands import COMMANDS, Target, command, target
from core.draft import Draft
from core.errors import BadWords
from core.flags import Flag
from core.recipe import Paint
from core.samplers import sampler_id
from core.scan import MARKS, Typed, marked, quoted, scan
from core.words import caret, clean

__all__ = [
    "COMMANDS", "Target", "caret", "clean", "command", "command_for", "from_argv", "given", "parse", "sampler_id",
    "target", "prompt_words", "words_of",
]  # fmt: skip


def parse(words: str, models: Sequence[str]) -> tuple[Draft, ...]:
    """Return a Draft per expanded Prompt, all sharing the options; raise BadWords with the sign where it went wrong.

    Options are read first, then sets, then the matrix. Order: the matrix changes slowest, then sets in the Prompt, then
    sets in options, the last of each fastest; repeats of one stand together.
    """
    kept, notes = clean(words)
    prompt, typed = scan(kept)
    options = [(_known(each), each) for each in typed]
    _refuse_twice(options)
    if prompt.at and any(flag.name == "prompt" for flag, _ in options):
        raise prompt.refusal("The words stand both alone and behind --prompt.", "Give them once.")
    made = permutations.pattern(prompt)
    values = [None if each.value.verbatim else permutations.pattern(each.value) for each in typed]
    count = made.prompts
    places = [made.at] if count > 1 else []
    for pattern in values:
        if pattern is not None and pattern.values > 1:
            count *= pattern.values
            places.append(pattern.at)
    _check_count(kept, count, min(places, default=0))
    choices = [
        [flag.read(each.name, value, models) for value in ([each.value] if pattern is None else pattern.expanded())]
        for (flag, each), pattern in zip(options, values, strict=True)
    ]
    times = [changes.get("times", 1) for choice in choices for changes in choice]
    repeat = next((each for (flag, each) in options if flag.name == "repeat"), None)
    if repeat is not None:
        _check_count(kept, count * max(times), repeat.sign.start)
    return tuple(
        draft
        for text in made.written()
        for combination in product(*choices)
        for draft in _drafts(_begun(text, notes), combination)
    )


PLAIN = re.compile(r"[A-Za-z0-9]+(?:,? [A-Za-z0-9]+)*")
"""Words without a sign that could be read as more than itself."""

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "no": ("negative_prompt",),
        "n": ("count",),
        "size": ("width", "height"),
        "ar": ("aspect",),
        "iw": ("strength",),
        "lora": ("loras",),
        "clip-skip": ("clip_skip",),
    }
)
"""The fields of a Draft that an option fills where they have other names."""


def given(words: str) -> frozenset[str]:
    """Return the fields of a Draft that options in the words fill, be it with nothing."""
    flags_typed = [_known(each).name for each in scan(clean(words)[0])[1]]
    return frozenset(field for name in flags_typed for field in FIELDS.get(name, (name,)))


def command_for(recipe: Paint, model: str, *, plain: bool = True, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return the words that give the same Recipe again; Sketch and mask have to be sent along with them.

    plain False: for who has Defaults, so that nothing is added to the Prompt and nothing else is avoided. names: of
    LoRAs and ControlNets by digest; what has none is named by its digest.
    """
    draft = Draft(
        prompt=recipe.prompt, negative_prompt=recipe.negative_prompt, seed=recipe.seed, steps=recipe.steps,
        guidance=recipe.guidance, width=recipe.width, height=recipe.height, sampler=recipe.sampler,
        model=model or None, strength=recipe.strength, inpaint=recipe.mask is not None, vary=recipe.vary,
        eta=recipe.eta, clip_skip=recipe.clip_skip,
        loras=tuple(LoraWish(names.get(each.digest, each.digest[:10]), each.scale) for each in recipe.loras),
    )  # fmt: skip
    if recipe.control is not None:
        wish = controls.asked(recipe.control)
        draft = replace(draft, control=replace(wish, name=names.get(wish.name, wish.name[:10])))
    return words_of(draft, plain=plain)


def words_of(draft: Draft, *, plain: bool = True) -> str:
    """Return the words that are read as this Draft, blanks left out."""
    given: list[tuple[str, object]] = [
        ("seed", draft.seed),
        ("size", f"{draft.width}x{draft.height}" if draft.width else None),
        ("steps", draft.steps),
        ("guidance", None if draft.guidance is None else f"{draft.guidance:g}"),
        ("sampler", draft.sampler),
        ("model", quoted(draft.model) if draft.model else None),
        ("no", quoted(draft.negative_prompt or "") if draft.negative_prompt or not plain else None),
        ("eta", f"{draft.eta:g}" if draft.eta else None),
        ("clip-skip", draft.clip_skip or None),
        ("strength", None if draft.strength is None else f"{draft.strength:g}"),
        ("inpaint", "" if draft.inpaint else None),
        ("vary", f"{draft.vary.seed}:{draft.vary.amount:g}" if draft.vary else None),
        ("lora", addons.typed(draft.loras) if draft.loras else None),
        ("control", controls.typed(draft.control) if draft.control else None),
        ("n", None if plain else 1),
    ]
    options = " ".join(f"--{name} {value}".rstrip() for name, value in given if value is not None)
    short = f"{draft.prompt} {options}"
    whole = f"--prompt {marked(draft.prompt)} {options}"
    return short if plain and _reads_as(short, draft) else whole


def prompt_words(prompt: str, plain: bool = True) -> str:
    """Return the words that are read as this Prompt and nothing else; plain: without marks where that does."""
    try:
        plain = plain and parse(prompt, ()) == (Draft(prompt=prompt),) and not prompt.startswith("/")
    except BadWords:
        plain = False
    return prompt if plain else f"--prompt {marked(prompt)}"


def from_argv(argv: Sequence[str]) -> str:
    """Return a shell's words as one line for `parse`: the shell took the marks away that --prompt needs."""
    before = ("", *argv)
    return " ".join(
        marked(word) if last == "--prompt" and word[:1] not in MARKS else word
        for last, word in zip(before, argv, strict=False)
    )


def _known(option: Typed) -> Flag:
    found = flags.flag_named(option.name)
    if found is None:
        raise flags.refusal(option.sign.text, option.name, option.sign)
    return found


def _refuse_twice(options: Sequence[tuple[Flag, Typed]]) -> None:
    seen: set[str] = set()
    for flag, option in options:
        if flag.name in seen and not flag.many:
            raise option.sign.refusal(f"--{flag.name} stands twice.", "Give it once, or as a set: {a, b}.")
        if flag.not_with in seen:
            raise option.sign.refusal(f"--{flag.name} and --{flag.not_with} say the same.", "Give one of them.")
        seen.add(flag.name)


def _check_count(words: str, count: int, at: int) -> None:
    if count > permutations.MOST:
        many = str(count) if count < 1_000_000 else "more than a million"
        wrong = f"These words ask for {many} prompts; {permutations.MOST} is the most."
        raise BadWords(wrong, "Use fewer or smaller sets.", at, words)


def _begun(words: str, notes: tuple[str, ...]) -> Draft:
    """Return the Draft of a Prompt alone; LoRAs named in it are taken out of it."""
    prompt, loras = addons.taken(words)
    return Draft(prompt=prompt, loras=loras, notes=notes)


def _drafts(draft: Draft, combination: Sequence[flags.Changes]) -> list[Draft]:
    """Return a Draft with the options' values in, as often as it is repeated."""
    changes: dict[str, Any] = {}
    notes, loras = draft.notes, draft.loras
    for each in combination:
        changes |= each
        notes += each.get("notes", ())
        loras += each.get("loras", ())
    times = changes.pop("times", 1)
    whole = replace(draft, **{**changes, "notes": notes, "loras": loras})
    return [replace(whole, repeat=turn) for turn in range(times)]


def _reads_as(words: str, draft: Draft) -> bool:
    """Say whether words are read as one Draft of this Prompt, and by no face as a command."""
    if PLAIN.fullmatch(draft.prompt) and PLAIN.fullmatch(draft.model or "x"):
        # Nothing in such words means anything to a reader, and every card of a Job is told them.
        return True
    try:
        found = parse(words, (draft.model or "",))
    except BadWords:
        return False
    alone = len(found) == 1 and found[0].prompt == draft.prompt and found[0].seed == draft.seed
    return alone and not draft.prompt.startswith("/")
