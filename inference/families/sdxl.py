"""Stable Diffusion XL: which folders are of this family, and what they can and want."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.families.facts import (
    Facts,
    channels,
    check_parts,
    check_text,
    check_unet,
    configs,
    gather,
    tokens_read,
)
from inference.families.folder import broken, read_json

FAMILY, DISTILLED = "sdxl", "sdxl-lcm"
INPAINT = "StableDiffusionXLInpaintPipeline"
PIPELINES = ("StableDiffusionXLPipeline", INPAINT)
MASKS = True
SIZES = 6
"""How many numbers a row's time_ids hold: the size it was cut from, where it was cut, the size asked for."""


def read(folder: Path, index: Mapping[str, Any]) -> Facts:
    """Return what a folder of this family says; raise ModelUnavailable where it is not whole or not of our kind."""
    check_parts(folder, index, ("unet", "vae", "text_encoder", "text_encoder_2"), ("tokenizer", "tokenizer_2"))
    unet, vae = configs(folder)
    check_unet(unet, channels(index, vae, INPAINT), given=("addition_embed_type",))
    check_text(folder, unet, ("", "_2"))
    first, second = tokens_read(folder), tokens_read(folder, "_2")
    if first != second:
        raise broken(
            f"Its text encoders read {first} and {second} tokens at once, which cannot be joined.",
            "Copy the whole model folder again.",
        )
    _check_added(unet, read_json(folder / "text_encoder_2" / "config.json"))
    if vae.get("latents_mean") is not None:
        raise broken("Its VAE moves Latents by a mean (Playground), which Limner does not do.", "Use another model.")
    return gather(folder, unet, vae, guidance=5.0)


def zero_negative(index: Mapping[str, Any]) -> bool:
    """Say whether an empty negative Prompt is a row of zeros, as a model_index.json says; diffusers' default is yes."""
    return index.get("force_zeros_for_empty_prompt", True) is True


def _check_added(unet: Mapping[str, Any], text: Mapping[str, Any]) -> None:
    """Refuse a UNet that reads something else beside the text than a pooled Prompt and six sizes (the refiner does)."""
    kind = unet.get("addition_embed_type")
    if kind != "text_time":
        raise broken(f"Its UNet's addition_embed_type is {kind}, not text_time.", "Use a plain SDXL model.")
    given = SIZES * int(unet.get("addition_time_embed_dim") or 0) + int(text.get("projection_dim", 512))
    wanted = unet.get("projection_class_embeddings_input_dim")
    if wanted != given:
        raise broken(
            f"Its UNet reads {wanted} numbers beside the text, its parts give {given}.", "Use a plain SDXL base model."
        )
