"""A model folder in diffusers' layout: read without torch, refused in one sentence where it is not safe and whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import ModelUnavailable
from inference.families.header import read_header

PICKLES = {".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".msgpack", ".h5"}
CODE = {".py", ".pyc", ".so", ".dll"}
NOTES = "limner.json"
"""The owner's own words about a Model: decides no pixels, so it is no part of the digest."""
MAX_JSON_BYTES = 50_000_000


def broken(sentence: str, hint: str) -> ModelUnavailable:
    """Return the error for a folder that cannot be used."""
    return ModelUnavailable(sentence, hint)


def why_broken(error: ModelUnavailable | OSError) -> str:
    """Return what people are told of a folder that could not be looked at."""
    return error.whole() if isinstance(error, ModelUnavailable) else f"Its files cannot be read: {error}."


def files(folder: Path) -> Iterator[Path]:
    """Yield every file of the folder, sorted, hidden ones left out; raise where a link leads out or code lies in it."""
    if not folder.is_dir():
        raise broken(f"There is no folder {folder}.", "Check the path under [models] in config.toml.")
    root = folder.resolve()
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted([*names, *folders]):
            path = Path(place) / name
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise broken(
                    f"{path.relative_to(folder)} is a link that leads out of the folder.", "Copy the file itself."
                )
            if name in folders or name.startswith("."):
                continue
            refuse(path.relative_to(folder))
            yield path


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from the folder; raise where it is missing, no object, or asks for code of its own."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise broken(f"{path.name} is too large to be what it says.", "Copy the model again.")
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise broken(f"{path.parent.name}/{path.name} is missing.", "Copy the whole model folder again.") from None
    except (OSError, ValueError) as error:
        raise broken(f"{path.parent.name}/{path.name} cannot be read: {error}.", "Copy the model again.") from error
    if not isinstance(found, dict):
        raise broken(f"{path.parent.name}/{path.name} is no JSON object.", "Copy the model again.")
    if "auto_map" in found:
        raise broken(f"{path.parent.name}/{path.name} asks to run code of its own.", "Limner runs no code from models.")
    return found


def weights_file(part: Path, stem: str) -> Path:
    """Return a part's safetensors file (plain, else fp16), or the index of its shards; raise where it has none."""
    for variant in ("", ".fp16"):
        for name in (f"{stem}{variant}.safetensors", f"{stem}.safetensors.index{variant}.json"):
            if (part / name).is_file():
                return part / name
    raise broken(f"{part.name}/{stem}.safetensors is missing.", "Copy the whole model folder again.")


def check_weights(path: Path) -> None:
    """Raise where a safetensors file, or a shard an index names, is missing or cut off."""
    if path.suffix == ".safetensors":
        read_header(path, f"{path.parent.name}/{path.name}")
        return
    shards = read_json(path).get("weight_map")
    if not isinstance(shards, Mapping) or not shards:
        raise broken(f"{path.parent.name}/{path.name} names no shards.", "Copy the model again.")
    for name in sorted({str(shard) for shard in shards.values()}):
        shard = path.parent / name
        if Path(name).name != name or not shard.is_file():
            raise broken(f"{path.parent.name}/{name} is missing.", "Copy the whole model folder again.")
        read_header(shard, f"{path.parent.name}/{name}")


def refuse(path: Path) -> None:
    """Raise where a file is, by its name, a pickle or program code; path: as the sentence calls it."""
    if path.suffix.lower() in PICKLES:
        raise broken(
            f"{path} is not safetensors: opening such a file can run code.",
            "Use the safetensors version of the model and delete that file.",
        )
    if path.suffix.lower() in CODE:
        raise broken(f"{path} is program code.", "Limner runs no code from models: delete that file.")
