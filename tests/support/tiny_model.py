"""Make a small SD-shaped model folder with random weights, for tests that need a real model but no real picture."""

from __future__ import annotations

import os
from atexit import register
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make random weights in quiet, the same for a seed, and leave the caller's random numbers alone."""
    torch, diffusers, transformers = (import_module(name) for name in ("torch", "diffusers", "transformers"))
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    before = torch.random.get_rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.random.set_rng_state(before)


def small_text(tokenizer: Any, width: int, **settings: Any) -> Any:
    """Return the config of a small CLIP text encoder."""
    plain = {"intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 3, "max_position_embeddings": 77}
    return import_module("transformers").CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **{**plain, **settings},
    )


def make_tiny_model(folder: Path, seed: int = 0, channels: int = 4, guidance_row: int | None = None) -> Path:
    """Write a model of about 5 MB (64x64 px, 77 tokens, 4 latent channels) into `folder` and return it.

    The same seed gives the same weights, so the same digest. channels: what its UNet reads; 9 is one for inpainting.
    guidance_row: the width of the row it reads its guidance in; it is a Latent Consistency Model then.
    """
    diffusers, transformers = (import_module(name) for name in ("diffusers", "transformers"))
    with seeded(seed):
        tokenizer = byte_tokenizer()
        text = small_text(tokenizer, 32, num_hidden_layers=2)
        unet = small_unet(channels, 32, time_cond_proj_dim=guidance_row)
        kind = diffusers.StableDiffusionPipeline if channels == 4 else diffusers.StableDiffusionInpaintPipeline
        noises = {
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "num_train_timesteps": 1000,
        }
        sampler = diffusers.PNDMScheduler(
            **noises, set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1, timestep_spacing="leading"
        )
        if guidance_row is not None:
            kind, sampler = diffusers.LatentConsistencyModelPipeline, diffusers.LCMScheduler(**noises, steps_offset=1)
        pipe = kind(
            vae=small_vae(),
            text_encoder=transformers.CLIPTextModel(text),
            tokenizer=tokenizer,
            unet=unet,
            scheduler=sampler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def small_unet(channels: int, width: int, **settings: Any) -> Any:
    """Return a UNet of random weights for 8x8 places; channels: what it reads, width: of the text it reads beside."""
    return import_module("diffusers").UNet2DConditionModel(
        **{
            "sample_size": 8,
            "in_channels": channels,
            "out_channels": 4,
            "block_out_channels": (32, 64),
            "layers_per_block": 1,
            "norm_num_groups": 8,
            "attention_head_dim": 4,
            "cross_attention_dim": width,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            **settings,
        }
    )


def small_vae(**settings: Any) -> Any:
    """Return a VAE of random weights: 64 px become 8, of 4 channels unless said otherwise."""
    return import_module("diffusers").AutoencoderKL(
        **{
            "block_out_channels": (16, 32, 32, 32),
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "latent_channels": 4,
            "layers_per_block": 1,
            "norm_num_groups": 8,
            "sample_size": 64,
            **settings,
        }
    )


def byte_tokenizer(pad: str = "<|endoftext|>", merges: tuple[tuple[str, str], ...] = (), longest: int = 77) -> Any:
    """Return a CLIP tokenizer of single bytes: 512 symbols, what `merges` join, and the two special ones."""
    symbols = list(import_module("transformers.convert_slow_tokenizer").bytes_to_unicode().values())
    joined = [first + second for first, second in merges]
    words = [*symbols, *(f"{symbol}</w>" for symbol in symbols), *joined, "<|startoftext|>", "<|endoftext|>"]
    vocab = {word: index for index, word in enumerate(words)}
    kind = import_module("transformers").CLIPTokenizer
    return kind(vocab=vocab, merges=list(merges), model_max_length=longest, pad_token=pad)


def lasting(name: str) -> Path:
    """Return a folder of this name for as long as this process lives."""
    place = TemporaryDirectory(prefix="limner-tiny-")
    register(place.cleanup)
    return Path(place.name) / name


@cache
def shared_tiny_model(channels: int = 4) -> Path:
    """Return one tiny model for all tests of this process, removed when it ends; channels as in `make_tiny_model`."""
    return make_tiny_model(lasting("tiny"), channels=channels)
