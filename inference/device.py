"""What this machine should paint with: dtype and threads, decided without importing torch."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CPU_INFO = Path("/proc/cpuinfo")
NVIDIA = Path("/proc/driver/nvidia/gpus")
PROFILES = ("high", "balanced", "low")
"""How much of a Model is on the device at once, most first; what it saves in memory it costs in time."""
SPARING = PROFILES[-1]
PACKAGES = ("torch", "diffusers", "transformers", "pillow")
"""Packages whose versions may change bits; a Fingerprint has each by this name."""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Hold what is written down at first start: device, dtype and threads of a step; and what the owner set beside."""

    device: str
    dtype: str
    threads: int
    memory_format: str = "contiguous"
    attention: str = "sdpa"
    profile: str = PROFILES[0]


def has_cuda() -> bool:
    """Say whether an NVIDIA device can be seen from here."""
    return Path("/dev/nvidia0").exists() or Path("/dev/dxg").exists()


def choose(device: str, dtype: str, threads: int, cpu_count: int, cpu_info: str | None = None) -> DeviceChoice:
    """Fill `auto` and 0: bf16 where the CPU has avx512_bf16 or amx (elsewhere it is emulated, slowly), else fp32."""
    info = _read_cpu_info() if cpu_info is None else cpu_info
    device = ("cuda" if has_cuda() else "cpu") if device == "auto" else device
    if dtype == "auto":
        fast_bf16 = device == "cuda" or "avx512_bf16" in info or "amx_bf16" in info
        dtype = "bfloat16" if fast_bf16 else "float32"
    return DeviceChoice(device, dtype, threads or physical_cores(info, cpu_count))


def known_facts(choice: DeviceChoice) -> dict[str, Any]:
    """Return those facts of a Fingerprint that are known without torch, under its names."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    isa = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    return {
        **versions,
        "device": device_name(choice.device),
        "dtype": choice.dtype,
        "threads": choice.threads,
        "memory_format": choice.memory_format,
        "attention": choice.attention,
        "profile": choice.profile,
        "onednn_max_cpu_isa": isa,
    }


def device_name(device: str) -> str:
    """Return what the system calls the device, as torch does."""
    if device == "cuda":
        texts = [path.read_text(encoding="utf-8") for path in sorted(NVIDIA.glob("*/information"))]
        return _named("Model", texts[0] if texts else "") or device
    return _named("model name", _read_cpu_info()) or platform.processor() or platform.machine()


def _named(key: str, info: str) -> str:
    """Return the value of the first line `key: value`."""
    for line in info.splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return ""


def physical_cores(cpu_info: str, cpu_count: int) -> int:
    """Count cores, not hyper-threads; where the system does not tell, every processor counts."""
    cores = set()
    physical = ""
    for line in cpu_info.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "physical id":
            physical = value.strip()
        elif key.strip() == "core id":
            cores.add((physical, value.strip()))
    return max(1, min(len(cores) or cpu_count, cpu_count))


def _read_cpu_info() -> str:
    return CPU_INFO.read_text(encoding="utf-8", errors="replace") if CPU_INFO.exists() else ""
