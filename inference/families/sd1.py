"""Stable Diffusion 1.x: which folders are of this family, and what they can and want."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.families.facts import Facts, check_parts, check_unet, configs, gather

FAMILY = "sd1"
INPAINT = "StableDiffusionInpaintPipeline"
PIPELINES = ("StableDiffusionPipeline", INPAINT)


def read(folder: Path, index: Mapping[str, Any]) -> Facts:
    """Return what a folder of this family says; raise ModelUnavailable where it is not whole or not of our kind."""
    check_parts(folder, index, ("unet", "vae", "text_encoder"), ("tokenizer",))
    unet, vae = configs(folder)
    latent = int(vae.get("latent_channels", 4))
    # A UNet made for inpainting reads the mask and the Latent of what stays, too.
    check_unet(unet, (latent, 2 * latent + 1) if index.get("_class_name") == INPAINT else (latent,))
    return gather(folder, unet, vae, guidance=7.5)
