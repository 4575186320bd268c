"""Stable Diffusion 2.x: told from 1.x by its text encoder, OpenCLIP's, whatever its UNet predicts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.families import sd1
from inference.families.facts import Facts
from inference.families.folder import read_json

FAMILY, DISTILLED = "sd2", "sd2-lcm"
PIPELINES = sd1.PIPELINES
MASKS = True
OPENCLIP = "gelu"
"""How OpenCLIP's text encoder activates; OpenAI's, of Stable Diffusion 1, says quick_gelu or nothing."""


def claims(folder: Path) -> bool:
    """Say whether a folder of a pipeline class both versions have is of this one."""
    settings = folder / "text_encoder" / "config.json"
    return settings.is_file() and read_json(settings).get("hidden_act") == OPENCLIP


def read(folder: Path, index: Mapping[str, Any]) -> Facts:
    """Return what a folder says; raise ModelUnavailable where it is not whole or not of our kind."""
    return sd1.read(folder, index)
