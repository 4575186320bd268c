"""Fetch a Model from the hub: the only part of Limner that downloads, run as a process of its own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import BadInput, Damaged, DiskFull, NotFound, StudioError, Unavailable
from core.supply import Offer, Wanted
from inference.cards import card_of, notes_of
from inference.digests import digest_of
from inference.families.folder import NOTES, read_json
from inference.families.table import module_of

ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
NAME = re.compile(r"[\w-][\w.-]*")
INDEX = "model_index.json"
SETTINGS = {".json", ".txt"}
TOKENIZERS = {"spiece.model", "tokenizer.model", "sentencepiece.bpe.model"}
ABOUT = re.compile(r"README\.md|LICEN[CS]E[^/]*|NOTICE[^/]*", re.IGNORECASE)
STEMS = re.compile(r"(?:model|diffusion_pytorch_model)(?P<half>\.fp16)?(?:-\d+-of-\d+)?\.safetensors")
UNUSED = {"safety_checker", "feature_extractor", "image_encoder"}
SPARE_BYTES = 1_000_000_000
"""Room that stays free on the disk."""
Told = Callable[[int, int], None]
"""Hears how many bytes are there, and of how many."""


class Hub:
    """Speak to the hub, whose address its own library knows."""

    def __init__(self, into: Path, token: str, free: Callable[[Path], int], endpoint: str | None = None) -> None:
        """into: data/models; token: the owner's, or empty; free: bytes of room in a folder; endpoint: of a mirror."""
        self._into, self._token, self._free, self._endpoint = into, token or False, free, endpoint
        self._library = import_module("huggingface_hub")
        import_module("huggingface_hub.utils").logging.set_verbosity_error()

    def offer(self, wanted: Wanted) -> Offer:
        """Ask what there is and how large it is; nothing of the weights is fetched yet."""
        if not ID.fullmatch(wanted.id) or not NAME.fullmatch(wanted.here):
            raise BadInput(f"{wanted.id!r:.80} is no model's id.", "It looks like maker/model.")
        for place in (self._into / wanted.here, self._into / f"{wanted.here}.safetensors"):
            if place.exists():
                raise BadInput(f"{place} is there already.", "Give it another name with --as.")
        with _explained(wanted.id):
            info = self._library.HfApi(endpoint=self._endpoint, token=self._token).model_info(
                wanted.id, revision=wanted.revision, files_metadata=True
            )
            sizes = {each.rfilename: int(each.size or 0) for each in info.siblings}
            index = self._index(wanted, info.sha) if INDEX in sizes else {}
        files = {name: sizes[name] for name in chosen(sizes, index, half=wanted.half, file=wanted.file)}
        digests = {each.rfilename: each.lfs.sha256 for each in info.siblings if each.lfs}
        card = info.card_data.to_dict() if info.card_data else {}
        licence = str(card.get("license_name") or card.get("license") or "")
        return Offer(wanted, info.sha, files, digests, licence, bool(info.gated))

    def get(self, offer: Offer, told: Told) -> Path:
        """Fetch all of an offer, going on where an earlier try ended; it appears in its place whole or not at all."""
        staging = self._staging(offer.wanted)
        there = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
        missing = offer.whole - there + SPARE_BYTES - self._free(staging)
        if missing > 0:
            raise DiskFull(
                f"{offer.wanted.id} takes {offer.whole / 1e9:.1f} GB, and {missing / 1e9:.1f} GB are missing here.",
                f"Make room in {self._into}.",
            )
        done = 0
        for name, size in offer.files.items():
            self._fetch(offer, name, staging, partial(_told_of_all, told, done, offer.whole))
            _check(staging / name, offer.digests.get(name, ""))
            done += size
        told(done, offer.whole)
        shutil.rmtree(staging / ".cache", ignore_errors=True)
        return self._put(offer, staging)

    def _put(self, offer: Offer, staging: Path) -> Path:
        """Give it its place by one rename; raise where it then is no Model that can be used."""
        said = {"licence": offer.licence, "gated": offer.gated}
        notes = json.dumps({key: value for key, value in said.items() if value}, indent=2) + "\n"
        place = self._into / offer.wanted.here
        if (staging / INDEX).is_file():
            (staging / NOTES).write_text(notes)
            staging.rename(place)
        else:
            place = place.with_name(f"{place.name}.safetensors")
            notes_of(place).write_text(notes)
            next(staging / name for name in offer.files if name.endswith(".safetensors")).rename(place)
            shutil.rmtree(staging)
        try:
            card_of(place.name, place)
        except StudioError as error:
            raise Unavailable(f"{place} is there, but cannot be used: {error.sentence}", error.hint) from None
        return place

    def _index(self, wanted: Wanted, commit: str) -> Mapping[str, Any]:
        self._download(wanted.id, INDEX, commit, self._staging(wanted))
        index = read_json(self._staging(wanted) / INDEX)
        module_of(self._staging(wanted), index)  # refuses what cannot be used before gigabytes come
        return index

    def _staging(self, wanted: Wanted) -> Path:
        folder = self._into / f".get-{wanted.here}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _fetch(self, offer: Offer, name: str, staging: Path, told: Callable[[int], None]) -> None:
        with _explained(offer.wanted.id):
            self._download(offer.wanted.id, name, offer.commit, staging, tqdm_class=_counter(told))

    def _download(self, id: str, name: str, commit: str, staging: Path, **more: Any) -> None:
        self._library.hf_hub_download(
            id, name, revision=commit, local_dir=staging, token=self._token, endpoint=self._endpoint, **more
        )


