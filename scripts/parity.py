"""Runs the tests named in tests/parity/rows.toml and writes docs/parity.md from the rows and what the tests came to.

usage: scripts/parity.py [--check]; --check runs nothing and says whether the page tells what the rows tell.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))

from scripts.outcomes import Outcomes  # noqa: E402

ROWS = HOME / "tests" / "parity" / "rows.toml"
PAGE = HOME / "docs" / "parity.md"
HEAD = """# The systems Limner grew out of

Written by `scripts/parity.py` from `tests/parity/rows.toml`: it runs the test that each line that says yes names.
What a line says no to is not built, or has no meaning here. Rows that say *not yet* have nothing behind them.
"""


def written(rows: Mapping[str, Any], outcomes: Mapping[str, str] | None) -> str:
    """Return the page; outcomes: by test, None leaves them out."""
    tests: Mapping[str, str] = rows["tests"]
    parts = [HEAD]
    for number, row in enumerate(rows["row"], start=1):
        parts.append(f"## {number}. {row['title']}\n")
        if row["call"]:
            parts.append(f"There: `{row['call']}`\n")
        said = row["ours"] if "`" in row["ours"] else f"`{row['ours']}`"
        parts.append(f"Here: {said}; {_test(tests[row['test']], outcomes)}\n" if row["ours"] else "Here: *not yet*\n")
        if row["flags"]:
            parts.append("| there | | here | test |\n| --- | --- | --- | --- |")
            lines = [f"| {name} | {answer} | {says} | {_test(tests[test], outcomes) if test else ''} |"
                     for name, answer, says, test in row["flags"]]  # fmt: skip
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _test(name: str, outcomes: Mapping[str, str] | None) -> str:
    path, _, test = name.partition("::")
    told = "" if outcomes is None else f" {outcomes.get(name, 'not run')}"
    return f"[`{test}`](../{path}){told}"


def main(args: Sequence[str]) -> int:
    """Run the tests and write the page."""
    rows = tomllib.loads(ROWS.read_text(encoding="utf-8"))
    if "--check" in args:
        plain = PAGE.read_text(encoding="utf-8").replace(") passed", ")")
        same = plain == written(rows, None)
        print("the page tells the rows, and every test passed" if same else "run scripts/parity.py")
        return 0 if same else 1
    outcomes = Outcomes()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *sorted(set(rows["tests"].values()))], plugins=[outcomes])
    PAGE.write_text(written(rows, outcomes.found), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
