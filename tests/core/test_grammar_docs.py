"""Holds docs/commands.md to the grammar: every option, command and sampler is there, every example is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.flags import FLAGS
from core.grammar import COMMANDS, parse
from core.permutations import MOST
from core.recipe import SAMPLERS

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def _rows(title: str) -> list[list[str]]:
    """Return the cells of the first table behind a title, without its head."""
    behind = PAGE.split(f"## {title}\n")[1]
    table = behind[behind.index("\n| ") + 1 :].split("\n\n")[0]
    rows = [re.split(r"(?<!\\)\|", row.strip("| ")) for row in table.splitlines()[2:]]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in rows]


OPTIONS = {cells[0]: cells for cells in _rows("Options")}
SETS = _rows("Sets and matrix")


def test_each_option_has_its_row_with_its_names_and_example() -> None:
    expected = {", ".join(f"`--{name}`" for name in flag.names): f"`{flag.example}`" for flag in FLAGS}
    assert {names: cells[-1] for names, cells in OPTIONS.items()} == expected


@pytest.mark.parametrize("example", [flag.example for flag in FLAGS])
def test_each_example_is_read(example: str) -> None:
    assert parse(example, ("builtin",)) != parse("a red heart", ("builtin",))


@pytest.mark.parametrize("cells", SETS, ids=lambda cells: cells[0])
def test_each_set_is_written_out_as_the_page_says(cells: list[str]) -> None:
    prompts = [draft.prompt for draft in parse(cells[0].strip("`"), ("builtin",))]
    if "twice" in cells[1]:
        assert prompts == ["a heart", "a heart"]
    else:
        assert prompts == [part.strip("` ") for part in cells[1].split(";")]


def test_the_sample_line_is_read() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("    "))
    assert len(parse(line, ("builtin",))) == 4


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_there(name: str) -> None:
    assert f"`/{name}" in PAGE


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_sampler_is_there(sampler: str) -> None:
    assert f"`{sampler}`" in PAGE


def test_the_most_prompts_are_there() -> None:
    assert f"up to {MOST} Prompts" in PAGE
