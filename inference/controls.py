"""ControlFiles: the owner's ControlNets, told by their settings and headers; digests are computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from core.controls import ControlCard
from core.errors import ModelUnavailable
from core.recipe import PREPARATIONS
from core.records import WeightsFile
from inference.cards import Source
from inference.digests import HASHED, of_folder, on_disk, unchanged
from inference.families.facts import MODEL
from inference.families.folder import broken, check_weights, files, read_json, weights_file, why_broken

CONFIG = "config.json"
CLASS = "ControlNetModel"


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one ControlNet: where it lies, its card so far, and the files its digest is made of."""

    source: Source
    card: ControlCard
    parts: tuple[WeightsFile, ...] = ()


class ControlFiles:
    """Know the ControlNets of this installation. One owner at a time may call `read`; the others only look."""

    def __init__(self, places: Mapping[str, Path]) -> None:
        """places: a folder in diffusers' layout by name."""
        self._entries = [_entry(name, path) for name, path in sorted(places.items())]

    def cards(self) -> tuple[ControlCard, ...]:
        """Return every card, by name."""
        return tuple(entry.card for entry in self._entries)

    def read(self, known: Mapping[WeightsFile, str], fresh: dict[WeightsFile, str]) -> None:
        """Compute the missing digests (blocking), make cards ready, add the new ones to `fresh`."""
        self._entries = [_digested(entry, known, fresh) for entry in self._entries]

    def source(self, digest: str) -> Source:
        """Return where a ControlNet lies by digest; raise ModelUnavailable where it is unknown or has changed since."""
        for entry in self._entries:
            if digest and entry.card.digest == digest:
                if not all(unchanged(part) for part in entry.parts):
                    raise ModelUnavailable(
                        f"The files of the control {entry.card.name} have changed since they were read.",
                        "Start Limner again.",
                    )
                return entry.source
        raise ModelUnavailable(
            f"The ControlNet with digest {digest[:12]} is not here.", "Name its folder under [models] controls."
        )


def control_card(name: str, folder: Path) -> ControlCard:
    """Return what a ControlNet's folder says; raise ModelUnavailable where it is none that can be used."""
    if ControlCard(name).preparation not in PREPARATIONS:
        known = ", ".join(PREPARATIONS)
        raise broken(
            f"No sketch can be prepared as {ControlCard(name).preparation}.", f"Its name begins with: {known}."
        )
    for _ in files(folder):  # refuses links, pickles and code before anything is read
        pass
    config = read_json(folder / CONFIG)
    if config.get("_class_name") != CLASS:
        raise broken(f"It is a {config.get('_class_name', 'model without a class')}, not a {CLASS}.", "Name another.")
    width, channels = config.get("cross_attention_dim"), config.get("in_channels", 4)
    if not isinstance(width, int) or channels != 4:
        raise broken(f"Its settings are of no Stable Diffusion: {width!r:.40}, {channels!r:.40}.", "Name another.")
    check_weights(weights_file(folder, MODEL))
    return ControlCard(name, width=width, why="its files are being read")


def _entry(name: str, folder: Path) -> Entry:
    try:
        card = control_card(name, folder)
        parts = tuple(on_disk(path) for path in files(folder) if path.suffix in HASHED)
    except (ModelUnavailable, OSError) as error:
        return Entry(Source(folder), ControlCard(name, state="broken", why=why_broken(error)))
    return Entry(Source(folder), card, parts)


def _digested(entry: Entry, known: Mapping[WeightsFile, str], fresh: dict[WeightsFile, str]) -> Entry:
    if entry.card.state != "reading":
        return entry
    try:
        digest = of_folder(entry.source.folder, entry.parts, known, fresh)
    except OSError as error:
        why = f"Its files cannot be read: {error.strerror or error}."
        return replace(entry, card=replace(entry.card, state="broken", why=why))
    return replace(entry, card=replace(entry.card, digest=digest, state="ready", why=""))
