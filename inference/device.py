"""What this machine should paint with: dtype and threads, decided without importing torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Hold what is written down at first start: device, dtype and threads of a step."""

    device: str
    dtype: str
    threads: int


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