def remove(models: Path, name: str) -> int:
    """Take a Model, and what came of one that is not whole, out of data/models; return how many bytes that frees."""
    if not NAME.fullmatch(name):
        raise BadInput(f"{name!r:.80} is no model's name.", "./limner models lists them.")
    file = models / f"{name}.safetensors"
    found = [place for place in (models / name, file, notes_of(file), models / f".get-{name}") if place.exists()]
    if not found:
        raise NotFound(
            f"{models} holds no model {name}.",
            "Limner removes what lies there alone: take another out of [models] folders in data/config.toml.",
        )
    freed = 0
    for place in found:
        freed += sum(path.stat().st_size for path in (place, *place.rglob("*")) if path.is_file())
        # Under another name first: half of it is never taken for a Model.
        gone = place.rename(models / f".gone-{place.name}")
        gone.unlink() if gone.is_file() or gone.is_symlink() else shutil.rmtree(gone)
    return freed


def _told_of_all(told: Told, done: int, whole: int, here: int) -> None:
    told(done + here, whole)


def chosen(names: Mapping[str, int], index: Mapping[str, Any], *, half: bool, file: str) -> list[str]:
    """Return the files that make a Model: settings, tokenizers and one kind of safetensors; never a pickle or code."""
    safe = [name for name in sorted(names) if ".." not in PurePosixPath(name).parts and not name.startswith((".", "/"))]
    if file or not index:
        return _single(safe, file)
    parts = {name for name, kind in index.items() if isinstance(kind, list) and any(kind)} - UNUSED
    found = [name for name in safe if name == INDEX or ABOUT.fullmatch(name)]
    for part in sorted(parts):
        inside = [name for name in safe if str(PurePosixPath(name).parent) == part]
        weights = [name for name in inside if STEMS.fullmatch(PurePosixPath(name).name)]
        halves = [name for name in weights if ".fp16" in name]
        plain = [name for name in weights if name not in halves]
        kept = (halves or plain) if half else (plain or halves)
        if not kept and any(name.endswith((".bin", ".ckpt", ".pt")) for name in inside):
            raise Unavailable(f"Its {part} is there as a pickle alone, which could run code.", "Take another model.")
        found += [name for name in inside if _is_setting(name, kept)] + kept
    return found


def _is_setting(name: str, weights: list[str]) -> bool:
    """Say whether a part's file is one of its settings; an index of shards goes with those it names."""
    last = PurePosixPath(name).name
    if ".safetensors.index" in last:
        return (".fp16" in last) == any(".fp16" in each for each in weights) and any("-of-" in each for each in weights)
    return last in TOKENIZERS or (PurePosixPath(name).suffix in SETTINGS and ".index." not in last)


def _single(names: list[str], file: str) -> list[str]:
    weights = [name for name in names if name.endswith(".safetensors")]
    if file and file not in weights:
        raise NotFound(f"There is no {file} in it.", f"It has: {', '.join(weights) or 'no safetensors'}.")
    if not weights:
        raise Unavailable("It has no safetensors files.", "Limner opens no pickles: take another model.")
    if not file and len(weights) > 1:
        raise BadInput("It has several files and no model_index.json.", f"Say which: --file {weights[0]}")
    return [file or weights[0], *(name for name in names if ABOUT.fullmatch(name))]


def _counter(told: Callable[[int], None]) -> Any:
    """Return a progress bar class for the hub's library that draws nothing and tells how many bytes are there."""
    tqdm: Any = import_module("tqdm").tqdm

    def begin(self: Any, *args: Any, **settings: Any) -> None:
        tqdm.__init__(self, disable=True)
        self.here = int(settings.get("initial") or 0)
        told(self.here)

    def update(self: Any, n: float | None = 1) -> None:
        self.here += int(n or 0)
        told(self.here)

    return type("Counter", (tqdm,), {"__init__": begin, "update": update})


@contextmanager
def _explained(id: str) -> Iterator[None]:
    """Turn what the hub's library raises into sentences; none holds an address or a token."""
    errors, http = import_module("huggingface_hub.errors"), import_module("httpx2")
    again = "What has come already is kept: the same command goes on from there."
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise Unavailable("HF_HUB_OFFLINE is set: nothing is fetched.", "Take it away for this command.") from None
    except errors.GatedRepoError:
        raise Unavailable(
            f"{id} is gated: its makers want its licence accepted first.",
            "Accept it on the model's page, then set HF_TOKEN, in the environment or in data/env.",
        ) from None
    except errors.RepositoryNotFoundError:
        raise NotFound(f"The hub has no model {id}, or it is private.", "Check the id; set HF_TOKEN.") from None
    except (errors.RevisionNotFoundError, errors.EntryNotFoundError):
        raise NotFound(f"{id} has no such revision or file.", "Leave --revision out.") from None
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", 0)
        hint = "Your HF_TOKEN is not taken." if status == 401 else again
        raise Unavailable(f"The hub answered {status}.", hint) from None
    except (http.HTTPError, ConnectionError, errors.FileMetadataError) as error:
        raise Unavailable(f"The hub cannot be reached ({type(error).__name__}).", again) from None
    except OSError as error:
        raise Unavailable(f"The download ended: {error.strerror or type(error).__name__}.", again) from None


def _check(path: Path, wanted: str) -> None:
    """Raise where a file is not what the hub says it is, and take it away."""
    if wanted and digest_of(path) != wanted:
        path.unlink()
        raise Damaged(f"{path.name} is not the file the hub speaks of: its digest differs.", "Fetch it again.")
