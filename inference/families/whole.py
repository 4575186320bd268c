"""Every other pipeline of diffusers that makes a Picture of words: painted whole, by its own call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.recipe import OWN
from inference.families.facts import Facts
from inference.families.folder import broken, check_weights, read_json

FAMILY = DISTILLED = "whole"
MASKS = False
LIBRARIES = frozenset({"diffusers", "transformers"})
"""Whose classes the parts of such a folder may be of."""
SIDE, GRID, LEAST = 1024, 16, 8
"""What is meant where a folder does not say its size; what sides must be a multiple of, and at the least."""


@dataclass(frozen=True, slots=True)
class Way:
    """Say how a pipeline is called: its own Steps and Guidance, and diffusers' names for what it takes.

    pull: its argument for Guidance. sketch: the class that paints over a Sketch, if there is one. told: the argument
    by which it tells of each step. enlarges: it paints nothing but enlarges a Picture so many times; noise: how much
    noise it knows to lay over that first, at the most, where the folder does not say.
    """

    steps: int
    guidance: float
    negative: bool = True
    sketch: str = ""
    pull: str = "guidance_scale"
    told: str = "callback_on_step_end"
    enlarges: int = 0
    noise: int = 0


WAYS: Mapping[str, Way] = {
    "AuraFlowPipeline": Way(50, 3.5),
    "ChromaPipeline": Way(35, 5.0),
    "CogView3PlusPipeline": Way(50, 5.0),
    "CogView4Pipeline": Way(50, 5.0),
    "Flux2KleinPipeline": Way(50, 4.0, negative=False),
    "Flux2Pipeline": Way(50, 4.0, negative=False),
    "FluxPipeline": Way(28, 3.5, negative=False, sketch="FluxImg2ImgPipeline"),
    "HunyuanDiTPAGPipeline": Way(50, 5.0),
    "HunyuanDiTPipeline": Way(50, 5.0),
    "Kandinsky3Pipeline": Way(25, 3.0, sketch="Kandinsky3Img2ImgPipeline"),
    "KandinskyV22CombinedPipeline": Way(100, 4.0),
    "Krea2Pipeline": Way(28, 4.5),
    "Lumina2Pipeline": Way(30, 4.0),
    "LuminaPipeline": Way(30, 4.0),
    "OvisImagePipeline": Way(50, 5.0),
    "PRXPipeline": Way(28, 4.0),
    "PixArtAlphaPipeline": Way(20, 4.5, told="callback"),
    "PixArtSigmaPAGPipeline": Way(20, 4.5, told="callback"),
    "PixArtSigmaPipeline": Way(20, 4.5, told="callback"),
    "QwenImage21Pipeline": Way(40, 1.0, pull="true_cfg_scale"),
    "QwenImagePipeline": Way(50, 4.0, sketch="QwenImageImg2ImgPipeline", pull="true_cfg_scale"),
    "SanaPAGPipeline": Way(20, 4.5),
    "SanaPipeline": Way(20, 4.5),
    "StableDiffusion3PAGPipeline": Way(28, 7.0, sketch="StableDiffusion3PAGImg2ImgPipeline"),
    "StableDiffusionLatentUpscalePipeline": Way(20, 0.0, told="callback", enlarges=2),
    "StableDiffusionPAGPipeline": Way(50, 7.5, sketch="StableDiffusionPAGImg2ImgPipeline"),
    "StableDiffusionUpscalePipeline": Way(75, 9.0, told="callback", enlarges=4, noise=350),
    "StableDiffusionXLPAGPipeline": Way(50, 5.0, sketch="StableDiffusionXLPAGImg2ImgPipeline"),
    "ZImagePipeline": Way(50, 5.0, sketch="ZImageImg2ImgPipeline"),
}
"""The pipelines, by the class a model_index.json names: diffusers' own for text to image that are not stepped, and
those that enlarge. Steps and Guidance of the one that enlarges Latents are those its makers use."""
PIPELINES = tuple(WAYS)


def read(folder: Path, index: Mapping[str, Any]) -> Facts:
    """Return what a folder says; raise ModelUnavailable where it is not whole or a part is of a foreign library."""
    for name, part in index.items():
        if not name.startswith("_") and isinstance(part, list) and len(part) == 2 and part[1] is not None:
            _check_part(folder, name, part)
    way = WAYS[str(index["_class_name"])]
    scale, side, grid = _sizes(folder)
    return Facts(
        width=side,
        height=side,
        multiple=64 if side >= 512 else grid,
        latent_scale=scale,
        distilled=False,
        steps=way.steps,
        guidance=way.guidance,
        sampler=OWN,
        samplers={OWN: own_sampler(folder)},
        tokens=0,
        inpaint=False,
        grid=_grid_to_enlarge(folder, way, scale) if way.enlarges else grid,
        negative=way.negative,
        sketches=bool(way.sketch),
        enlarges=way.enlarges,
        noise_levels=_noise_levels(index, way),
    )


def _noise_levels(index: Mapping[str, Any], way: Way) -> int:
    """Return how much noise it lays over a Picture to enlarge at the most; 0: it lays none."""
    said = index.get("max_noise_level", way.noise)
    return said if way.noise and isinstance(said, int) else 0


def _grid_to_enlarge(folder: Path, way: Way, scale: int) -> int:
    """Return what the sides of a Picture to enlarge must be a multiple of: without noise it enlarges Latents."""
    if way.noise:
        return LEAST
    blocks = read_json(folder / "unet" / "config.json").get("block_out_channels") or (1,)
    return int(scale * 2 ** (len(blocks) - 1))


def own_sampler(folder: Path) -> dict[str, Any]:
    """Return the config of the folder's own scheduler, as Recipes hold it."""
    found = read_json(folder / "scheduler" / "scheduler_config.json")
    entries = {name: value for name, value in found.items() if not name.startswith("_")}
    return {"class": str(found.get("_class_name")), **entries}


def _check_part(folder: Path, name: str, part: list[Any]) -> None:
    if part[0] not in LIBRARIES:
        raise broken(f"Its {name} is {part[0]}.{part[1]}, which Limner cannot use.", "Use another model.")
    if not (folder / name).is_dir():
        raise broken(f"{name} is missing.", "Copy the whole model folder again.")
    for path in sorted((folder / name).glob("*config*.json")):
        read_json(path)
    for path in sorted((folder / name).glob("*.safetensors")):
        check_weights(path)


def _sizes(folder: Path) -> tuple[int, int, int]:
    """Return how many pixels a Latent's square is wide, the Model's side, and what sides must be a multiple of."""
    places = [folder / name / "config.json" for name in ("vae", "movq", "transformer", "unet")]
    vae, net = ([read_json(path) for path in part if path.is_file()] for part in (places[:2], places[2:]))
    blocks = [part.get("block_out_channels") or part.get("encoder_block_out_channels") for part in vae]
    scale = 2 ** (len(blocks[0]) - 1) if blocks and blocks[0] else 8
    side, patch = (net[0].get("sample_size"), net[0].get("patch_size")) if net else (None, None)
    whole = isinstance(side, int) and 4 <= side <= 512
    grid = max(scale * (patch if isinstance(patch, int) else 1), GRID)
    return scale, int(str(side)) * scale if whole else SIDE, grid
