"""Quantised: the ways a Model is loaded in fewer bits, what each needs and what it weighs; imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.errors import BadConfig, ModelUnavailable
from inference.device import PROFILES, SPARING
from inference.families.folder import broken
from inference.families.gguf import SUFFIX, read_gguf

GGUF = "gguf"
NETS = ("unet", "transformer")
"""What every call needs; the other parts are needed where a Run begins and ends."""
EXTRA = "quantised"
"""What `./limner add` calls the packages."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Say what a way of loading needs: a package, a GPU; bits: of a layer's number, its share of the scales too."""

    package: str
    bits: float
    gpu: bool = False


KINDS: Mapping[str, Kind] = {
    "bnb-nf4": Kind("bitsandbytes", 4.5, gpu=True),
    "bnb-fp4": Kind("bitsandbytes", 4.5, gpu=True),
    "bnb-int8": Kind("bitsandbytes", 8, gpu=True),
    "torchao-int8wo": Kind("torchao", 8),
    "torchao-float8wo": Kind("torchao", 8),
}
"""The ways to load a folder's own weights, by the names the settings have for them."""
FEW_SWITCHES: Mapping[str, str] = {"memory_format": "contiguous", "attention": "sdpa"}
"""What the layers of a quantised Model know alone."""
PACKAGES: Mapping[str, str] = {GGUF: "gguf", **{name: kind.package for name, kind in KINDS.items()}}


@dataclass(frozen=True, slots=True)
class How:
    """Say how a Model is loaded: in a kind, and with the file its transformer is in where that is GGUF."""

    kind: str = ""
    file: Path | None = None


PLAIN = How()
"""As it lies on the disk, in the dtype of the device."""


def check_wishes(wishes: Mapping[str, str], names: Mapping[str, Path]) -> None:
    """Raise BadConfig where the settings name no Model, or no way of loading one."""
    for name, wish in wishes.items():
        if name not in names:
            raise BadConfig(f"models.quantised names {name}, which is no model.", f"There is: {', '.join(names)}.")
        if wish not in KINDS and not wish.lower().endswith(SUFFIX):
            raise BadConfig(
                f"models.quantised says {name} = {wish!r}.",
                f"It can be: {', '.join(KINDS)}, or the path of a .gguf file.",
            )


def how_of(wish: str, folder: Path) -> How:
    """Return how the settings wish a folder to be loaded; raise ModelUnavailable where that cannot be."""
    if not wish:
        return PLAIN
    if wish in KINDS:
        _check_package(KINDS[wish].package)
        return How(wish)
    file = folder / Path(wish).expanduser()  # An absolute path stays what it is.
    _check_package(PACKAGES[GGUF])
    if not file.is_file():
        raise broken(f"There is no file {file}.", "Check the path under [models] quantised.")
    read_gguf(file)
    if not (folder / "transformer").is_dir():
        raise broken("It has no transformer, for which a .gguf file could stand.", "Use bnb-nf4 or torchao-int8wo.")
    return How(GGUF, file)


def check_device(kind: str, name: str, device: str) -> None:
    """Raise ModelUnavailable where a kind's package is not installed, or it needs a GPU and this device is none."""
    if kind:
        _check_package(PACKAGES[kind])
    if kind in KINDS and KINDS[kind].gpu and device != "cuda":
        raise ModelUnavailable(
            f"The model in {name} is to be loaded as {kind}, which needs a GPU; this device is {device}.",
            "Choose torchao-int8wo under [models] quantised, or leave it out there.",
        )


def quantises(kind: str, part: str, class_name: str) -> bool:
    """Say whether a part is loaded in a kind: what is stepped, and text encoders larger than CLIP's."""
    if kind not in KINDS:
        return False
    return part in NETS or (part.startswith("text_encoder") and not class_name.startswith("CLIP"))


def spared(profile: str, kind: str) -> str:
    """Return the least memory profile that goes with a kind: what is quantised stays on the device."""
    return PROFILES[1] if kind and profile == SPARING else profile


def facts(kind: str) -> dict[str, str]:
    """Return what a Fingerprint says of a kind, nothing where there is none."""
    return {"quantised": kind, PACKAGES[kind]: version(PACKAGES[kind])} if kind else {}


def as_loaded(digest: str, kind: str) -> str:
    """Return the name of the self-test's word on a Model as it is loaded; a GGUF file is in its digest."""
    return f"{digest} {kind}" if kind in KINDS else digest


def _check_package(package: str) -> None:
    try:
        version(package)
    except PackageNotFoundError:
        raise ModelUnavailable(
            f"It is to be loaded quantised, and the package {package} is not installed.", f"Type ./limner add {EXTRA}."
        ) from None
