"""Registry: a Model's name -> its folder or file, card and digest, read without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from core.draft import ModelCard
from core.errors import ModelUnavailable
from core.mark import mark_of
from core.records import WeightsFile
from inference.cards import SETTINGS, Source, broken_card, card_of
from inference.digests import HASHED, of_folder, on_disk, recalled, unchanged
from inference.families.folder import NOTES, PICKLES, files, why_broken
from inference.quantised import check_wishes

INDEX = "model_index.json"
WEIGHTS = {".safetensors", *PICKLES}
"""What a folder full of Models is looked through for; pickles are refused by name, one by one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one registered Model: where it lies, the card so far and the files its digest is made of."""

    source: Source
    card: ModelCard
    parts: tuple[WeightsFile, ...] = ()


class Registry:
    """Know the Models of this installation. One owner at a time may call `read`; the others only look."""

    def __init__(
        self,
        places: Mapping[str, Path],
        builtin: str = "builtin",
        settings: Path = SETTINGS,
        *,
        watermark: bool = False,
        quantised: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """places: folders and files of Models, and folders full of them; settings: of the kinds of single files.

        watermark: their Pictures are marked. quantised: in which kind, or from which GGUF file, some are loaded.
        Raises BadConfig where that names no Model or no kind.
        """
        found = models_in({name: Path(place) for name, place in places.items()})
        check_wishes(quantised, found)
        self._entries = {
            name: _entry(name, path, name == builtin, settings, quantised.get(name, "")) for name, path in found.items()
        }
        if watermark:
            for name, entry in self._entries.items():
                self._entries[name] = replace(entry, card=replace(entry.card, mark=mark_of(entry.card.family)))

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
                self._entries[name] = self._once(_digested(entry, known, fresh))
            except OSError as error:
                why = f"Its files cannot be read: {error.strerror or error}."
                self._entries[name] = replace(entry, card=replace(entry.card, state="broken", why=why))
        return fresh

    def kind(self, digest: str) -> str:
        """Return in which kind a Model is loaded, empty where it is as it lies, or is not here."""
        found = (entry.source.how.kind for entry in self._entries.values() if digest and entry.card.digest == digest)
        return next(found, "")

    def folder(self, digest: str) -> Path:
        """Return where a Model's settings and tokenizers lie by its digest, as `source` does."""
        return self.source(digest).folder

    def source(self, digest: str) -> Source:
        """Return where a Model lies by its digest; raise ModelUnavailable where it is unknown or has changed since."""
        for entry in self._entries.values():
            if digest and entry.card.digest == digest:
                if any(not unchanged(part) for part in entry.parts):
                    raise ModelUnavailable(
                        f"The files of the model {entry.card.name} have changed since they were read.",
                        "Start Limner again.",
                    )
                return entry.source
        raise ModelUnavailable(
            f"The model with digest {digest[:12]} is not here.", "Add its folder under [models] in config.toml."
        )

    def _once(self, entry: Entry) -> Entry:
        """Return an entry, broken where the same files are registered to be loaded otherwise: Recipes tell no names."""
        for other in self._entries.values():
            if other.card.digest == entry.card.digest and other.source.how.kind != entry.source.how.kind:
                why = f"These are the files of {other.card.name}, which are loaded otherwise. Name them once."
                return replace(entry, card=replace(entry.card, state="broken", why=why, digest=""))
        return entry


def models_in(places: Mapping[str, Path]) -> dict[str, Path]:
    """Return each Model's path by name: a registered path means itself, or each Model of a folder full of them."""
    found: dict[str, Path] = {}
    for named, place in places.items():
        for name, path in _inside(named, place):
            found[f"{named}/{name}" if name in found else name] = path
    return found


def _inside(name: str, place: Path) -> Iterator[tuple[str, Path]]:
    if not place.is_dir() or (place / INDEX).is_file():
        yield name, place
        return
    inside = sorted(path for path in place.iterdir() if not path.name.startswith(".") and _is_model(path))
    if not inside:
        yield name, place  # refused in words
    for path in inside:
        yield "-".join((path.name if path.is_dir() else path.stem).split()), path


def _is_model(path: Path) -> bool:
    if path.is_dir():
        return (path / INDEX).is_file()
    return path.suffix.lower() in WEIGHTS


def _entry(name: str, path: Path, builtin: bool, settings: Path, quantised: str) -> Entry:
    try:
        card, source = card_of(name, path, builtin, settings, quantised)
        hashed = (each for each in files(path) if each.suffix in HASHED and each.name != NOTES)
        parts = tuple(on_disk(each) for each in ((path,) if source.file else hashed))
        parts += () if source.how.file is None else (on_disk(source.how.file),)
    except (ModelUnavailable, OSError) as error:
        return Entry(Source(path), broken_card(name, builtin, why_broken(error)))
    return Entry(source, card, parts)


def _digested(entry: Entry, known: Mapping[WeightsFile, str], fresh: dict[WeightsFile, str]) -> Entry:
    """Return the entry ready: with a file's own sha256, or the digest of its folder, and of the GGUF file with it."""
    if entry.source.file:
        whole = recalled(entry.parts[0], known, fresh)
    elif entry.source.how.file:
        *own, gguf = entry.parts
        lines = f"{of_folder(entry.source.folder, own, known, fresh)}\n{recalled(gguf, known, fresh)}\n"
        whole = hashlib.sha256(lines.encode()).hexdigest()
    else:
        whole = of_folder(entry.source.folder, entry.parts, known, fresh)
    return replace(entry, card=replace(entry.card, digest=whole, state="ready", why=""))
