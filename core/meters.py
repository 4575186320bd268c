"""Meters: counts and measured times since the start, told in Prometheus' text form."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Labels = tuple[tuple[str, str], ...]
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


@dataclass(frozen=True, slots=True)
class Meter:
    """Say what one name means; buckets are upper bounds, for a histogram alone."""

    kind: Literal["counter", "gauge", "histogram"]
    means: str
    buckets: tuple[float, ...] = ()


METERS: Mapping[str, Meter] = MappingProxyType(
    {
        "limner_queue_jobs": Meter("gauge", "Jobs that wait (queued) or are painted (running), by state."),
        "limner_ready": Meter("gauge", "1 while the device paints, else 0."),
        "limner_moves_total": Meter("counter", "Moves of jobs, by the state they came to."),
        "limner_delivered_total": Meter("counter", "Jobs brought to who asked, by face."),
        "limner_failures_total": Meter("counter", "Jobs that failed, by cause."),
        "limner_limits_hit_total": Meter("counter", "Times somebody was told that a limit is reached."),
        "limner_wait_seconds": Meter("histogram", "From accepted to painted.", SECONDS),
        "limner_paint_seconds": Meter("histogram", "From claimed to rendered.", SECONDS),
        "limner_call_seconds": Meter("histogram", "Time of a model call.", SECONDS),
        "limner_call_rows": Meter("histogram", "Rows of a model call that belong to a picture.", ROWS),
        "limner_loop_lag_seconds": Meter("histogram", "How late the event loop's timer rings.", SECONDS),
        "limner_files_deleted_total": Meter("counter", "Files deleted by retention, by kind and cause."),
    }
)


class Meters:
    """Count and measure from any thread; names are those of METERS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[Labels, float]] = {}
        self._measured: dict[str, tuple[list[int], float]] = {}

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        with self._lock:
            row = self._counts.setdefault(name, {})
            key = tuple(sorted(labels.items()))
            row[key] = row.get(key, 0) + by

    def measure(self, name: str, value: float) -> None:
        """Put one value into a histogram."""
        bounds = METERS[name].buckets
        with self._lock:
            counts, total = self._measured.get(name, ([0] * (len(bounds) + 1), 0.0))
            place = next((index for index, bound in enumerate(bounds) if value <= bound), len(bounds))
            counts[place] += 1
            self._measured[name] = (counts, total + value)

    def text(self, gauges: Mapping[str, Mapping[Labels, float]]) -> str:
        """Return everything in Prometheus' text form; gauges are read when they are asked for."""
        with self._lock:
            rows = {**self._counts, **gauges}
            lines = []
            for name, meter in METERS.items():
                lines += [f"# HELP {name} {meter.means}", f"# TYPE {name} {meter.kind}"]
                if meter.kind == "histogram":
                    lines += _histogram(name, meter.buckets, *self._measured.get(name, ((), 0.0)))
                else:
                    empty = {} if meter.kind == "gauge" else {(): 0.0}
                    found = rows.get(name) or empty
                    lines += [f"{name}{_labels(labels)} {value:g}" for labels, value in sorted(found.items())]
        return "\n".join(lines) + "\n"


def _histogram(name: str, bounds: tuple[float, ...], counts: list[int] | tuple[()], total: float) -> list[str]:
    sums, so_far = [], 0
    for index, bound in enumerate((*bounds, float("inf"))):
        so_far += counts[index] if counts else 0
        edge = "+Inf" if bound == float("inf") else f"{bound:g}"
        sums.append(f'{name}_bucket{{le="{edge}"}} {so_far}')
    return [*sums, f"{name}_sum {total:.6f}", f"{name}_count {so_far}"]


def _labels(labels: Labels) -> str:
    quoted = (value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for _, value in labels)
    pairs = [f'{name}="{value}"' for (name, _), value in zip(labels, quoted, strict=True)]
    return f"{{{','.join(pairs)}}}" if pairs else ""
