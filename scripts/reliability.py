"""Runs the tests marked with a fault and writes docs/reliability.md from what they came to.

usage: scripts/reliability.py [--check]; --check writes nothing and says whether the page lists those tests.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))

from scripts.outcomes import Outcomes  # noqa: E402

PAGE = HOME / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: written by scripts/reliability.py -->", "<!-- faults end -->"
FOLDERS = tuple(f"tests/{name}" for name in ("bot", "core", "crash", "db", "faces", "inference"))
MATRIX = tuple(f"F{number}" for number in (*range(1, 25), *range(30, 42), *range(50, 57)))
"""Every row of the fault matrix: the program and its device, storage, Discord, operation, attachments, words."""


@dataclass(eq=False)
class Faults(Outcomes):
    """Collect what each marked test says and came to."""

    told: dict[str, dict[str, str]] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the marked tests alone, without the soak."""
        chosen = [item for item in items if item.get_closest_marker("fault") and not item.get_closest_marker("soak")]
        for item in chosen:
            # The decorator that stands lowest comes first.
            marks = {str(mark.args[0]): str(mark.args[1]) for mark in item.iter_markers("fault")}
            self.told[item.nodeid.partition("[")[0]] = marks
        items[:] = chosen

    def rows(self) -> list[str]:
        """Return the table's rows, by fault."""
        found = []
        every = ((fault, what, name) for name, marks in self.told.items() for fault, what in marks.items())
        for fault, what, name in sorted(every, key=lambda row: (_order(row[0]), row[2])):
            path, _, test = name.partition("::")
            found.append(f"| {fault} | {what} | `{path}`: `{test}` | {self.found.get(name, 'not run')} |")
        return found


def table(faults: Faults) -> str:
    """Return the table between its marks."""
    head = ["| fault | what happens | test | outcome |", "| --- | --- | --- | --- |"]
    return "\n".join([BEGIN, *head, *faults.rows(), END])


def marked(path: Path) -> list[tuple[str, str, str]]:
    """Return the fault, what happens and the test's name of each mark in a file, those of the soak left out."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if "pytest.mark.soak" in map(ast.unparse, node.decorator_list):
                continue
            for each in node.decorator_list:
                if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.fault":
                    fault, what = (str(ast.literal_eval(given)) for given in each.args)
                    found.append((fault, what, node.name))
    return found


def main(args: Sequence[str]) -> int:
    """Run the tests and write the page."""
    faults = Faults()
    page = PAGE.read_text(encoding="utf-8")
    if "--check" in args:
        told = [row for folder in FOLDERS for path in sorted((HOME / folder).glob("test_*.py")) for row in marked(path)]
        missing = [f"{fault} {test}" for fault, what, test in told if not _stands(page, f"| {fault} | {what} |", test)]
        missing += [f"{fault} has no test" for fault in MATRIX if fault not in {fault for fault, *_ in told}]
        print("\n".join(missing) or "every fault's test is on the page")
        return 1 if missing else 0
    code = pytest.main([*FOLDERS, "-q"], plugins=[faults])
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + table(faults) + rest.partition(END)[2], encoding="utf-8")
    return int(code)


def _stands(page: str, row: str, test: str) -> bool:
    return any(line.startswith(row) and f"`{test}`" in line for line in page.splitlines())


def _order(fault: str) -> tuple[int, str]:
    digits = fault.removeprefix("F")
    return (int(digits), "") if digits.isdigit() else (1000, fault)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
