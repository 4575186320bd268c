"""Shapes: what of a Model's configs decides how much memory a Picture takes in the making; imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.device import PROFILES
from inference.families.folder import read_json

WIDTHS = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Bytes of a number, by dtype."""
DECODED, UNET_HELD, NET_HELD = 5.0, 60.0, 16.0
"""Numbers held at once where a call needs most, measured: a decoder's, for each pixel and channel of its second block;
a UNet's, for each row, place of the Latent and channel of its first block; a transformer's, for each row, token and
channel."""
WORDS = 512
"""Tokens of the Prompt that a transformer carries beside the Picture's, at most for a usual one."""
NATIVE, NET_NATIVE = 512, 1024
"""Pixels a side where a folder does not say."""
NET_WIDTH = 3072
LATENT = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """Hold the sizes of a Model: `native` and a VAE's `tile` in pixels, `decoded` channels of the decoder.

    side: pixels a side of one place (a UNet's) or token (a transformer's) of what is stepped; width: its channels;
    beside: tokens that every row has beside; held: numbers for each of those and channel.
    """

    native: int
    tile: int
    decoded: int
    side: int
    width: int
    held: float
    beside: int = 0


def shape(folder: Path) -> Shape:
    """Return a folder's Shape; of what its configs do not say, Stable Diffusion's, or a usual transformer's."""
    vae, unet, net = (_config(folder / part / "config.json") for part in ("vae", "unet", "transformer"))
    blocks = vae.get("block_out_channels") or [128, 256, 512, 512]
    scale = 2 ** (len(blocks) - 1)
    tile, decoded = int(vae.get("sample_size") or NATIVE) ** 2, int(blocks[min(1, len(blocks) - 1)])
    if net:
        native = int(net.get("sample_size") or NET_NATIVE // scale) * scale
        return Shape(native * native, tile, decoded, scale * _patch(net, vae), _width(net), NET_HELD, WORDS)
    native = int(unet.get("sample_size") or NATIVE // scale) * scale
    first = (unet.get("block_out_channels") or [320])[0]
    return Shape(native * native, tile, decoded, scale, int(first), UNET_HELD)


def painting(shape: Shape, dtype: str, pixels: int, rows: int, profile: str) -> int:
    """Estimate the bytes one Picture needs in the making, beside the weights: its dearest call or its decoding."""
    at_once = pixels if profile == PROFILES[0] else min(pixels, shape.tile)
    return max(stepping(shape, dtype, pixels, rows), round(DECODED * shape.decoded * at_once * WIDTHS[dtype]))


def stepping(shape: Shape, dtype: str, pixels: int, rows: int) -> int:
    """Estimate the bytes of one model call."""
    return round(shape.held * rows * shape.width * (pixels / shape.side**2 + shape.beside) * WIDTHS[dtype])


def _patch(net: Mapping[str, Any], vae: Mapping[str, Any]) -> int:
    """Return how many of a Latent's squares a side make one token: packed by the pipeline, or cut by the transformer.

    Of packed ones the transformer reads so many times the Latent's channels; what it says of patches is not meant then.
    """
    latent = int(vae.get("latent_channels") or vae.get("z_dim") or LATENT)
    packed = math.isqrt(int(net.get("in_channels") or latent) // latent)
    if packed > 1:
        return packed
    patch = net.get("patch_size") or (net.get("all_patch_size") or [1])[0]
    return int(patch)


def _width(net: Mapping[str, Any]) -> int:
    heads, each = net.get("num_attention_heads"), net.get("attention_head_dim")
    if heads and each:
        return int(heads) * int(each)
    return int(net.get("hidden_size") or net.get("dim") or NET_WIDTH)


def _config(path: Path) -> Mapping[str, Any]:
    return read_json(path) if path.is_file() else {}
