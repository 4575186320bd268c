"""Noise: drawn as diffusers draws it, blended along the sphere, and put on a Sketch in diffusers' order."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image

from core.errors import BadSketch
from core.recipe import Variation
from inference import noise

SHAPE = (1, 4, 8, 8)


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [SHAPE, (1, 4, 65, 65)])
def test_noise_is_what_diffusers_draws(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    theirs = randn_tensor(shape, generator=generator(), device=torch.device("cpu"), dtype=dtype)
    assert torch.equal(noise.first(generator(), shape, dtype, None), theirs)


def test_an_odd_count_in_bfloat16_is_no_rounded_float32() -> None:
    """Why noise is drawn in the dtype itself: where this no longer holds, the docstring of draw is wrong."""
    odd = (1, 4, 65, 65)
    assert not torch.equal(
        noise.draw(generator(), odd, torch.bfloat16), noise.draw(generator(), odd, torch.float32).bfloat16()
    )


def test_a_variation_goes_from_one_noise_to_the_other_and_keeps_its_length() -> None:
    plain, second = noise.draw(generator(5), SHAPE, torch.float32), noise.draw(generator(9), SHAPE, torch.float32)
    assert torch.allclose(noise.first(generator(5), SHAPE, torch.float32, Variation(9, 0.0)), plain, atol=1e-6)
    assert torch.allclose(noise.first(generator(5), SHAPE, torch.float32, Variation(9, 1.0)), second, atol=1e-6)
    half = noise.first(generator(5), SHAPE, torch.float32, Variation(9, 0.5))
    assert abs(float(half.norm() / ((plain.norm() + second.norm()) / 2)) - 1) < 0.1
    assert abs(float(torch.dot(half.flatten(), plain.flatten()) - torch.dot(half.flatten(), second.flatten()))) < 40
    assert float(((plain + second) / 2).norm()) < 0.8 * float(half.norm())


def test_a_variation_on_its_own_seed_is_the_same_noise() -> None:
    plain = noise.draw(generator(5), SHAPE, torch.float32)
    assert torch.equal(noise.first(generator(5), SHAPE, torch.float32, Variation(5, 0.4)), plain)


class FakeVae:
    """Give a posterior of known mean and spread, as AutoencoderKL does."""

    config = SimpleNamespace(scaling_factor=2.0, shift_factor=None)
    dtype = torch.float32

    def encode(self, pixels: torch.Tensor) -> Any:
        parameters = torch.cat([torch.zeros(SHAPE), torch.zeros(SHAPE)], dim=1)
        return SimpleNamespace(latent_dist=DiagonalGaussianDistribution(parameters))


def test_a_sketchs_posterior_is_drawn_before_its_noise() -> None:
    drawn = generator()
    sample, after = torch.randn(SHAPE, generator=drawn), torch.randn(SHAPE, generator=drawn)
    latent, found = noise.from_sketch(generator(), FakeVae(), torch.zeros(1, 3, 64, 64), None)
    assert torch.equal(latent, sample * 2.0)
    assert torch.equal(found, after)


def test_a_varied_sketch_ends_at_the_other_seeds_noise() -> None:
    pixels = torch.zeros(1, 3, 64, 64)
    latent, found = noise.from_sketch(generator(5), FakeVae(), pixels, Variation(9, 1.0))
    assert torch.allclose(found, noise.from_sketch(generator(9), FakeVae(), pixels, None)[1], atol=1e-6)
    assert torch.equal(latent, noise.from_sketch(generator(5), FakeVae(), pixels, None)[0])


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (width // 4, 0, width - width // 4, height))
    out = io.BytesIO()
    image.convert(mode).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_a_sketch_is_cut_at_the_centre_to_cover(mode: str) -> None:
    found = noise.sketch_pixels(png(200, 100, mode), 64, 64, torch.float32)
    assert found.shape == (1, 3, 64, 64)
    assert found.is_contiguous()
    assert torch.equal(found[0, 2, :, 4:60], torch.ones(64, 56))
    assert torch.equal(found[0, 0, :, 4:60], -torch.ones(64, 56))


def test_a_sketch_of_the_right_size_keeps_its_values() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(rows).save(out, "PNG")
    found = noise.sketch_pixels(out.getvalue(), 24, 16, torch.float32)
    assert np.array_equal(((found[0].permute(1, 2, 0) + 1) / 2 * 255).round().numpy(), rows)


@pytest.mark.parametrize("raw", [b"", b"no picture", png(64, 64)[:80]])
def test_a_sketch_that_cannot_be_opened_says_so(raw: bytes) -> None:
    with pytest.raises(BadSketch, match="cannot be opened"):
        noise.sketch_pixels(raw, 64, 64, torch.float32)
