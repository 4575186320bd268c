"""Recipe and Sketch: all that decides the pixels; frozen, canonical JSON, digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

from core.plain import checked, plain

SEEDS = 2**32
SAMPLERS = (
    "ddim",
    "plms",
    "dpmpp-2m",
    "dpmpp-2m-karras",
    "dpmpp-2m-sde",
    "dpmpp-2m-sde-karras",
    "euler",
    "euler-karras",
    "euler-a",
    "heun",
    "heun-karras",
    "unipc",
    "unipc-karras",
    "lcm",
    "lms",
    "lms-karras",
)
"""Every Sampler id; `inference/samplers.py` says which scheduler class each one is."""

OWN = "own"
"""The Sampler of a Model that is painted whole: its own, whatever it is."""

DISTILLED = ("sd1-lcm", "sd2-lcm", "sdxl-lcm")
"""Families whose Model reads the guidance as a number in each row: no negative row is run beside the positive one."""

PREPARATIONS = ("scribble", "lineart", "canny", "depth")
"""How a Sketch may be prepared for a ControlNet."""

Method = Literal["lanczos", "x4plus", "x4plus-anime", "animevideov3"]
"""What a Picture can be enlarged by: by Pillow alone, or by weights of Real-ESRGAN; each name means the same bytes."""

METHODS: tuple[Method, ...] = get_args(Method)
LANCZOS: Method = "lanczos"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Name a Model by what it is, never by its name."""

    family: str
    digest: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """Point at a Person's stored, normalised image; `fit` says how it meets the Picture's size."""

    digest: str
    fit: Literal["cover"] = "cover"


@dataclass(frozen=True, slots=True)
class Mask:
    """Point at a stored image, fitted as its Sketch is: where it is white the Sketch is painted over."""

    digest: str


@dataclass(frozen=True, slots=True)
class Variation:
    """Blend the first noise with that of a second Seed; amount 0..1."""

    seed: int
    amount: float


@dataclass(frozen=True, slots=True)
class Lora:
    """Name a LoRA by digest and weight."""

    digest: str
    scale: float


@dataclass(frozen=True, slots=True)
class Control:
    """Name a ControlNet by digest, and how the Sketch is prepared for it; start and end are parts of the calls."""

    kind: str
    digest: str
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """Name a part of a Prompt and how much it pulls; the weights are taken as shares of their sum."""

    words: str
    weight: float


@dataclass(frozen=True, slots=True)
class Embedding:
    """Name learned vectors by digest; `token` is the word of the Prompts in whose place they stand."""

    token: str
    digest: str


@dataclass(frozen=True, slots=True)
class Paint:
    """Decide one painted Picture's pixels; strength is the share of a Sketch painted over.

    With a Control and no Strength the Sketch only guides: the Picture starts from noise alone.
    blend: the parts the Prompt is read as, none where it is read as one.
    """

    op: ClassVar[str] = "paint"
    slow: ClassVar[bool] = False
    prompt: str
    seed: int
    width: int
    height: int
    steps: int
    guidance: float
    sampler: str
    model: ModelRef
    sampler_config: Json = field(default_factory=dict)
    negative_prompt: str = ""
    sketch: Sketch | None = None
    strength: float | None = None
    vary: Variation | None = None
    loras: tuple[Lora, ...] = ()
    clip_skip: int = 0
    eta: float = 0.0
    watermark: str = ""
    mask: Mask | None = None
    embeddings: tuple[Embedding, ...] = ()
    control: Control | None = None
    blend: tuple[Part, ...] = ()

    def rerolled(self, seed: int) -> Paint:
        """Return the same Recipe under a new Seed, without any Variation."""
        return replace(self, seed=seed, vary=None)

    @property
    def guided(self) -> bool:
        """Say whether the Model runs a negative row beside the positive one."""
        return self.guidance > 1.0 and self.model.family not in DISTILLED

    @property
    def first_step(self) -> int:
        """Return the step a Sketch's Run starts at: steps - int(steps x strength), as diffusers does."""
        if self.sketch is None or self.strength is None:
            return 0
        return self.steps - min(max(int(self.steps * self.strength), 1), self.steps)


@dataclass(frozen=True, slots=True)
class Upscale:
    """Decide an enlarged Picture's pixels from its parent's.

    method: of one that no Model makes. A Model's has a Prompt, Steps, Guidance and a Seed, too; noise_level: how much
    noise is laid over the parent first, where the Model knows any.
    """

    op: ClassVar[str] = "upscale"
    parent: str
    width: int
    height: int
    factor: int = 2
    method: Method = LANCZOS
    seed: int = 0
    model: ModelRef | None = None
    prompt: str = ""
    negative_prompt: str = ""
    steps: int = 0
    guidance: float = 0.0
    noise_level: int = 0

    @property
    def guided(self) -> bool:
        """Say whether a Model runs a negative row beside the positive one."""
        return self.guidance > 1.0

    @property
    def slow(self) -> bool:
        """Say whether a method with weights makes it, tile by tile on the processor: that takes seconds to minutes."""
        return self.method != LANCZOS


Recipe = Paint | Upscale
_NOUNS: Mapping[str, type[Any]] = {
    "sketch": Sketch,
    "mask": Mask,
    "control": Control,
    "vary": Variation,
}
_SEVERAL: Mapping[str, type[Any]] = {"loras": Lora, "embeddings": Embedding, "blend": Part}
"""What a field of a Recipe's plain form is, one of it or several."""

Source = tuple[Literal["sketch", "mask"], str]
"""Kind and digest of a stored image that a Person sent."""


def to_json(recipe: Recipe) -> dict[str, Any]:
    """Return the plain form: every field at its default left out, `v` and `op` first."""
    return {"v": 1, "op": recipe.op, **plain(recipe)}


def from_json(data: Json) -> Recipe:
    """Build a Recipe from its plain form. Raises KeyError, TypeError or ValueError where it is none."""
    found = dict(data)
    version, op = found.pop("v"), found.pop("op")
    if version != 1 or op not in ("paint", "upscale"):
        raise ValueError(f"recipe version {version!r}, op {op!r} is not known")
    if op == "upscale" and found.get("method", LANCZOS) not in METHODS:
        raise ValueError(f"enlarging by {found['method']!r:.40} is not known")
    if op == "paint" or found.get("model"):
        found["model"] = ModelRef(**found["model"])
    for name, noun in _NOUNS.items():
        if found.get(name):
            found[name] = noun(**found[name])
    for name, noun in _SEVERAL.items():
        if name in found:
            found[name] = tuple(noun(**each) for each in found[name])
    return checked(Upscale(**found) if op == "upscale" else Paint(**found))


def sources(recipe: Recipe) -> tuple[Source, ...]:
    """Return what a Recipe starts from: kind and digest of each stored image a Person sent."""
    if not isinstance(recipe, Paint):
        return ()
    sketch: tuple[Source, ...] = (("sketch", recipe.sketch.digest),) if recipe.sketch else ()
    mask: tuple[Source, ...] = (("mask", recipe.mask.digest),) if recipe.mask else ()
    return (*sketch, *mask)


def canonical(recipe: Recipe) -> str:
    """Return canonical JSON: UTF-8, sorted, no blanks, no NaN; people's reals at 4 places, a sampler's as read."""
    return json.dumps(to_json(recipe), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(recipe: Recipe) -> str:
    """Return sha256 hex of `limner-recipe-1`, a new line and the canonical JSON."""
    return hashlib.sha256(f"limner-recipe-1\n{canonical(recipe)}".encode()).hexdigest()
