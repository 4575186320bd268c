"""What made a Picture beside its Recipe: versions, device, switches; and whether the rows of a call matter here."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import diffusers
import PIL
import torch
import transformers

from core.picture import Fingerprint
from inference import quantised
from inference.run import Key, Run

TILED = "tiled"
"""Stands in a Fingerprint where memory ended at the decoding, which was then done in tiles."""
MODES = ("fast", "exact")
VECTORS = 512
"""How many rows the self-test sends through each layer that reads one vector a row."""
VECTOR_LAYERS = {"time_emb_proj", "linear_1", "linear_2", "cond_proj", "linear"}
"""What diffusers calls those layers: the time's, the sizes' and pooled words' of SDXL, and a transformer's norms'."""


def device_facts(device: torch.device) -> dict[str, Any]:
    """Return the facts that stay the same while this process lives."""
    facts: dict[str, Any] = {
        "torch": str(torch.__version__),
        "diffusers": str(diffusers.__version__),
        "transformers": str(transformers.__version__),
        "pillow": PIL.__version__,
        "device": _device_name(device),
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "onednn_max_cpu_isa": os.environ.get("ONEDNN_MAX_CPU_ISA", ""),
        "generator": "cpu",
    }
    if device.type == "cuda":
        facts["cuda"] = str(torch.version.cuda)
        facts["cudnn"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
        facts["cudnn_deterministic"] = torch.backends.cudnn.deterministic
        facts["tf32"] = torch.backends.cuda.matmul.allow_tf32
    return facts


def of_run(device: Mapping[str, Any], run: Run, key: Key, mode: str, self_test: str) -> Fingerprint:
    """Return a finished Run's Fingerprint; the self-test knows no other switches and no ControlNet."""
    facts = {
        **device,
        "dtype": key.dtype,
        "threads": key.threads,
        "memory_format": key.memory_format,
        "attention": key.attention,
        "profile": key.profile,
        "mode": _mode(run, mode),
        "self_test": "untested" if key.exclusive or key.control else self_test,
    }
    if key.loras:
        facts["peft"] = version("peft")
    facts |= quantised.facts(key.quantised)
    if run.tiled:
        facts[TILED] = True
    return Fingerprint(tuple((size, calls) for size, calls in run.trace), facts)


def self_test(forward: Callable[..., torch.Tensor], weights: Any, sizes: Sequence[int]) -> str:
    """Say `equal` where row 0 of a model call has the same bits at every batch size, else `differs`.

    forward(latents, timesteps, text, added) makes one call; row 0 is always the same, its companions are others.
    """
    unet = weights.unet
    generator = torch.Generator().manual_seed(0)
    side = int(unet.config.sample_size)
    latents = torch.randn(max(sizes), int(unet.config.in_channels), side, side, generator=generator)
    text = torch.randn(max(sizes), *weights.text_shape, generator=generator)
    times = torch.linspace(900, 20, max(sizes)).to(unet.device)
    latents, text = latents.to(unet.device, unet.dtype), text.to(unet.device, unet.dtype)
    added = {
        name: torch.randn(max(sizes), width, generator=generator).to(unet.device, unet.dtype)
        for name, width in weights.added.items()
    }
    rows = [
        forward(latents[:size], times[:size], text[:size], {name: row[:size] for name, row in added.items()})[0].cpu()
        for size in sizes
    ]
    same = all(torch.equal(rows[0], row) for row in rows[1:]) and _linears_are_equal(unet, sizes, generator)
    return "equal" if same else "differs"


def _linears_are_equal(unet: Any, sizes: Sequence[int], generator: torch.Generator) -> bool:
    """Say whether the layers that read one vector a row give the same bits at the least and the largest batch size.

    A single row goes through another kernel, which in bfloat16 rounds one value otherwise, in some layers once in
    hundreds of rows: one call of the whole UNet may miss it.
    """
    for name, layer in unet.named_modules():
        if isinstance(layer, torch.nn.Linear) and name.split(".")[-1] in VECTOR_LAYERS:
            drawn = torch.randn(VECTORS, layer.in_features, generator=generator)
            # Not the weight's dtype, which in a quantised layer is that of packed bits.
            given = torch.nn.functional.silu(drawn).to(unet.device, unet.dtype)
            least, most = (
                torch.cat([layer(given[start : start + size]) for start in range(0, VECTORS, size)])
                for size in (min(sizes), max(sizes))
            )
            if not torch.equal(least, most):
                return False
    return True


def _mode(run: Run, own: str) -> str:
    """Return the mode whose batch sizes the Run followed: in a Reproduce the logged one, as its trace is."""
    logged = None if run.replay is None else run.replay.fingerprint.facts.get("mode")
    return str(logged) if logged in MODES else own


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
