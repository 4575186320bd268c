"""The parts of the built-in model: their shapes, how they are loaded, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import diffusers
import torch
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

UNTYPED: Final[Any] = diffusers  # its classes carry no types
MAX_TOKENS: Final = 24
TEXT_WIDTH: Final = 192
TEXT_LAYERS: Final = 3
TEXT_HEADS: Final = 4
LATENT_CHANNELS: Final = 8
NOISE_SCHEDULE: Final = MappingProxyType(
    {
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction",
    }
)


@dataclass(frozen=True, slots=True)
class Parts:
    """Hold the parts of one model; diffusers and transformers are untyped here."""

    tokenizer: Any
    text_encoder: Any
    unet: Any
    vae: Any


def new_vae() -> Any:
    """Make an untrained VAE: 128 px to 16 x 16 x 8."""
    return UNTYPED.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 128),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=128,
        scaling_factor=1.0,
    )


def new_unet() -> Any:
    """Make an untrained UNet of 16.7 M parameters."""
    return UNTYPED.UNet2DConditionModel(
        sample_size=16,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(64, 128, 256),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def new_text_encoder(tokens: int, start: int, end: int) -> Any:
    """Make an untrained text encoder for a vocabulary."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=tokens,
            hidden_size=TEXT_WIDTH,
            intermediate_size=TEXT_WIDTH * 3,
            num_hidden_layers=TEXT_LAYERS,
            num_attention_heads=TEXT_HEADS,
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=start,
            eos_token_id=end,
            pad_token_id=end,
            projection_dim=TEXT_WIDTH,
            hidden_act="quick_gelu",
        )
    )


def load_vae(folder: Path) -> Any:
    """Load a VAE in float32: half precision mixed with float32 fails on a CPU."""
    return UNTYPED.AutoencoderKL.from_pretrained(folder, dtype=torch.float32)


def load_unet(folder: Path) -> Any:
    """Load a UNet in float32."""
    return UNTYPED.UNet2DConditionModel.from_pretrained(folder, dtype=torch.float32)


def load_text(folder: Path) -> tuple[Any, Any]:
    """Load tokenizer and text encoder from the two folders that lie in this one."""
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    return tokenizer, CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)


def load_parts(model: Path) -> Parts:
    """Load every part of a model folder in float32."""
    tokenizer, text_encoder = load_text(model)
    return Parts(tokenizer, text_encoder, load_unet(model / "unet"), load_vae(model / "vae"))


def pipeline(parts: Parts) -> Any:
    """Join the parts to an ordinary StableDiffusionPipeline with DPM++ 2M."""
    sampler = UNTYPED.DPMSolverMultistepScheduler(
        **NOISE_SCHEDULE,
        algorithm_type="dpmsolver++",
        solver_order=2,
        timestep_spacing="leading",
        steps_offset=1,
    )
    # Read by DDIM alone, which people may choose: its default would clip the latents.
    sampler.register_to_config(clip_sample=False, set_alpha_to_one=False)
    joined = UNTYPED.StableDiffusionPipeline(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        unet=parts.unet,
        scheduler=sampler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    joined.set_progress_bar_config(disable=True)
    return joined


def alphas() -> Tensor:
    """Return the share of the picture's power that is left at each time, float32 [1000]."""
    schedule: Tensor = UNTYPED.DDIMScheduler(**NOISE_SCHEDULE).alphas_cumprod
    return schedule


def token_ids(tokenizer: Any, captions: list[str]) -> Tensor:
    """Encode captions to int64 [N, 24]."""
    encoded = tokenizer(
        captions, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    ).input_ids
    assert isinstance(encoded, Tensor)
    return encoded
