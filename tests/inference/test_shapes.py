"""What a Model's configs say it takes in the making, held against what small ones of those classes really take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from inference.shapes import NET_HELD, WORDS, shape, stepping
from tests.support.tiny_model import shared_tiny_model, small_vae
from tests.support.tiny_sd3 import shared_tiny_sd3
from tests.support.tiny_whole import shared_tiny_whole

WIDTH, HEADS, TEXT = 256, 4, 64
SCALE = 8
"""Pixels a side of a square of the small VAE's Latent."""
Call = Callable[[int, int], Any]


def sd3() -> tuple[Any, Any, Call]:
    net = diffusers.SD3Transformer2DModel(
        sample_size=64, num_layers=2, attention_head_dim=WIDTH // HEADS, num_attention_heads=HEADS,
        joint_attention_dim=TEXT, caption_projection_dim=WIDTH, pooled_projection_dim=TEXT,
    )  # fmt: skip

    def call(rows: int, side: int) -> Any:
        words = torch.randn(rows, 333, TEXT)
        return net(torch.randn(rows, 16, side, side), words, torch.randn(rows, TEXT), torch.ones(rows))

    return net, small_vae(latent_channels=16), call


def flux() -> tuple[Any, Any, Call]:
    net = diffusers.FluxTransformer2DModel(
        num_layers=1, num_single_layers=1, attention_head_dim=WIDTH // HEADS, num_attention_heads=HEADS,
        joint_attention_dim=TEXT, pooled_projection_dim=TEXT, axes_dims_rope=(16, 24, 24),
    )  # fmt: skip

    def call(rows: int, side: int) -> Any:
        tokens, words = (side // 2) ** 2, torch.randn(rows, WORDS, TEXT)
        ids = torch.zeros(tokens, 3), torch.zeros(WORDS, 3)
        pooled, time = torch.randn(rows, TEXT), torch.ones(rows)
        return net(torch.randn(rows, tokens, 64), words, pooled, time, img_ids=ids[0], txt_ids=ids[1])

    return net, small_vae(latent_channels=16), call


def taken(call: Callable[[], Any]) -> int:
    """Return the most bytes of tensors there were at once."""
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        call()
    events: Any = watched.profiler
    found = [event for event in events.kineto_results.events() if event.name() == "[memory]"]
    now = most = 0
    for event in sorted(found, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


@pytest.mark.parametrize("make", [sd3, flux])
def test_a_transformers_call_takes_what_is_estimated(make: Callable[[], tuple[Any, Any, Call]], tmp_path: Path) -> None:
    """Never more, and at two sizes not much less, so that it grows as the estimate does."""
    torch.set_num_threads(1)
    net, vae, call = make()
    net.eval().save_config(tmp_path / "transformer")
    vae.save_config(tmp_path / "vae")
    look = shape(tmp_path)
    for side, rows in ((32, 2), (64, 1)):
        estimated = stepping(look, "float32", (side * SCALE) ** 2, rows)
        assert 0.4 < taken(partial(call, rows, side)) / estimated < 1.0


def test_a_token_is_told_from_patches_the_pipeline_packs_and_those_the_transformer_cuts() -> None:
    """Of the small models' VAEs a Latent's square is 8 pixels; each of these takes two a side for a token."""
    for folder in (shared_tiny_sd3(), *map(shared_tiny_whole, ("aura", "pixart", "flux"))):
        look = shape(folder)
        assert (look.side, look.width, look.held, look.beside) == (16, 32, NET_HELD, WORDS), folder
    unet = shape(shared_tiny_model())
    assert (unet.side, unet.width, unet.beside, unet.native) == (8, 32, 0, 64 * 64)
    assert shape(Path("nowhere")).width == 320
