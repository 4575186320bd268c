"""Make a small SDXL-shaped model folder with random weights: two encoders, pooled Prompts, sizes for each row."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.tiny_model import byte_tokenizer, lasting, seeded, small_text, small_unet, small_vae


def make_tiny_sdxl(
    folder: Path,
    seed: int = 0,
    force_zeros: bool = True,
    guidance_row: int | None = None,
    second: Any = None,
    channels: int = 4,
) -> Path:
    """Write a model of about 5 MB (64x64 px, 77 tokens, 4 latent channels) into `folder` and return it.

    guidance_row: the width of the row it reads its guidance in, where it is distilled. second: another tokenizer.
    channels: what its UNet reads; 9 is one for inpainting.
    """
    diffusers, transformers = (import_module(name) for name in ("diffusers", "transformers"))
    with seeded(seed):
        first, second = byte_tokenizer(), second or byte_tokenizer(pad="!")
        vae = small_vae(scaling_factor=0.13025)
        kind = diffusers.StableDiffusionXLPipeline if channels == 4 else diffusers.StableDiffusionXLInpaintPipeline
        pipe = kind(
            vae=vae,
            text_encoder=transformers.CLIPTextModel(small_text(first, 32, projection_dim=32, hidden_act="quick_gelu")),
            text_encoder_2=transformers.CLIPTextModelWithProjection(
                small_text(second, 48, projection_dim=48, hidden_act="gelu")
            ),
            tokenizer=first,
            tokenizer_2=second,
            unet=_unet(guidance_row, channels),
            scheduler=diffusers.EulerDiscreteScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                num_train_timesteps=1000,
                steps_offset=1,
                timestep_spacing="leading",
            ),
            force_zeros_for_empty_prompt=force_zeros,
            add_watermarker=False,
        )
        pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def _unet(guidance_row: int | None, channels: int) -> Any:
    """Return a UNet that reads 32 + 48 wide text, 48 pooled numbers and six sizes of 8 numbers each."""
    return small_unet(
        channels,
        80,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        transformer_layers_per_block=(1, 2),
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 48,
        time_cond_proj_dim=guidance_row,
    )


@cache
def shared_tiny_sdxl() -> Path:
    """Return one tiny SDXL for all tests of this process, removed when it ends."""
    return make_tiny_sdxl(lasting("tiny-sdxl"))
