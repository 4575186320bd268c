"""Profiles: what `high`, `balanced` and `low` switch on a loaded Model, and where its parts wait between uses."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import torch

from inference.device import PROFILES, SPARING
from inference.quantised import NETS

LOG = logging.getLogger(__name__)
CPU = torch.device("cpu")
STEPPED = (*NETS, "control")
"""What every call needs; the other parts are needed where a Run begins and ends."""


def home(profile: str, part: str, device: torch.device) -> torch.device:
    """Return where a part waits: `high` keeps all on the device, `balanced` what is stepped, `low` nothing."""
    resident = profile == PROFILES[0] or (profile != SPARING and part in STEPPED)
    return device if resident else CPU


def settle(weights: Any, profile: str, device: torch.device) -> None:
    """Set a loaded Model's switches: tiles change bits; parts are moved where the device is not the CPU.

    Attention is not sliced: measured, that takes more memory than torch's own, and in float16 its scores overflow.
    """
    if profile == PROFILES[0]:
        return
    weights.vae.enable_slicing()
    weights.vae.enable_tiling()
    for stepped in _stepped(weights):
        stream(stepped, profile, device)


def stream(stepped: Any, profile: str, device: torch.device) -> None:
    """Under the profile that spares most, bring what is stepped to the device block by block."""
    if profile == SPARING and device != CPU:
        stepped.enable_group_offload(device, CPU, offload_type="block_level", num_blocks_per_group=1)


@contextmanager
def present(weights: Any, device: torch.device) -> Iterator[None]:
    """Have the parts that wait elsewhere on the device for a while."""
    waiting = [part for part in _lodgers(weights) if part.device != device]
    for part in waiting:
        part.to(device)
    try:
        yield
    finally:
        for part in waiting:
            part.to(CPU)
        if waiting:
            torch.cuda.empty_cache()


@contextmanager
def tiled(vae: Any, needed: bool) -> Iterator[None]:
    """Let the VAE work in tiles where needed and known, and as it did before afterwards."""
    before = getattr(vae, "use_tiling", None)
    if needed and before is not None:
        vae.enable_tiling()
    try:
        yield
    finally:
        if before is not None:
            vae.use_tiling = before


def say(profile: str, device: torch.device) -> None:
    """Say at the start what a profile does not do here."""
    if profile != PROFILES[0] and device == CPU:
        LOG.info("profile %s: the CPU has no other memory to move a model's parts to; tiles apply", profile)


def _stepped(weights: Any) -> list[Any]:
    return [part for name in STEPPED if (part := getattr(weights, name, None)) is not None]


def _lodgers(weights: Any) -> list[Any]:
    """Return the parts needed only where a Run begins or ends: text encoders and the VAE, whatever the family has."""
    parts = {field.name: getattr(weights, field.name) for field in fields(weights) if field.name not in STEPPED}
    return [part for part in parts.values() if isinstance(part, torch.nn.Module)]
