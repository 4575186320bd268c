"""Write the transformer of a small model folder as a GGUF file, quantised by the format's own package."""

from __future__ import annotations

import shutil
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.support.tiny_model import lasting
from tests.support.tiny_sd3 import shared_tiny_sd3
from tests.support.tiny_whole import shared_tiny_whole

NET = Path("transformer") / "diffusion_pytorch_model.safetensors"


def make_gguf(folder: Path, file: Path, kind: str = "Q8_0") -> Path:
    """Write the folder's transformer as a file, its layers in a kind, all else in float32 and float16."""
    gguf = import_module("gguf")
    kinds = gguf.GGMLQuantizationType
    writer = gguf.GGUFWriter(file, "tiny")
    writer.add_description("made for a test")
    writer.add_array("words", ["a", "fox"])
    writer.add_array("numbers", [1, 2, 3])
    for name, rows in load_file(folder / NET).items():
        layer = rows.ndim == 2 and rows.shape[-1] % gguf.GGML_QUANT_SIZES[kinds[kind]][0] == 0
        chosen = kinds[kind] if layer else kinds.F16 if rows.ndim > 2 else kinds.F32
        writer.add_tensor(name, gguf.quants.quantize(rows.astype(np.float32), chosen), raw_dtype=chosen)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@cache
def shared_tiny_gguf(family: str) -> tuple[Path, Path]:
    """Return a folder without the weights of its transformer (`sd3`, or `flux` painted whole), and those in Q8_0."""
    whole = shared_tiny_sd3() if family == "sd3" else shared_tiny_whole(family)
    place = lasting(f"gguf-{family}")
    folder = Path(shutil.copytree(whole, place / "folder"))
    (folder / NET).unlink()
    return folder, make_gguf(whole, place / f"{family}-Q8_0.gguf")
