"""Stable Diffusion 1.x: which folders are of this family, and what they can and want."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.families.facts import (
    GUIDANCE_ROW,
    Facts,
    channels,
    check_parts,
    check_text,
    check_unet,
    configs,
    gather,
    is_distilled,
)
from inference.families.folder import broken, read_json

FAMILY, DISTILLED = "sd1", "sd1-lcm"
INPAINT = "StableDiffusionInpaintPipeline"
DEPTH = "StableDiffusionDepth2ImgPipeline"
CONSISTENCY = "LatentConsistencyModelPipeline"
PIPELINES = ("StableDiffusionPipeline", INPAINT, DEPTH, CONSISTENCY)
MASKS = True
"""Whether a part of a Sketch alone can be painted."""


def read(folder: Path, index: Mapping[str, Any]) -> Facts:
    """Return what a folder of this family says; raise ModelUnavailable where it is not whole or not of our kind."""
    check_parts(folder, index, ("unet", "vae", "text_encoder"), ("tokenizer",))
    unet, vae = configs(folder)
    if index.get("_class_name") == DEPTH:
        check_parts(folder, index, ("depth_estimator",), ())
        read_json(folder / "feature_extractor" / "preprocessor_config.json")
        check_unet(unet, (int(vae.get("latent_channels", 4)) + 1,))
    else:
        check_unet(unet, channels(index, vae, INPAINT))
    check_text(folder, unet)
    if index.get("_class_name") == CONSISTENCY and not is_distilled(unet):
        raise broken(f"Its UNet does not say {GUIDANCE_ROW}: a {CONSISTENCY} needs it.", "Copy the model again.")
    return gather(folder, unet, vae, guidance=7.5)
