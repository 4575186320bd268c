"""Enlarge by the weights of Real-ESRGAN: ncnn on one thread, tile by tile, the same bits every time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import BadInput, Damaged
from core.methods import EXTRA
from core.recipe import Method
from inference.finish import installed
from inference.finish.png import Pixels

Rows = NDArray[np.uint8]

TILE = 96
"""Pixels of a tile's side before it is enlarged: its memory is bounded, and between two of them it can be left."""

OVERLAP = 10
"""Pixels around a tile that are enlarged along with it and cut off, as Real-ESRGAN has them."""

THREADS = 1
"""The other cores go on painting."""

WEIGHTS: Mapping[Method, Mapping[int, tuple[str, str]]] = {
    "x4plus": {4: ("realesrgan-x4plus", "e0adbaf6c011eabe0e70b7da569482465bae42eba7a86ef58e23d0917f5c5edc")},
    "x4plus-anime": {
        4: ("realesrgan-x4plus-anime", "3946c072129fa71e38c2d2f2a63bb4db67d3981622d693de24e59de5e5cf2445")
    },
    "animevideov3": {
        2: ("realesr-animevideov3-x2", "ea8b9ba4d93a0cc2bba7bacc9c4e3a20c618a76917a5560cbc1360c16e212280"),
        3: ("realesr-animevideov3-x3", "5a58498bc14d67d8f9d482d6b324aa33b6db011998820203e359d0b418f10540"),
        4: ("realesr-animevideov3-x4", "6bf6fabd8d2c5d854f5f1ff69bbc8c8e69ffd55cb3d5a72018ebc328284b22c6"),
    },
}
"""Of each method by how often it enlarges: the files' name and the sha256 of both, `.param` before `.bin`."""


def enlarge(parent: Pixels, factor: int, method: Method, pause: Callable[[int, int], None]) -> Pixels:
    """Return the Picture enlarged; `pause(done, of)` is called before each tile and after the last.

    What its weights enlarge further than asked for is brought down by Lanczos.
    """
    native = _native(factor, method)
    call = _reader(*WEIGHTS[method][native])
    rows = np.frombuffer(parent.rgb, np.uint8).reshape(parent.height, parent.width, 3)
    around = np.pad(rows, ((OVERLAP, OVERLAP), (OVERLAP, OVERLAP), (0, 0)), mode="edge")
    large = np.empty((parent.height * factor, parent.width * factor, 3), np.uint8)
    tiles = list(_tiles(parent.width, parent.height))
    for done, (left, top, right, bottom) in enumerate(tiles):
        pause(done, len(tiles))
        whole = _resized(call(around[top : bottom + 2 * OVERLAP, left : right + 2 * OVERLAP]), factor, native)
        edge, high, wide = OVERLAP * factor, (bottom - top) * factor, (right - left) * factor
        part = whole[edge : edge + high, edge : edge + wide]
        large[top * factor : bottom * factor, left * factor : right * factor] = part
    pause(len(tiles), len(tiles))
    return Pixels(parent.width * factor, parent.height * factor, large.tobytes())


def facts(factor: int, method: Method) -> dict[str, Any]:
    """Return what a Fingerprint holds of an enlarging beside the device."""
    _, digest = WEIGHTS[method][_native(factor, method)]
    return {"ncnn": version("ncnn"), "ncnn_threads": THREADS, "weights": digest}


def _native(factor: int, method: Method) -> int:
    """Return how often the weights enlarge that are taken for a factor."""
    return factor if factor in WEIGHTS[method] else 4


def _tiles(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            yield left, top, min(left + TILE, width), min(top + TILE, height)


def _resized(rows: Rows, factor: int, native: int) -> Rows:
    if factor == native:
        return rows
    image = Image.fromarray(rows)
    size = (image.width * factor // native, image.height * factor // native)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


def _reader(name: str, digest: str) -> Callable[[Rows], Rows]:
    """Return what enlarges one tile; raise Damaged where the files are not those the method means."""
    folder = installed.models()
    if folder is None:
        raise BadInput("What enlarges this picture is not installed here.", f"The owner adds it: ./limner add {EXTRA}.")
    import ncnn

    shape, weights = folder / f"{name}.param", folder / f"{name}.bin"
    if hashlib.sha256(shape.read_bytes() + weights.read_bytes()).hexdigest() != digest:
        raise Damaged(f"The weights {name} are not the right ones.", f"Install them again: ./limner add {EXTRA}.")
    net = ncnn.Net()
    _keep_exact(net.opt)
    if net.load_param(str(shape)) or net.load_model(str(weights)):
        raise Damaged(f"The weights {name} cannot be read.", f"Install them again: ./limner add {EXTRA}.")

    def call(rows: Rows) -> Rows:
        given = np.ascontiguousarray(rows.transpose(2, 0, 1), np.float32) / np.float32(255)
        extractor = net.create_extractor()
        extractor.input("data", ncnn.Mat(given))
        failed, out = extractor.extract("output")
        if failed:
            raise MemoryError(f"ncnn gave {failed} for a tile of {rows.shape[1]}x{rows.shape[0]}")
        large: Rows = np.rint(np.clip(np.array(out), 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
        return large

    return call


def _keep_exact(options: Any) -> None:
    """Compute in float32 on the processor, always on as many threads."""
    options.use_vulkan_compute = False
    options.num_threads = THREADS
    for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
        setattr(options, f"use_{name}", False)
