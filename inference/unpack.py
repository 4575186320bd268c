"""One part of a Model out of a single .safetensors file: the original layout's names turned into diffusers' own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
from safetensors import safe_open

from inference.families.single import UNET, VAE

TEXT, BARE = "cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."
"""Where a text encoder's names begin; old pruned files leave `text_model` out."""
PARTS = {
    "unet": (UNET,),
    "vae": (VAE,),
    "text_encoder": ("cond_stage_model.", "conditioner.embedders.0."),
    "text_encoder_2": ("conditioner.embedders.1.",),
}


def from_file(kind: Any, file: Path, settings: Path, name: str, dtype: torch.dtype) -> Any:
    """Load a part in a dtype; settings: the folder of the kind of file it is. Raises ValueError where tensors miss."""
    tensors = _read(file, PARTS[name])
    if name.startswith("text_encoder"):
        convert: Any = create_diffusers_clip_model_from_ldm
        found = convert(kind, tensors, subfolder=name, config=str(settings), torch_dtype=dtype, local_files_only=True)
    else:
        found = kind.from_single_file(tensors, config=str(settings), subfolder=name, dtype=dtype, local_files_only=True)
    missing = [name for name, weight in found.named_parameters() if weight.is_meta]
    if missing:
        raise ValueError(f"its {name} lacks {missing[0]}")
    return found


def _read(file: Path, starts: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin so; the others are not read."""
    with safe_open(str(file), framework="pt") as opened:
        found = {name: opened.get_tensor(name) for name in opened.keys() if name.startswith(starts)}  # noqa: SIM118
    if any(name.startswith(TEXT) for name in found):
        return found
    return {TEXT + name.removeprefix(BARE) if name.startswith(BARE) else name: each for name, each in found.items()}
