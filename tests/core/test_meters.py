"""Meters in Prometheus' text form, and what a program's moves leave in them and in the log."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.chronicle import LagProbe
from core.errors import LimitReached
from core.meters import METERS, Meters
from tests.support.fake_engine import FakeEngine
from tests.support.program import ask, done, running

ROW = re.compile(r"limner_[a-z_]+(\{[a-z]+=\"(?:[^\"\\\n]|\\[\\\"n])*\"(,[a-z]+=\"[^\"]*\")*\})? (\+Inf|-?[0-9.e+-]+)")


def rows(text: str) -> dict[str, float]:
    """Return the values by name and labels; hold every line against the form."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# "):
            assert re.fullmatch(r"# (HELP limner_\w+ \S.*|TYPE limner_\w+ (counter|gauge|histogram))", line), line
            continue
        assert ROW.fullmatch(line), line
        name, _, value = line.rpartition(" ")
        assert name not in found, "twice"
        found[name] = float(value)
    assert text.endswith("\n")
    return found


async def until(so: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    while not so():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def test_counts_times_and_labels_are_told() -> None:
    meters = Meters()
    meters.count("limner_failures_total", cause='a "b\\\n')
    meters.count("limner_failures_total", 2, cause="b")
    for seconds in (0.004, 0.02, 7.0, 5000.0):
        meters.measure("limner_call_seconds", seconds)
    told = rows(meters.text({"limner_ready": {(): 1.0}, "limner_queue_jobs": {(("state", "queued"),): 3.0}}))
    assert told['limner_failures_total{cause="b"}'] == 2 and told['limner_failures_total{cause="a \\"b\\\\\\n"}'] == 1
    assert told['limner_queue_jobs{state="queued"}'] == 3 and told["limner_limits_hit_total"] == 0
    assert told['limner_call_seconds_bucket{le="0.005"}'] == 1
    assert told['limner_call_seconds_bucket{le="0.02"}'] == 2, "a bound belongs to its bucket"
    assert told['limner_call_seconds_bucket{le="1800"}'] == 3
    assert told['limner_call_seconds_bucket{le="+Inf"}'] == told["limner_call_seconds_count"] == 4
    assert told["limner_call_seconds_sum"] == pytest.approx(5007.024)


def test_every_meter_is_told_from_the_start() -> None:
    text = Meters().text({})
    rows(text)
    assert all(f"# TYPE {name} {meter.kind}\n" in text for name, meter in METERS.items())


async def test_the_loops_lag_is_measured_by_one_timer() -> None:
    meters = Meters()
    probe = LagProbe(meters, 0.001)
    probe.start()
    async with asyncio.timeout(20):
        await until(lambda: rows(meters.text({}))["limner_loop_lag_seconds_count"] >= 3)
    probe.stop()
    before = meters.text({})
    for _ in range(100):
        await asyncio.sleep(0)
    assert meters.text({}) == before


async def test_a_programs_work_is_counted_and_told_without_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    environ = {"LIMNER__LIMITS__PER_MINUTE": "2"}
    async with running(tmp_path, lambda *_: FakeEngine(), environ) as program:
        sheet = await done(program, "a secret heart --steps 3")
        await done(program, "a nan heart --steps 3")
        with pytest.raises(LimitReached):
            await ask(program, "a third heart")
        await until(lambda: any(getattr(record, "to", "") == "failed" for record in caplog.records))
        told = rows(await program.chronicle.metrics())
    assert told['limner_delivered_total{face="cli"}'] >= 1 and told["limner_limits_hit_total"] == 1
    assert told['limner_failures_total{cause="empty_picture"}'] == 1 and told['limner_moves_total{to="running"}'] == 2
    assert told["limner_wait_seconds_count"] == 2 and told["limner_paint_seconds_count"] == 1
    assert told["limner_call_seconds_count"] >= 4 and told['limner_call_rows_bucket{le="2"}'] >= 4
    assert told['limner_queue_jobs{state="queued"}'] == 0 and told["limner_ready"] == 1
    lines = [record for record in caplog.records if record.name == "limner.jobs"]
    mine = [record.to for record in lines if record.job == sheet["id"]]  # type: ignore[attr-defined]
    assert mine == ["queued", "running", "running", "rendered", "delivered"], "a picture stored is a line too"
    assert "heart" not in caplog.text
