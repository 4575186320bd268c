"""Runs the tests in groups, prints what each took of its time budget, what was skipped, and one line that sums up.

usage: scripts/test [--soak] [pytest arguments]; with a path among them, one plain pytest run of just that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
GROUPS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("core + db", ("core", "db"), 60),
    ("engine", ("inference",), 240),
    ("bot", ("bot",), 120),
    ("page", ("web",), 180),
    ("crash", ("crash",), 120),
    ("parity", ("parity",), 60),
)
"""Name, folders under tests/, and the budget in seconds. Folders that stand nowhere here run as `the rest`."""
AT_ONCE = {"bot": 4, "engine": 2, "parity": 1}
"""Tests that run side by side: most wait for a disk, a browser or a process, those of the engine count."""
OTHERS_AT_ONCE = 3
NOTHING_SELECTED = 5
INTERRUPTED = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one pytest run came to."""

    passed: int = 0
    failed: int = 0
    skipped: tuple[str, ...] = ()
    code: int = 0


def main(args: Sequence[str]) -> int:
    """Run everything, or just what a path names; return 0 where all passed (and, under LIMNER_STRICT, none skipped)."""
    rest = [arg for arg in args if arg != "--soak"]
    chosen = [] if "--soak" in args else ["-m", "not soak"]
    if "--soak" in args:
        os.environ["LIMNER_SOAK"] = "1"
    if any((HOME / arg.partition("::")[0]).exists() for arg in rest if not arg.startswith("-")):
        return subprocess.run(_pytest([*chosen, *rest]), cwd=HOME).returncode
    rows, outcomes = [], []
    for name, paths, budget in groups(HOME / "tests"):
        print(f"\n=== {name} ===", flush=True)
        began = time.monotonic()
        together = ["-n", str(AT_ONCE.get(name, OTHERS_AT_ONCE))]
        outcome = run([*chosen, *together, *rest, *paths])
        rows.append((name, outcome, time.monotonic() - began, budget))
        outcomes.append(outcome)
        if outcome.code == INTERRUPTED:
            break
    return report(rows, sum_up(outcomes))


def groups(tests: Path) -> Iterator[tuple[str, list[str], int]]:
    """Yield the groups that have files, and at the end whatever no group names, so that nothing is left out."""
    named = {folder for _, folders, _ in GROUPS for folder in folders}
    for name, folders, budget in GROUPS:
        paths = [str(tests / folder) for folder in folders if any((tests / folder).rglob("test_*.py"))]
        if paths:
            yield name, paths, budget
    others = {path.relative_to(tests).parts[0] for path in tests.rglob("test_*.py")} - named
    if others:
        yield "the rest", [str(tests / other) for other in sorted(others)], 0


def run(args: Sequence[str]) -> Outcome:
    """Run pytest once and read its counts from its report file; a run that died counts as one failure."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.xml"
        code = subprocess.run(_pytest([*args, f"--junit-xml={file}"]), cwd=HOME).returncode
        if not file.exists():
            print(f"pytest ended with {code} and left no report", flush=True)
            return Outcome(failed=1, code=code)
        return count(ElementTree.parse(file).getroot(), code)


def count(root: ElementTree.Element, code: int) -> Outcome:
    """Count a report's tests; an error in set-up is a failure too."""
    passed = failed = 0
    skipped = []
    for case in root.iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif skip is not None:
            skipped.append(f"{case.get('classname')}::{case.get('name')}: {skip.get('message')}")
        else:
            passed += 1
    if code not in (0, NOTHING_SELECTED) and not failed:
        failed = 1
    return Outcome(passed, failed, tuple(skipped), code)


def sum_up(outcomes: Sequence[Outcome]) -> Outcome:
    """Add outcomes up."""
    skipped = tuple(skip for outcome in outcomes for skip in outcome.skipped)
    return Outcome(sum(each.passed for each in outcomes), sum(each.failed for each in outcomes), skipped)


def report(rows: Sequence[tuple[str, Outcome, float, int]], whole: Outcome) -> int:
    """Print the budget table, the skips and, as the last line of all, the sum."""
    print(f"\n{'group':<12} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8} {'budget':>7}")
    for name, outcome, took, budget in rows:
        over = " over" if budget and took > budget else ""
        counts = f"{outcome.passed:>7} {outcome.failed:>7} {len(outcome.skipped):>8}"
        print(f"{name:<12} {counts} {took:>8.1f} {budget or '-':>7}{over}")
    for skip in whole.skipped:
        print(f"skipped: {skip}")
    strict = bool(os.environ.get("LIMNER_STRICT")) and bool(whole.skipped)
    if strict:
        print("LIMNER_STRICT is set: a skipped test is a failed run.")
    print(f"{whole.passed} passed, {whole.failed} failed, {len(whole.skipped)} skipped", flush=True)
    return 1 if whole.failed or strict or not whole.passed else 0


def _pytest(args: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", *args]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
