"""Make small random models that enlarge Pictures: Stable Diffusion's x4 upscaler and its latent one."""

from __future__ import annotations

import io
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image

from core.draft import ModelCard
from core.picture import pixels_digest
from core.recipe import ModelRef, Upscale
from inference.finish.png import Pixels
from tests.support.painting import sketch_png
from tests.support.tiny_model import byte_tokenizer, lasting, seeded, small_text, small_unet, small_vae


def make_tiny_upscaler(folder: Path, kind: str, seed: int = 0) -> Path:
    """Write a model of a kind (`x4`, `x2`) into `folder` and return it."""
    diffusers, transformers = (import_module(name) for name in ("diffusers", "transformers"))
    with seeded(seed):
        pipe = {"x4": _x4, "x2": _x2}[kind](diffusers, transformers)
        pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def _x4(diffusers: Any, transformers: Any) -> Any:
    tokenizer = byte_tokenizer()
    return diffusers.StableDiffusionUpscalePipeline(
        vae=small_vae(
            block_out_channels=(16, 32, 32),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            scaling_factor=0.08333,
        ),
        text_encoder=transformers.CLIPTextModel(small_text(tokenizer, 32)),
        tokenizer=tokenizer,
        unet=small_unet(7, 32, num_class_embeds=1000),
        low_res_scheduler=diffusers.DDPMScheduler(beta_schedule="scaled_linear", prediction_type="epsilon"),
        scheduler=diffusers.DDIMScheduler(
            prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False, steps_offset=1
        ),
        max_noise_level=350,
    )


def _x2(diffusers: Any, transformers: Any) -> Any:
    tokenizer = byte_tokenizer()
    return diffusers.StableDiffusionLatentUpscalePipeline(
        vae=small_vae(),
        text_encoder=transformers.CLIPTextModel(small_text(tokenizer, 32)),
        tokenizer=tokenizer,
        unet=diffusers.UNet2DConditionModel(
            sample_size=16,
            in_channels=8,
            out_channels=5,
            block_out_channels=(32, 32, 64, 64),
            layers_per_block=1,
            norm_num_groups=None,
            cross_attention_dim=32,
            attention_head_dim=8,
            act_fn="gelu",
            time_cond_proj_dim=160,
            conv_in_kernel=1,
            conv_out_kernel=1,
            down_block_types=(
                "KDownBlock2D",
                "KCrossAttnDownBlock2D",
                "KCrossAttnDownBlock2D",
                "KCrossAttnDownBlock2D",
            ),
            up_block_types=("KCrossAttnUpBlock2D", "KCrossAttnUpBlock2D", "KCrossAttnUpBlock2D", "KUpBlock2D"),
            mid_block_type=None,
            only_cross_attention=False,
            resnet_time_scale_shift="scale_shift",
            time_embedding_type="fourier",
            timestep_post_act="gelu",
        ),
        scheduler=diffusers.EulerDiscreteScheduler(prediction_type="sample"),
    )


@cache
def shared_tiny_upscaler(kind: str) -> Path:
    """Return one such model for all tests of this process, removed when it ends."""
    return make_tiny_upscaler(lasting(kind), kind)


@cache
def parent(width: int = 64, height: int = 64) -> Pixels:
    """Return a Picture to enlarge."""
    image = Image.open(io.BytesIO(sketch_png())).convert("RGB").resize((width, height))
    return Pixels(width, height, image.tobytes())


def enlarging(card: ModelCard, small: Pixels, **fields: Any) -> Upscale:
    """Return a small Recipe of a Model that enlarges: 4 Steps."""
    wanted = {"prompt": "a fox", "negative_prompt": "grey", "seed": 5, "steps": 4, "guidance": 9.0, **fields}
    return Upscale(
        pixels_digest(small.width, small.height, small.rgb),
        small.width * card.enlarges,
        small.height * card.enlarges,
        card.enlarges,
        model=ModelRef(card.family, card.digest),
        **{"noise_level": 20 if card.noise_levels else 0, **wanted},
    )
