"""AddOnFiles: the owner's LoRAs, embeddings and ControlNets, told by their headers; digests are computed once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from core.addons import UNTYPED, AddOns, EmbeddingCard, LoraCard
from core.errors import ModelUnavailable
from core.records import WeightsFile
from inference.cards import Source
from inference.controls import ControlFiles
from inference.digests import on_disk, recalled, unchanged
from inference.families.folder import PICKLES, broken
from inference.families.header import Header, read_header

WEIGHTS = ".safetensors"
DOWN = re.compile(r"(lora[_.](down|A)|lora_linear_layer\.down)\.weight$")
"""What the first half of a LoRA's layer is called: by kohya, by peft, and by diffusers before and since."""
WORDS = re.compile(r"attn2[._](processor\.)?to_[kv]")
"""What reads the words in a UNet; its width tells the families apart."""
OTHER_KINDS = ("hada_", "lokr_", "oft_", "glora", "dora_scale", "lora_mid")
"""What the tensors of LyCORIS kinds and DoRA are called: another formula than a LoRA's."""
TRANSFORMERS = (
    "transformer.",
    "lora_transformer_",
    "lora_unet_double_blocks",
    "lora_unet_single_blocks",
    "diffusion_mod",
)
MOST_VECTORS = 75
"""A text encoder reads so many tokens at once, beside start and end."""
BRACKETS = frozenset("()[]\\")

Card = TypeVar("Card", LoraCard, EmbeddingCard)


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one file: where it lies, what the disk says of it (None: broken), and its card so far."""

    path: Path
    part: WeightsFile | None
    card: LoraCard | EmbeddingCard


class AddOnFiles:
    """Know the files of both folders. One owner at a time may call `read`; the others only look."""

    def __init__(
        self, loras: Path | None = None, embeddings: Path | None = None, controls: Mapping[str, Path] | None = None
    ) -> None:
        """A folder that is not there holds nothing. controls: the folder of each ControlNet by name."""
        self._controls = ControlFiles(controls or {})
        self._loras = _entries(loras, LoraCard, lora_card)
        self._embeddings = _entries(embeddings, EmbeddingCard, embedding_card)

    def cards(self) -> AddOns:
        """Return every file's card, by name."""
        loras = [entry.card for entry in self._loras if isinstance(entry.card, LoraCard)]
        embeddings = [entry.card for entry in self._embeddings if isinstance(entry.card, EmbeddingCard)]
        return AddOns(tuple(loras), tuple(embeddings), self._controls.cards())

    def read(self, known: Mapping[WeightsFile, str]) -> dict[WeightsFile, str]:
        """Compute the missing digests (blocking), make cards ready, return the new ones."""
        fresh: dict[WeightsFile, str] = {}
        for entries in (self._loras, self._embeddings):
            entries[:] = [_digested(entry, known, fresh) for entry in entries]
        self._controls.read(known, fresh)
        return fresh

    def control(self, digest: str) -> Source:
        """Return where a ControlNet lies by digest, as `file` does."""
        return self._controls.source(digest)

    def file(self, digest: str) -> Path:
        """Return a file by digest; raise ModelUnavailable where it is unknown or has changed since."""
        for entry in (*self._loras, *self._embeddings):
            if entry.part is not None and digest and entry.card.digest == digest:
                if not unchanged(entry.part):
                    raise ModelUnavailable(
                        f"The file {entry.path.name} has changed since it was read.", "Start Limner again."
                    )
                return entry.path
        raise ModelUnavailable(
            f"The LoRA or embedding with digest {digest[:12]} is not here.", "Put its file where it was."
        )


