"""The runner of the tests: nothing is left out, counts add up, a skip or a crash is seen."""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

HOME = Path(__file__).resolve().parents[2]
REPORT = """<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><failure message="no"/></testcase>
<testcase classname="a" name="three"><error message="no"/></testcase>
<testcase classname="a" name="four"><skipped message="no GPU"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("limner_groups", HOME / "scripts" / "groups.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_test_file_is_in_exactly_one_group(runner: ModuleType) -> None:
    found: list[Path] = []
    for _, paths, _ in runner.groups(HOME / "tests"):
        for path in map(Path, paths):
            found += [path] if path.is_file() else sorted(path.rglob("test_*.py"))
    assert sorted(found) == sorted((HOME / "tests").rglob("test_*.py"))


def test_an_error_is_a_failure_and_a_skip_is_named(runner: ModuleType) -> None:
    counted = runner.count(ElementTree.fromstring(REPORT), 1)
    assert (counted.passed, counted.failed, counted.skipped) == (1, 2, ("a::four: no GPU",))


def test_a_run_that_ends_badly_without_a_failure_counts_as_one(runner: ModuleType) -> None:
    assert runner.count(ElementTree.fromstring("<testsuites/>"), 1).failed == 1
    assert runner.count(ElementTree.fromstring("<testsuites/>"), 5).failed == 0


def test_the_sum_is_the_last_line(
    runner: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LIMNER_STRICT", raising=False)
    rows = [("core + db", runner.Outcome(3), 61.0, 60), ("the rest", runner.Outcome(2, 0, ("a::b: no GPU",)), 1.0, 0)]
    assert runner.report(rows, runner.sum_up([row[1] for row in rows])) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "5 passed, 0 failed, 1 skipped"
    assert "skipped: a::b: no GPU" in printed
    assert [line.endswith("over") for line in printed if line.startswith(("core", "the"))] == [True, False]


def test_under_limner_strict_a_skip_fails_the_run(runner: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_STRICT", "1")
    skipped = runner.Outcome(2, 0, ("a::b: no GPU",))
    assert runner.report([], runner.sum_up([skipped])) == 1
    assert runner.report([], runner.Outcome(2)) == 0
    assert runner.report([], runner.Outcome(0)) == 1
