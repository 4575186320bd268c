"""Previews: colours fitted from the VAE itself, and what a model call points at, for every kind of prediction."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler
from PIL import Image

from inference import previews

BUILT_IN = Path(__file__).parents[2] / "models" / "builtin"


class LinearVae:
    """A VAE whose Latent is a linear map of block means, so that the fit must find its inverse."""

    device, dtype, config = torch.device("cpu"), torch.float32, SimpleNamespace(scaling_factor=0.5, shift_factor=None)
    mixing = torch.tensor([[1.0, 0.2, -0.3], [0.1, -0.8, 0.5], [0.4, 0.3, 1.2], [0.0, 0.0, 0.0]])

    def encode(self, pixels: torch.Tensor) -> Any:
        means = torch.nn.functional.avg_pool2d(pixels, 8)
        latent = torch.einsum("cr,brhw->bchw", self.mixing, means) + 0.25
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latent))


def test_the_fit_finds_the_colours_of_a_linear_vae() -> None:
    vae = LinearVae()
    colours = previews.fit(vae)
    pixels = torch.rand(1, 3, 32, 32) * 2 - 1
    latent = vae.encode(pixels).latent_dist.mode()[0] * 0.5
    found = latent.permute(1, 2, 0) @ colours.matrix + colours.bias
    assert torch.allclose(found.permute(2, 0, 1), torch.nn.functional.avg_pool2d(pixels, 8)[0], atol=0.02)


def test_the_built_in_models_colours_are_right_and_always_the_same() -> None:
    torch.set_num_threads(1)
    vae = AutoencoderKL.from_pretrained(BUILT_IN / "vae", dtype=torch.float32, local_files_only=True)
    colours = previews.fit(vae)
    assert torch.equal(previews.fit(vae).matrix, colours.matrix)
    blue = torch.tensor([-0.6, -0.2, 0.9])[None, :, None, None].expand(1, 3, 128, 128)
    with torch.inference_mode():
        latent = vae.encode(blue).latent_dist.mode() * vae.config.scaling_factor
    with Image.open(io.BytesIO(previews.jpeg(colours, latent))) as image:
        assert image.size == (256, 256)
        found = np.asarray(image)[64:192, 64:192].mean(axis=(0, 1)) / 127.5 - 1
    assert np.abs(found - np.array([-0.6, -0.2, 0.9])).max() < 0.35


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_a_call_points_at_the_clean_latent(kind: str) -> None:
    sampler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=kind)
    clean, drawn, now = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8), torch.tensor(600)
    noisy = sampler.add_noise(clean, drawn, now[None])
    said = {"epsilon": drawn, "v_prediction": sampler.get_velocity(clean, drawn, now[None]), "sample": clean}[kind]
    assert torch.allclose(previews.heading(sampler, noisy, said, now), clean, atol=1e-4)


def test_a_latent_that_is_no_number_still_gives_a_preview() -> None:
    colours = previews.Colours(torch.ones(4, 3), torch.zeros(3))
    with Image.open(io.BytesIO(previews.jpeg(colours, torch.full((1, 4, 4, 8), float("nan"))))) as image:
        assert image.size == (256, 128)
