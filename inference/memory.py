"""Memory: what a Model and a Picture need, read from files alone, and what the device can give; imports no torch."""

from __future__ import annotations

import ctypes
import gc
import itertools
import json
import logging
import math
import resource
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import OutOfMemory
from inference.device import PROFILES, SPARING
from inference.families import whole
from inference.families.folder import read_json
from inference.families.gguf import loaded_bytes, read_gguf
from inference.quantised import GGUF, KINDS, NETS, PLAIN, How, quantises
from inference.shapes import WIDTHS, painting, shape

LOG = logging.getLogger(__name__)
SINGLE = "model.diffusion_model."
"""How a single file names what is stepped."""
UNUSED = frozenset({"safety_checker", "feature_extractor", "image_encoder"})
"""Parts of a folder that are never loaded, unless its own pipeline paints: that takes all it has."""
SIGNS = ("out of memory", "DefaultCPUAllocator")
CGROUP = Path("/sys/fs/cgroup")
PROC = Path("/proc")
KEPT_FREE = 0.1
"""Part of the memory that others and what is not counted here may take."""


@dataclass(frozen=True, slots=True)
class Weight:
    """Hold the bytes of a Model's weights at one dtype: of what is stepped or quantised, and of the rest."""

    stepped: int
    rest: int

    @property
    def whole(self) -> int:
        """Return all of it."""
        return self.stepped + self.rest


def weight(folder: Path, dtype: str, how: How = PLAIN) -> Weight:
    """Return what a Model's weights take once loaded, from the headers of its files; a file has but one part."""
    found = {True: 0, False: 0}
    classes = _classes(folder) if how.kind else {}
    for part, shapes in _shapes(folder).items():
        if how.kind == GGUF and part in NETS:
            continue
        few = quantises(how.kind, part, classes.get(part, ""))
        found[few or part in NETS] += sum(_held(each, WIDTHS[dtype], how.kind if few else "") for each in shapes)
    if how.file is not None:
        found[True] += loaded_bytes(read_gguf(how.file), WIDTHS[dtype])
    return Weight(found[True], found[False])


def net_weight(folder: Path, dtype: str) -> Weight:
    """Return what a ControlNet's weights take once loaded: each call needs all of it."""
    return Weight(weight(folder, dtype).whole, 0)


def choose_profile(folder: Path, dtype: str, device: str, free: int | None, how: How = PLAIN) -> str:
    """Return the first profile in which a Model and one guided Picture of its native size fit into what is free.

    Where the device does not tell, it is `high`: what does not fit then is told where it is met.
    """
    if free is None:
        return PROFILES[0]
    need, look = weight(folder, dtype, how), shape(folder)
    for profile in PROFILES[:-1]:
        if held(need, profile, device) + painting(look, dtype, look.native, 2, profile) <= free * (1 - KEPT_FREE):
            return profile
    return SPARING


def held(need: Weight, profile: str, device: str) -> int:
    """Return what of the weights is on the device at most: a CPU has nowhere else to keep them."""
    if profile == PROFILES[0] or device != "cuda":
        return need.whole
    return 0 if profile == SPARING else need.stepped


def free_bytes(device: str) -> int | None:
    """Return how much memory of the device nobody uses, None where it does not tell."""
    return _free_vram() if device == "cuda" else free_ram()


def free_ram(proc: Path = PROC, cgroup: Path = CGROUP) -> int | None:
    """Return what this process may still take: of the machine, of its group, of its own limit, whichever is least."""
    known = [bound for bound in (_of_machine(proc), _of_group(proc, cgroup), _of_process(proc)) if bound is not None]
    return max(min(known), 0) if known else None


def own_bytes(proc: Path = PROC) -> int:
    """Return how much memory this process has resident."""
    return _line(proc / "self" / "status", "VmRSS") or 0


def is_out_of_memory(fault: BaseException) -> bool:
    """Say whether there was too little memory; torch's class is known by its name, since torch is not imported here."""
    if isinstance(fault, OutOfMemory | MemoryError) or type(fault).__name__ == "OutOfMemoryError":
        return True
    return isinstance(fault, RuntimeError) and any(sign in str(fault) for sign in SIGNS)


