"""Make small random models of pipelines that are painted whole: AuraFlow, PixArt and Flux."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.tiny_model import byte_tokenizer, lasting, seeded, small_text, small_vae
from tests.support.tiny_sd3 import T5, letters_tokenizer


def make_tiny_whole(folder: Path, kind: str, seed: int = 0) -> Path:
    """Write a model of a kind (`aura`, `pixart`, `flux`; 64x64 px) into `folder` and return it."""
    diffusers, transformers = (import_module(name) for name in ("diffusers", "transformers"))
    with seeded(seed):
        pipe = {"aura": _aura, "pixart": _pixart, "flux": _flux}[kind](diffusers, transformers)
        pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def _aura(diffusers: Any, transformers: Any) -> Any:
    return diffusers.AuraFlowPipeline(
        tokenizer=letters_tokenizer(),
        text_encoder=transformers.UMT5EncoderModel(transformers.UMT5Config(**T5)),
        vae=small_vae(),
        transformer=diffusers.AuraFlowTransformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=4,
            num_mmdit_layers=1,
            num_single_dit_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=96,
            caption_projection_dim=32,
            out_channels=4,
            pos_embed_max_size=64,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
    )


def _pixart(diffusers: Any, transformers: Any) -> Any:
    return diffusers.PixArtAlphaPipeline(
        tokenizer=letters_tokenizer(),
        text_encoder=transformers.T5EncoderModel(transformers.T5Config(**T5)),
        vae=small_vae(),
        transformer=diffusers.PixArtTransformer2DModel(
            sample_size=32,
            num_layers=1,
            patch_size=2,
            attention_head_dim=16,
            num_attention_heads=2,
            in_channels=4,
            out_channels=8,
            cross_attention_dim=32,
            caption_channels=96,
            attention_bias=True,
            activation_fn="gelu-approximate",
            num_embeds_ada_norm=1000,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            norm_eps=1e-6,
            use_additional_conditions=False,
        ),
        scheduler=diffusers.DDIMScheduler(),
    )


def _flux(diffusers: Any, transformers: Any) -> Any:
    tokenizer = byte_tokenizer()
    text = small_text(tokenizer, 32, num_hidden_layers=2, projection_dim=32)
    return diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=small_vae(shift_factor=0.1),
        text_encoder=transformers.CLIPTextModel(text),
        tokenizer=tokenizer,
        text_encoder_2=transformers.T5EncoderModel(transformers.T5Config(**T5)),
        tokenizer_2=letters_tokenizer(),
        transformer=diffusers.FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=96,
            pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=True,
        ),
    )


@cache
def shared_tiny_whole(kind: str) -> Path:
    """Return one such model for all tests of this process, removed when it ends."""
    return make_tiny_whole(lasting(kind), kind)
