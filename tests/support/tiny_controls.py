"""Make small ControlNets of random numbers for a tiny model's UNet, and a drawing for them to follow."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.tiny_model import seeded


def make_control(model: Path, folder: Path, seed: int = 0) -> Path:
    """Write a ControlNet for the model in a folder; what diffusers begins with zeros is random, too."""
    torch, diffusers = import_module("torch"), import_module("diffusers")
    with seeded(seed):
        unet = diffusers.UNet2DConditionModel.from_pretrained(model / "unet", local_files_only=True)
        net = diffusers.ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8, 16))
        ends = [*net.controlnet_down_blocks, net.controlnet_mid_block, net.controlnet_cond_embedding.conv_out]
        for end in ends:
            torch.nn.init.normal_(end.weight, std=0.2)
        net.save_pretrained(folder, safe_serialization=True)
    return folder


def drawing_png(width: int = 80, height: int = 56) -> bytes:
    """Return dark strokes on white: a frame and a slanted line."""
    down, across = np.mgrid[0:height, 0:width]
    frame = (abs(down - height // 2) < height // 3) & (abs(across - width // 2) < width // 3)
    inside = (abs(down - height // 2) < height // 3 - 4) & (abs(across - width // 2) < width // 3 - 4)
    line = abs(down * width - across * height) < 2 * width
    grey = np.where((frame & ~inside) | line, 30, 240).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG")
    return out.getvalue()
