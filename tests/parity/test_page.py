"""docs/parity.md: every yes has a test that is there, every row a line, and the page tells what the rows tell."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

from scripts import parity

HOME = Path(__file__).resolve().parents[2]
ROWS: dict[str, Any] = tomllib.loads(parity.ROWS.read_text(encoding="utf-8"))


def functions(path: str) -> set[str]:
    tree = ast.parse((HOME / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_named_test_is_there_and_named_by_a_line() -> None:
    for name in ROWS["tests"].values():
        path, _, test = name.partition("::")
        assert test in functions(path), name
    named = {flag[3] for row in ROWS["row"] for flag in row["flags"]} - {""}
    assert named | {row["test"] for row in ROWS["row"] if row["ours"]} == set(ROWS["tests"])


def test_a_yes_has_a_test_and_a_no_a_reason() -> None:
    flags = [flag for row in ROWS["row"] for flag in row["flags"]]
    assert {answer for _, answer, *_ in flags} == {"yes", "no"}
    assert all(bool(test) == (answer == "yes") and says for _, answer, says, test in flags)
    assert len(ROWS["row"]) == 19


def test_the_page_tells_what_the_rows_tell_and_every_test_passed() -> None:
    assert parity.main(["--check"]) == 0
