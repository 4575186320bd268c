"""Presets: the defaults of the tools people come from, under one name: `--preset compvis-v1`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from core.blend import from_optimized
from core.draft import Draft
from core.errors import BadWords
from core.sizes import SHAPE, SIDE
from core.words import nearest, shown


@dataclass(frozen=True, slots=True)
class Preset:
    """Hold what a tool takes where nothing is typed, by the Draft's fields.

    sketched: what differs with a Sketch. multiple: with a Sketch its sides, cut down to a multiple of this, are the
    Picture's. weights: `words:0.5` is a weight.
    """

    name: str
    of: str
    plain: Mapping[str, Any]
    sketched: Mapping[str, Any] = field(default_factory=dict)
    multiple: int = 0
    weights: bool = False


LARGE = {"width": 512, "height": 512}
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                "compvis-v1",
                "CompVis stable-diffusion, txt2img.py and img2img.py",
                {"steps": 50, "sampler": "ddim", "guidance": 7.5, "seed": 42, "count": 6, **LARGE},
                {"strength": 0.75, "guidance": 5.0, "count": 2},
                32,
            ),
            Preset(
                "optimizedsd",
                "optimizedSD, optimized_txt2img.py and optimized_img2img.py",
                {"steps": 50, "sampler": "plms", "guidance": 7.5, "count": 5, **LARGE},
                {"strength": 0.75, "sampler": "ddim"},
                64,
                weights=True,
            ),
            Preset(
                "openvino",
                "stable_diffusion.openvino, demo.py",
                {"steps": 32, "sampler": "lms", "guidance": 7.5, **LARGE},
                {"strength": 0.5, "sampler": "plms"},
            ),
            Preset(
                "easy-diffusion",
                "Easy Diffusion's own requests",
                {"steps": 50, "guidance": 7.5, "seed": 42, **LARGE},
                {"strength": 0.8},
            ),
            Preset(
                "stable-diffusion-2",
                "Stability-AI stablediffusion, txt2img.py and img2img.py",
                {"steps": 50, "sampler": "ddim", "guidance": 9.0, "seed": 42, "count": 9, **LARGE},
                {"strength": 0.8, "count": 2},
                64,
            ),
        )
    }
)


def preset_named(typed: str) -> str:
    """Return a preset's name as written here; raise BadWords with the nearest one."""
    name = typed.strip().lower()
    if name not in PRESETS:
        raise BadWords(
            f"There is no preset {shown(typed)}.",
            f"The nearest is {nearest(name, PRESETS)}. There are: {', '.join(PRESETS)}.",
        )
    return name


def under(draft: Draft, typed: Collection[str]) -> tuple[Draft, set[str]]:
    """Return a Draft with what its preset says where nothing was typed, and all that stands now."""
    if draft.preset is None:
        return draft, set(typed)
    preset = PRESETS[draft.preset]
    says = dict(preset.plain)
    if draft.sketch is not None:
        says |= preset.sketched
        if preset.multiple:
            says |= {name: _cut(getattr(draft.sketch, name), preset.multiple) for name in ("width", "height")}
    held = {*typed, *(SHAPE if SHAPE & set(typed) else ())}
    fresh = {key: value for key, value in says.items() if key not in held}
    if preset.weights and "prompt" not in typed:
        fresh["prompt"] = from_optimized(draft.prompt)
    return replace(draft, **fresh), {*held, *(set(fresh) - {"prompt"}), *(SHAPE if SHAPE & set(fresh) else ())}


def _cut(side: int, multiple: int) -> int:
    return min(max(side // multiple * multiple, SIDE[0]), SIDE[1])
