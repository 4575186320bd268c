"""Where the parts of a Model wait between uses, and that what is moved piece by piece steps as what stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import pytest
import torch

from inference.adapters.table import load
from inference.device import PROFILES
from inference.profiles import home, present, say, tiled
from inference.weights import Plan
from tests.support.tiny_model import shared_tiny_model

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Part(torch.nn.Module):
    """Stand for a part of a Model that can go to a device this machine lacks."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def to(self, device: torch.device) -> Self:  # type: ignore[override]
        self.device = device
        return self


@dataclass(frozen=True, slots=True)
class Parts:
    unet: Part
    vae: Part
    text_encoder: Part
    text_encoder_2: Part | None = None
    latent_scale: int = 8


def test_only_what_is_stepped_stays_on_the_device_in_balanced_and_nothing_in_low() -> None:
    parts = ("unet", "vae", "text_encoder")
    found = {profile: [home(profile, part, CUDA).type for part in parts] for profile in PROFILES}
    assert found == {"high": ["cuda"] * 3, "balanced": ["cuda", "cpu", "cpu"], "low": ["cpu"] * 3}


@pytest.mark.parametrize("profile", PROFILES)
def test_what_waits_elsewhere_is_on_the_device_while_a_run_begins_or_ends(profile: str) -> None:
    kinds = ("unet", "vae", "text_encoder")
    parts = Parts(*(Part(home(profile, part, CUDA)) for part in kinds))
    before = [getattr(parts, part).device for part in kinds]
    with pytest.raises(ValueError, match="planted"), present(parts, CUDA):
        assert parts.vae.device == parts.text_encoder.device == CUDA
        assert parts.unet.device == before[0], "what is stepped goes its own way"
        raise ValueError("planted")
    assert [getattr(parts, part).device for part in kinds] == before


def test_a_unet_moved_block_by_block_steps_as_one_that_stays() -> None:
    """Here both places are main memory: the hooks that move are the same."""

    def unet() -> Any:
        return load(shared_tiny_model(), Plan("m", "sd1", "float32"), CPU).unet

    still, moved = unet(), unet()
    moved.enable_group_offload(CPU, CPU, offload_type="block_level", num_blocks_per_group=1)
    generator = torch.Generator().manual_seed(0)
    latents, text = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 77, 32, generator=generator)
    times = torch.tensor([900.0, 20.0])
    with torch.inference_mode():
        rows = [each(latents, times, encoder_hidden_states=text, return_dict=False)[0] for each in (still, moved)]
    assert torch.equal(*rows)
    assert moved.device == CPU


def test_tiles_for_once_leave_the_vae_as_it_was() -> None:
    vae = load(shared_tiny_model(), Plan("m", "sd1", "float32"), CPU).vae
    for before in (False, True):
        vae.use_tiling = before
        with tiled(vae, True):
            assert vae.use_tiling
        with tiled(vae, False):
            assert vae.use_tiling == before
        assert vae.use_tiling == before


def test_a_cpu_says_that_nothing_is_moved(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    say("high", CPU)
    say("low", CUDA)
    assert not caplog.records
    say("low", CPU)
    assert "the CPU has no other memory" in caplog.text
