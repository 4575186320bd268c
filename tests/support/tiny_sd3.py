"""Make a small SD3-shaped model folder with random weights: a flow, three encoders, 16 channels that are shifted."""

from __future__ import annotations

import string
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.tiny_model import byte_tokenizer, lasting, seeded, small_text, small_vae


def make_tiny_sd3(folder: Path, seed: int = 0, t5: bool = True, dynamic: bool = False) -> Path:
    """Write a model of about 5 MB (64x64 px, 77 and 256 tokens, 16 latent channels) into `folder` and return it.

    t5: whether it has the third text encoder. dynamic: whether its sampler shifts time by the Picture's size.
    """
    diffusers, transformers = (import_module(name) for name in ("diffusers", "transformers"))
    with seeded(seed):
        first, second = byte_tokenizer(), byte_tokenizer(pad="!")
        third = transformers.T5EncoderModel(transformers.T5Config(**T5)) if t5 else None
        pipe = diffusers.StableDiffusion3Pipeline(
            transformer=diffusers.SD3Transformer2DModel(
                sample_size=8,
                patch_size=2,
                in_channels=16,
                num_layers=2,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=96,
                caption_projection_dim=32,
                pooled_projection_dim=40 + 24,
                out_channels=16,
                pos_embed_max_size=16,
                dual_attention_layers=(0,),
                qk_norm="rms_norm",
            ),
            vae=small_vae(latent_channels=16, scaling_factor=1.5305, shift_factor=0.0609),
            text_encoder=transformers.CLIPTextModelWithProjection(
                small_text(first, 32, projection_dim=40, hidden_act="quick_gelu")
            ),
            text_encoder_2=transformers.CLIPTextModelWithProjection(
                small_text(second, 48, projection_dim=24, hidden_act="gelu")
            ),
            text_encoder_3=third,
            tokenizer=first,
            tokenizer_2=second,
            tokenizer_3=letters_tokenizer() if t5 else None,
            scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=dynamic),
        )
        pipe.save_pretrained(folder, safe_serialization=True)
    return folder


T5 = {
    "vocab_size": 128,
    "d_model": 96,
    "d_kv": 16,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward_proj": "gated-gelu",
}
"""The shape of a small T5 encoder."""


def letters_tokenizer() -> Any:
    """Return a T5 tokenizer of single letters."""
    signs = string.ascii_letters + string.digits + string.punctuation
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0), *((sign, -3.0) for sign in signs)]
    return import_module("transformers").T5Tokenizer(vocab=vocab, extra_ids=0)


@cache
def shared_tiny_sd3() -> Path:
    """Return one tiny SD3 for all tests of this process, removed when it ends."""
    return make_tiny_sd3(lasting("tiny-sd3"))
