"""A Model's weights in memory: loaded with an explicit dtype, the least recently used one dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

from core.errors import ModelUnavailable
from inference.conditioning import Reader
from inference.families import sd1
from inference.families.folder import weights_file
from inference.previews import Colours, fit

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


@dataclass(frozen=True, slots=True)
class Plan:
    """Say which Model is wanted and how; two Plans are two copies in memory."""

    digest: str
    family: str
    dtype: str
    memory_format: str


@dataclass(frozen=True, slots=True)
class Weights:
    """Hold one loaded Model: what the Engine calls, its Prompts' reader, and the map from Latent to preview colours."""

    plan: Plan
    unet: Any
    vae: Any
    text_encoder: Any
    reader: Reader
    colours: Colours
    latent_scale: int

    @property
    def channels(self) -> int:
        """Return how many channels a Latent has."""
        return int(self.unet.config.in_channels)

    @property
    def text_key(self) -> tuple[str, ...]:
        """Return what tells its embeddings from another Model's; the digest stands first."""
        return (self.plan.digest, self.plan.dtype)


def load_sd1(folder: Path, plan: Plan, device: torch.device) -> Weights:
    """Load a Stable Diffusion 1.x folder: safetensors from this disk alone."""
    text_encoder = _load(CLIPTextModel, folder / "text_encoder", "text_encoder", plan, device)
    vae = _load(AutoencoderKL, folder / "vae", "vae", plan, device)
    return Weights(
        plan=plan,
        unet=_load(UNet2DConditionModel, folder / "unet", "unet", plan, device),
        vae=vae,
        text_encoder=text_encoder,
        reader=Reader(folder),
        colours=fit(vae),
        latent_scale=2 ** (len(vae.config.block_out_channels) - 1),
    )


LOADERS: dict[str, Callable[[Path, Plan, torch.device], Weights]] = {sd1.FAMILY: load_sd1}


class Shelf:
    """Keep the newest `keep` Models loaded; owned by the device's thread."""

    def __init__(self, folder: Callable[[str], Path], device: torch.device, keep: int) -> None:
        """folder: a digest's folder, or ModelUnavailable."""
        self._folder = folder
        self._device = device
        self._keep = max(1, keep)
        self._loaded: OrderedDict[Plan, Weights] = OrderedDict()

    def get(self, plan: Plan) -> Weights:
        """Return a Model, loaded now where it is not yet; raise ModelUnavailable where it cannot be."""
        if plan not in self._loaded:
            if plan.family not in LOADERS:
                raise ModelUnavailable(
                    f"There is no way to paint with the family {plan.family}.", "Choose another model."
                )
            folder = self._folder(plan.digest)
            while len(self._loaded) >= self._keep:
                self._loaded.popitem(last=False)
            try:
                self._loaded[plan] = LOADERS[plan.family](folder, plan, self._device)
            except (OSError, ValueError, KeyError) as error:
                raise ModelUnavailable(
                    f"The model in {folder.name} does not load: {error}.", "Copy it again."
                ) from error
        self._loaded.move_to_end(plan)
        return self._loaded[plan]

    def clear(self) -> None:
        """Drop all of them."""
        self._loaded.clear()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _load(kind: Any, part: Path, name: str, plan: Plan, device: torch.device) -> Any:
    variant = "fp16" if ".fp16." in weights_file(part, sd1.PARTS[name][2]).name else None
    found = kind.from_pretrained(
        part, dtype=DTYPES[plan.dtype], local_files_only=True, use_safetensors=True, variant=variant
    )
    found = found.to(device).eval().requires_grad_(False)
    return found if name == "text_encoder" else found.to(memory_format=FORMATS[plan.memory_format])
