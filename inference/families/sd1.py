"""Stable Diffusion 1.x: which folders are of this family, and what they can and want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import BadConfig
from inference.families.folder import broken, check_weights, read_json, weights_file
from inference.families.formulas import own_sampler, resolve

FAMILY = "sd1"
PIPELINE = "StableDiffusionPipeline"
PARTS = {
    "unet": ("diffusers", {"UNet2DConditionModel"}, "diffusion_pytorch_model"),
    "vae": ("diffusers", {"AutoencoderKL"}, "diffusion_pytorch_model"),
    "text_encoder": ("transformers", {"CLIPTextModel"}, "model"),
}
EXTRAS = ("class_embed_type", "addition_embed_type", "num_class_embeds", "time_cond_proj_dim", "encoder_hid_dim")
"""What a UNet may ask for beside a Latent, a timestep and text; this family gives none of it."""
TOKENIZERS = {"CLIPTokenizer", "CLIPTokenizerFast"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the family's files say of a Model: sizes in pixels; `tokens` is how many its text encoder reads."""

    width: int
    height: int
    multiple: int
    latent_scale: int
    steps: int
    guidance: float
    sampler: str
    samplers: Mapping[str, Mapping[str, Any]]
    tokens: int


def read(folder: Path, index: Mapping[str, Any]) -> Facts:
    """Return what a folder of this family says; raise ModelUnavailable where it is not whole or not of our kind."""
    for name, (library, classes, stem) in PARTS.items():
        _check_part(index, name, library, classes)
        check_weights(weights_file(folder / name, stem))
    _check_part(index, "tokenizer", "transformers", TOKENIZERS)
    _check_tokenizer(folder / "tokenizer")
    unet, vae = read_json(folder / "unet" / "config.json"), read_json(folder / "vae" / "config.json")
    _check_unet(unet, vae)
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json")
    try:
        samplers = resolve(scheduler)
    except BadConfig as error:
        raise broken(error.sentence, error.hint) from error
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    side = int(unet["sample_size"]) * scale
    sampler = own_sampler(scheduler)
    return Facts(
        width=side,
        height=side,
        multiple=64 if side >= 512 else scale,
        latent_scale=scale,
        steps=20 if sampler.startswith(("dpmpp", "unipc")) else 30,
        guidance=7.5,
        sampler=sampler if sampler in samplers else "ddim",
        samplers=samplers,
        tokens=int(read_json(folder / "text_encoder" / "config.json").get("max_position_embeddings", 77)),
    )


def _check_part(index: Mapping[str, Any], name: str, library: str, classes: set[str]) -> None:
    found = index.get(name)
    if not isinstance(found, list) or len(found) != 2 or found[0] != library or found[1] not in classes:
        given = found[1] if isinstance(found, list) and len(found) == 2 else found
        raise broken(
            f"Its {name} is {given}, which Limner cannot use.",
            f"A {PIPELINE} needs {' or '.join(sorted(classes))} there.",
        )


def _check_tokenizer(folder: Path) -> None:
    whole = (folder / "tokenizer.json").is_file()
    parts = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
    if not (whole or parts):
        raise broken("tokenizer/vocab.json and merges.txt are missing.", "Copy the whole model folder again.")


def _check_unet(unet: Mapping[str, Any], vae: Mapping[str, Any]) -> None:
    """Refuse UNets that need more than a Latent, a timestep and text: inpainting, upscaling, distilled Guidance."""
    for name, part, needed in (("unet", unet, "sample_size"), ("vae", vae, "block_out_channels")):
        if not part.get(needed):
            raise broken(f"{name}/config.json does not say {needed}.", "Copy the model again.")
    channels, latent = unet.get("in_channels", 4), vae.get("latent_channels", 4)
    if channels != latent:
        raise broken(
            f"Its UNet takes {channels} channels, its VAE gives {latent}: a model for inpainting, depth or upscaling.",
            "Use a text-to-image model.",
        )
    for extra in EXTRAS:
        if unet.get(extra) is not None:
            raise broken(f"Its UNet needs {extra}, which Limner does not give.", "Use a plain text-to-image model.")
