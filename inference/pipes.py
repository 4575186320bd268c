"""Pipes: diffusers' own pipelines in memory, and one of its own for each Run on the parts of a loaded one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from inference.families import whole
from inference.families.folder import read_json
from inference.previews import Colours, fit
from inference.weights import DTYPES, Plan, quantised_part


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Pipe:
    """Hold a loaded pipeline, for parts of which each Run makes one of its own; colours: its Latents' to preview."""

    plan: Plan
    stock: Any
    way: whole.Way
    colours: Colours | None


def load(folder: Path, plan: Plan, device: torch.device) -> Pipe:
    """Load a folder's pipeline: safetensors from this disk alone."""
    stock = _read(folder, plan, device).to(device)
    way = whole.WAYS[str(read_json(folder / "model_index.json")["_class_name"])]
    return Pipe(plan, stock, way, _colours(stock))


def own(stock: Any, name: str) -> Any:
    """Return a new pipeline of a class on the parts of another, with samplers of its own: both keep state."""
    import diffusers

    kind = getattr(diffusers, name)
    parts, options = kind._get_signature_keys(kind)
    given: dict[str, Any] = {part: stock.components[part] for part in parts if part in stock.components}
    given |= {option: stock.config[option] for option in options if option in stock.config}
    for part, value in given.items():
        if isinstance(value, diffusers.SchedulerMixin):
            sampler: Any = value
            given[part] = type(sampler).from_config(sampler.config)
    pipe = kind(**given)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _read(folder: Path, plan: Plan, device: torch.device) -> Any:
    import diffusers

    weights = [path.name for path in folder.rglob("*.safetensors")]
    variant = "fp16" if weights and all(".fp16." in name for name in weights) else None
    pipe = diffusers.DiffusionPipeline.from_pretrained(  # type: ignore[no-untyped-call]
        folder,
        dtype=DTYPES[plan.dtype],
        local_files_only=True,
        use_safetensors=True,
        variant=variant,
        **_quantised(folder, plan, device),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _quantised(folder: Path, plan: Plan, device: torch.device) -> dict[str, Any]:
    """Return the parts that are loaded in fewer bits; their classes are those the family let through."""
    if not plan.quantised:
        return {}
    found = {}
    for name, part in read_json(folder / "model_index.json").items():
        if isinstance(part, list) and len(part) == 2 and part[1] is not None and (folder / name).is_dir():
            kind = getattr(import_module(part[0]), part[1])
            found[name] = quantised_part(kind, folder, name, plan, device)
    return {name: part for name, part in found.items() if part is not None}


def _colours(pipe: Any) -> Colours | None:
    """Return the map to preview colours, None where the pipeline's Latents come from no VAE it is known for."""
    from diffusers import AutoencoderKL

    vae = getattr(pipe, "vae", None)
    return fit(vae) if isinstance(vae, AutoencoderKL) else None
