"""Registry: a Model's name -> its folder, card and digest, read without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.draft import GUIDANCE, STEPS, ModelCard
from core.errors import ModelUnavailable
from core.records import WeightsFile
from inference.families.folder import NOTES, broken, files, read_json
from inference.families.table import module_of

HASHED = {".safetensors", ".json", ".txt"}
"""Weights, settings and tokenizer files (vocab.json, merges.txt): what decides pixels."""
WISHES: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "steps": (int,),
    "guidance": (int, float),
    "sampler": (str,),
    "width": (int,),
    "height": (int,),
    "multiple": (int,),
    "strength": (int, float),
    "negative": (bool,),
    "licence": (str,),
    "note": (str,),
}
"""What limner.json in a model's folder may say, and of which kind."""
BOUNDS: Mapping[str, tuple[float, float]] = {"steps": STEPS, "guidance": GUIDANCE, "strength": (0.0, 1.0)}
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one registered Model: its folder, the card so far and the files its digest is made of."""

    folder: Path
    card: ModelCard
    parts: tuple[WeightsFile, ...] = ()


class Registry:
    """Know the Models of this installation. One owner at a time may call `read`; the others only look."""

    def __init__(self, folders: Mapping[str, Path], builtin: str = "builtin") -> None:
        self._entries = {name: _entry(name, Path(folder), name == builtin) for name, folder in folders.items()}

    def cards(self) -> tuple[ModelCard, ...]:
        """Return every Model's card, in the order of the settings; `reading` where the digest is not known yet."""
        return tuple(entry.card for entry in self._entries.values())

    def card(self, name: str) -> ModelCard:
        """Return one Model's card by its name or its registered key; raise ModelUnavailable where there is none."""
        entry = self._entries.get(name) or next((e for e in self._entries.values() if e.card.name == name), None)
        if entry is None:
            raise ModelUnavailable(f"There is no model {name}.", f"There is: {', '.join(sorted(self._entries))}.")
        return entry.card

    def read(self, known: Mapping[WeightsFile, str]) -> dict[WeightsFile, str]:
        """Compute the missing digests (blocking, minutes for large Models), make cards ready, return the new ones."""
        fresh: dict[WeightsFile, str] = {}
        for name, entry in self._entries.items():
            if entry.card.state != "reading":
                continue
            try:
                self._entries[name] = _digested(entry, known, fresh)
            except OSError as error:
                why = f"Its files cannot be read: {error.strerror or error}."
                self._entries[name] = replace(entry, card=replace(entry.card, state="broken", why=why))
        return fresh

    def folder(self, digest: str) -> Path:
        """Return a Model's folder by digest; raise ModelUnavailable where it is unknown or has changed since."""
        for entry in self._entries.values():
            if digest and entry.card.digest == digest:
                if any(not _unchanged(part) for part in entry.parts):
                    raise ModelUnavailable(
                        f"The files of the model {entry.card.name} have changed since they were read.",
                        "Start Limner again.",
                    )
                return entry.folder
        raise ModelUnavailable(
            f"The model with digest {digest[:12]} is not here.", "Add its folder under [models] in config.toml."
        )


def _entry(name: str, folder: Path, builtin: bool) -> Entry:
    try:
        card = _card(name, folder, builtin)
        parts = tuple(_stat(path) for path in files(folder) if path.suffix in HASHED and path.name != NOTES)
    except (ModelUnavailable, OSError) as error:
        why = error.whole() if isinstance(error, ModelUnavailable) else f"Its files cannot be read: {error}."
        return Entry(folder, _broken_card(name, builtin, why))
    return Entry(folder, card, parts)


def _card(name: str, folder: Path, builtin: bool) -> ModelCard:
    for _ in files(folder):  # refuses links, pickles and code before anything is read
        pass
    index = read_json(folder / "model_index.json")
    family = module_of(folder, index)
    facts = family.read(folder, index)
    card = ModelCard(
        name=name,
        digest="",
        family=family.DISTILLED if facts.distilled else family.FAMILY,
        width=facts.width,
        height=facts.height,
        multiple=facts.multiple,
        steps=facts.steps,
        guidance=facts.guidance,
        sampler=facts.sampler,
        samplers=facts.samplers,
        latent_scale=facts.latent_scale,
        negative=not facts.distilled,
        masks=family.MASKS,
        inpaint=facts.inpaint,
        builtin=builtin,
        state="reading",
        why="its files are being read",
    )
    return replace(card, **_wishes(folder, card))


def _wishes(folder: Path, card: ModelCard) -> dict[str, Any]:
    """Return what the owner's limner.json says; raise where it says what cannot be."""
    if not (folder / NOTES).is_file():
        return {}
    wishes = read_json(folder / NOTES)
    for key, value in wishes.items():
        kinds = WISHES.get(key)
        if kinds is None:
            raise broken(f"{NOTES} has an unknown entry {key}.", f"It may have: {', '.join(WISHES)}.")
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise broken(f"{NOTES} says {key} = {value!r}.", f"It must be a {kinds[0].__name__}.")
    if wishes.get("sampler", card.sampler) not in card.samplers:
        raise broken(f"{NOTES} names a sampler {wishes['sampler']}.", f"It can be: {', '.join(card.samplers)}.")
    for key, (low, high) in BOUNDS.items():
        if not low <= wishes.get(key, low) <= high:  # NaN too, which JSON as Python reads it may hold.
            raise broken(f"{NOTES} says {key} = {wishes[key]}.", f"It must be {low:g} to {high:g}.")
    for side in ("width", "height", "multiple"):
        value = wishes.get(side, 8)
        if value < 8 or value % 8:
            raise broken(f"{NOTES} says {side} = {value}.", "It must be a multiple of 8.")
    return wishes


def _broken_card(name: str, builtin: bool, why: str) -> ModelCard:
    return ModelCard(
        name=name,
        digest="",
        family="",
        width=512,
        height=512,
        multiple=64,
        steps=30,
        guidance=7.5,
        sampler="ddim",
        samplers={},
        builtin=builtin,
        state="broken",
        why=why,
    )


def _digested(entry: Entry, known: Mapping[WeightsFile, str], fresh: dict[WeightsFile, str]) -> Entry:
    """Return the entry ready, with sha256 over its sorted lines `relative/path sha256`, each ended by a new line."""
    lines = []
    for part in entry.parts:
        digest = known.get(part) or fresh.get(part)
        if digest is None:
            digest = fresh[part] = _sha256(Path(part.path))
        lines.append(f"{Path(part.path).relative_to(entry.folder.absolute()).as_posix()} {digest}\n")
    whole = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    return replace(entry, card=replace(entry.card, digest=whole, state="ready", why=""))


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            found.update(block)
    return found.hexdigest()


def _stat(path: Path) -> WeightsFile:
    found = path.stat()
    return WeightsFile(str(path.absolute()), found.st_size, found.st_mtime_ns, found.st_ino)


def _unchanged(part: WeightsFile) -> bool:
    try:
        return _stat(Path(part.path)) == part
    except OSError:
        return False