def lora_card(name: str, header: Header) -> LoraCard:
    """Return what a LoRA's header says; raise ModelUnavailable where it is none that can be laid over a UNet."""
    if any(sign in key for key in header.tensors for sign in OTHER_KINDS):
        raise broken("It is a LyCORIS or DoRA file, not a plain LoRA.", "Use one that was saved as LoRA.")
    down = {key: tensor.shape for key, tensor in header.tensors.items() if DOWN.search(key)}
    if not down:
        raise broken("It holds no layers of a LoRA.", "Models belong under [models] folders.")
    if any(key.startswith(TRANSFORMERS) for key in down):
        raise broken("It is for a transformer, such as Flux or SD3; those take no LoRA here.", "Take it away.")
    widths = {shape[1] for key, shape in down.items() if WORDS.search(key)}
    if len(widths) > 1:
        raise broken(f"Its layers read words of {sorted(widths)} numbers: of several models.", "Copy it again.")
    return LoraCard(name, width=max(widths, default=0), rank=max(shape[0] for shape in down.values()))


def embedding_card(name: str, header: Header) -> EmbeddingCard:
    """Return what an embedding's header says; raise ModelUnavailable where it is none."""
    shapes = {key: tensor.shape for key, tensor in header.tensors.items()}
    names = ("clip_l", "clip_g") if set(shapes) == {"clip_l", "clip_g"} else tuple(shapes)
    rows = [(1, *shapes[key])[-2:] for key in names]
    vectors = {row[0] for row in rows}
    if (len(names) > 1 and names != ("clip_l", "clip_g")) or len(vectors) != 1 or any(len(row) != 2 for row in rows):
        raise broken("It is no embedding: it should hold one list of vectors.", "LoRAs lie in another folder.")
    if max(vectors) > MOST_VECTORS:
        raise broken(f"It has {max(vectors)} vectors; {MOST_VECTORS} is the most.", "Use a smaller one.")
    return EmbeddingCard(name, widths=tuple(row[1] for row in rows), vectors=max(vectors))


def _entries(folder: Path | None, kind: type[Card], read: Callable[[str, Header], Card]) -> list[Entry]:
    """Return an entry for each file of a folder and those in it; of two with one name only the first can be used."""
    found: list[Entry] = []
    names: dict[str, Path] = {}
    for path in () if folder is None else _files(folder):
        assert folder is not None
        part, made = _read(folder, path, kind, read)
        if part is not None and (first := names.setdefault(made.name.lower(), path)) != path:
            part, made = None, replace(made, state="broken", why=f"{first.relative_to(folder)} has the same name.")
        found.append(Entry(path, part, made))
    return sorted(found, key=lambda entry: entry.card.name.lower())


def _read(
    folder: Path, path: Path, kind: type[Card], read: Callable[[str, Header], Card]
) -> tuple[WeightsFile | None, Card]:
    unfit = UNTYPED | (BRACKETS if kind is EmbeddingCard else frozenset())
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise broken("It is a link that leads out of the folder.", "Copy the file itself.")
        if path.suffix.lower() != WEIGHTS:
            raise broken("It is not safetensors: opening such a file can run code.", "Use the safetensors version.")
        if set(path.stem) & unfit:
            raise broken(f"No name can hold any of {' '.join(sorted(unfit))}.", "Give the file another name.")
        found = read(path.stem, read_header(path))
    except ModelUnavailable as error:
        return None, kind(path.stem, state="broken", why=error.whole())
    except OSError as error:
        why = f"The file cannot be read: {error.strerror or error}."
        return None, kind(path.stem, state="broken", why=why)
    return on_disk(path), replace(found, why="its file is being read")


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file of weights or pickle under a folder, hidden ones left out."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in {WEIGHTS, *PICKLES} and path.is_file() and not hidden:
            yield path


def _digested(entry: Entry, known: Mapping[WeightsFile, str], fresh: dict[WeightsFile, str]) -> Entry:
    if entry.part is None or entry.card.state != "reading":
        return entry
    try:
        digest = recalled(entry.part, known, fresh)
    except OSError as error:
        why = f"The file cannot be read: {error.strerror or error}."
        return Entry(entry.path, None, replace(entry.card, state="broken", why=why))
    return replace(entry, card=replace(entry.card, digest=digest, state="ready", why=""))
