"""Runs the tests marked with a fault and writes docs/reliability.md from what they came to.

usage: scripts/reliability.py [--check]; --check writes nothing and says whether the page lists those tests.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[1]
PAGE = HOME / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: written by scripts/reliability.py -->", "<!-- faults end -->"
FOLDERS = ("tests/bot", "tests/crash", "tests/db")


@dataclass(eq=False)
class Faults:
    """Collect what each marked test says and came to."""

    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    outcome: dict[str, str] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the marked tests alone, without the soak."""
        chosen = [item for item in items if item.get_closest_marker("fault") and not item.get_closest_marker("soak")]
        for item in chosen:
            mark = item.get_closest_marker("fault")
            assert mark is not None
            self.told[item.nodeid.partition("[")[0]] = (str(mark.args[0]), str(mark.args[1]))
        items[:] = chosen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the worst that happened to a test."""
        name = report.nodeid.partition("[")[0]
        if report.failed or report.when == "call":
            worst = self.outcome.get(name) == "failed"
            self.outcome[name] = "failed" if worst else report.outcome

    def rows(self) -> list[str]:
        """Return the table's rows, by fault."""
        found = []
        for name, (fault, what) in sorted(self.told.items(), key=lambda item: (_order(item[1][0]), item[0])):
            path, _, test = name.partition("::")
            found.append(f"| {fault} | {what} | `{path}`: `{test}` | {self.outcome.get(name, 'not run')} |")
        return found


def table(faults: Faults) -> str:
    """Return the table between its marks."""
    head = ["| fault | what happens | test | outcome |", "| --- | --- | --- | --- |"]
    return "\n".join([BEGIN, *head, *faults.rows(), END])


def main(args: Sequence[str]) -> int:
    """Run the tests and write the page."""
    faults = Faults()
    code = pytest.main([*FOLDERS, "-q", *(["--collect-only"] if "--check" in args else [])], plugins=[faults])
    page = PAGE.read_text(encoding="utf-8")
    if "--check" in args:
        missing = [name for name in faults.told if name.partition("::")[2] not in page]
        print("\n".join(missing) or "every fault's test is on the page")
        return 1 if missing else 0
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + table(faults) + rest.partition(END)[2], encoding="utf-8")
    return int(code)


def _order(fault: str) -> tuple[int, str]:
    digits = fault.removeprefix("F")
    return (int(digits), "") if digits.isdigit() else (1000, fault)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