def trim() -> None:
    """Give memory that Python and glibc keep for themselves back to the system."""
    gc.collect()
    trim_heap = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim_heap is not None:
        trim_heap(0)


def _shapes(folder: Path) -> Mapping[str, list[tuple[int, ...]]]:
    """Return the shapes of each part's tensors; of two variants of the same weights one counts."""
    if folder.is_file():
        return _shapes_in(folder)
    files = sorted(folder.rglob("*.safetensors"))
    plain = {path.parent for path in files if ".fp16." not in path.name}
    unused = frozenset[str]() if _is_whole(folder) else UNUSED
    found: dict[str, list[tuple[int, ...]]] = {}
    for path in files:
        part = path.parent.name
        if part in unused or (".fp16." in path.name and path.parent in plain):
            continue
        found.setdefault(part, []).extend(itertools.chain(*_shapes_in(path).values()))
    return found


def _held(shape: tuple[int, ...], width: int, kind: str) -> int:
    """Return a tensor's bytes; of what is quantised only layers have fewer bits, which have two sides."""
    numbers = math.prod(shape)
    return round(numbers * KINDS[kind].bits / 8) if kind and len(shape) == 2 else numbers * width


def _classes(folder: Path) -> Mapping[str, str]:
    """Return the class of each part, as the folder names it."""
    index = folder / "model_index.json"
    parts = read_json(index) if index.is_file() else {}
    return {name: str(part[1]) for name, part in parts.items() if isinstance(part, list) and len(part) == 2}


def _is_whole(folder: Path) -> bool:
    index = folder / "model_index.json"
    return index.is_file() and read_json(index).get("_class_name") in whole.WAYS


def _shapes_in(path: Path) -> Mapping[str, list[tuple[int, ...]]]:
    """Return the shapes of a file's tensors: of a UNet, as single files name it, and the rest."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    found: dict[str, list[tuple[int, ...]]] = {"unet": [], "": []}
    for name, tensor in header.items():
        if name != "__metadata__":
            found["unet" if name.startswith(SINGLE) else ""].append(tuple(tensor["shape"]))
    return found


def vram() -> int | None:
    """Return how much memory the GPU has, None where there is none or it does not tell."""
    return _asked("memory.total") if shutil.which("nvidia-smi") else None


def _free_vram() -> int | None:
    return _asked("memory.free")


def _asked(field: str) -> int | None:
    """Ask the driver's own tool: torch is not imported yet where this is asked."""
    try:
        found = subprocess.run(
            ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return int(found.stdout.split()[0]) * 1024 * 1024
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        LOG.warning("nvidia-smi does not say its %s: %s", field, error)
        return None


def _of_machine(proc: Path) -> int | None:
    return _line(proc / "meminfo", "MemAvailable")


def _of_group(proc: Path, cgroup: Path) -> int | None:
    """Return what the control groups above this process leave; what they count as idle cache can be taken back."""
    left = [bound for place in _groups(proc, cgroup) if (bound := _left_in(place)) is not None]
    return min(left, default=None)


def _groups(proc: Path, cgroup: Path) -> Iterator[Path]:
    """Yield the memory groups of this process, its own first, of version 2 and 1."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, named = line.partition(":")
        kinds, _, inner = named.partition(":")
        if kinds in ("", "memory"):
            root = cgroup / kinds
            place = root / inner.lstrip("/")
            yield from [place, *(above for above in place.parents if above.is_relative_to(root))]


def _left_in(group: Path) -> int | None:
    for most, now in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        try:
            limit = int((group / most).read_text())  # "max" where there is none
            idle = (group / "memory.stat").read_text().partition("inactive_file ")[2].split()
            return limit - int((group / now).read_text()) + int(idle[0] if idle else 0)
        except (OSError, ValueError):
            continue
    return None


def _of_process(proc: Path) -> int | None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit - (_line(proc / "self" / "status", "VmSize") or 0)


def _line(path: Path, name: str) -> int | None:
    """Return the bytes that a line `name: N kB` says."""
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None
