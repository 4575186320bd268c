"""Quantising: what diffusers and transformers are given to load a part of a Model in fewer bits."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

BITS_AND_BYTES: Mapping[str, Mapping[str, Any]] = {
    "bnb-nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "bnb-fp4": {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"},
    "bnb-int8": {"load_in_8bit": True},
}
TORCHAO: Mapping[str, str] = {"torchao-int8wo": "Int8WeightOnlyConfig", "torchao-float8wo": "Float8WeightOnlyConfig"}
"""The classes of torchao, by our names."""


def arguments(kind: str, library: str, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """Return what a library's `from_pretrained` is given beside the usual: its own config object, and the place.

    On a GPU a part is quantised as it gets there, so that the whole of it never lies there.
    """
    placed = {"device_map": {"": str(device)}} if device.type == "cuda" else {}
    return {"quantization_config": config(kind, library, dtype), **placed}


def config(kind: str, library: str, dtype: torch.dtype) -> Any:
    """Return the config object of a kind; library: `diffusers` or `transformers`, each has classes of its own."""
    own = import_module(library)
    if kind in TORCHAO:
        return own.TorchAoConfig(getattr(import_module("torchao.quantization"), TORCHAO[kind])())
    four = {"bnb_4bit_compute_dtype": dtype} if "load_in_4bit" in BITS_AND_BYTES[kind] else {}
    return own.BitsAndBytesConfig(**BITS_AND_BYTES[kind], **four)


def from_gguf(model: Any, file: Path, folder: Path, part: str, dtype: torch.dtype) -> Any:
    """Load a transformer from a GGUF file; its layers stay as they lie, and are computed in a dtype.

    folder: of the Model whose config it is built from. Raises ValueError where it is of another, or lacks tensors.
    """
    few = import_module("diffusers").GGUFQuantizationConfig(compute_dtype=dtype)
    how = {"subfolder": part, "quantization_config": few, "dtype": dtype, "local_files_only": True}
    try:
        found = model.from_single_file(str(file), config=str(folder), **how)
    except LookupError as error:
        raise ValueError(f"{file.name} is of another kind of model") from error
    missing = [name for name, weight in found.named_parameters() if weight.is_meta]
    if missing:
        raise ValueError(f"{file.name} lacks {missing[0]}")
    return found
