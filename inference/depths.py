"""Depth: what a UNet of one channel more reads of a Sketch, how near each place is, as the stock pipeline does it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from core.errors import BadSketch
from inference.finish.png import Pixels


def prepare_of(folder: Path) -> Any:
    """Return what prepares pixels for a folder's estimator; older folders call it by another name."""
    from transformers import DPTImageProcessor

    return DPTImageProcessor.from_pretrained(folder / "feature_extractor", local_files_only=True)


def beside(
    estimator: Any, prepare: Any, sketch: Image.Image, scale: int, dtype: torch.dtype
) -> tuple[torch.Tensor, Pixels]:
    """Return what the UNet reads beside the Latent, [1, 1, H/8, W/8] in -1..1, and the map to be seen, near is light.

    prepare: makes of pixels what the estimator reads. sketch: at the Picture's size. scale: pixels a side of a Latent's
    square.
    """
    device = estimator.device
    pixels = prepare(images=[sketch], return_tensors="pt").pixel_values.to(device, dtype)
    # As the stock pipeline: for float32 torch switches that off by itself, with a warning.
    wide = nullcontext() if dtype is torch.float32 else torch.autocast(device.type, dtype=dtype)
    with wide:
        found = estimator(pixels).predicted_depth
    size = (sketch.height // scale, sketch.width // scale)
    return stretched(found, size).to(dtype), _seen(found, sketch.width, sketch.height)


def stretched(found: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return a map [1, h, w] at a size, over the whole of -1..1."""
    rows = torch.nn.functional.interpolate(found.unsqueeze(1), size=size, mode="bicubic", align_corners=False)
    least, most = torch.amin(rows, dim=[1, 2, 3], keepdim=True), torch.amax(rows, dim=[1, 2, 3], keepdim=True)
    if not bool(most > least):
        raise BadSketch("No depth can be told in this sketch: it is all alike.", "Send another one.")
    return 2.0 * (rows - least) / (most - least) - 1.0


def _seen(found: torch.Tensor, width: int, height: int) -> Pixels:
    grey = (stretched(found.float(), (height, width))[0, 0] * 127.5 + 127.5).round().clamp(0, 255)
    rows = grey.cpu().numpy().astype(np.uint8)
    return Pixels(width, height, np.repeat(rows[..., None], 3, axis=2).tobytes())
