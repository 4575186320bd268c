"""What is documented is what is there: settings, verbs, errors, paths, queries, links; and one word for each thing."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from cli import help
from cli.app import parse
from core import errors, flags, wording
from core.commands import COMMANDS
from core.config import load
from db.tables import Row
from scripts import reliability
from tests.support.postgres import Cluster, postgres
from tests.support.shell import Shell, running
from web.events import Events
from web.handlers import Api
from web.metrics import Metrics

__all__ = ["postgres"]

HOME = Path(__file__).resolve().parents[1]
DOCS = HOME / "docs"
PAGES = [HOME / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(DOCS.rglob("*.md"))
NEVER = {
    "user", "frontend", "query", "params", "generation", "rng", "init_image", "denoising", "cfg", "iterations",
    "checkpoint", "backend", "retry", "postprocess", "quota", "repository",
}  # fmt: skip
"""Words we say otherwise (docs/glossary.md). Left out: those that are plain English too, such as text."""


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str, first: str) -> list[list[str]]:
    """Return the cells of the table rows whose first cell matches."""
    found = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in text.splitlines() if line.startswith("|")]
    return [cells for cells in found if re.fullmatch(first, cells[0])]


def test_every_setting_is_documented_with_its_default_and_no_other() -> None:
    documented = {cells[0].strip("`"): tomllib.loads(f"x = {cells[1].strip('`')}")["x"] for cells in
                  rows(page("config.md"), r"`[a-z]+\.[a-z_]+`")}  # fmt: skip
    tables = tomllib.loads((HOME / "config.toml").read_text(encoding="utf-8"))
    assert documented == {f"{table}.{key}": value for table, keys in tables.items() for key, value in keys.items()}
    assert set(documented) == set(load(HOME / "config.toml", HOME / "none", {}).origins)


def test_every_key_of_config_toml_has_its_line_of_comment() -> None:
    for line in (HOME / "config.toml").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"|#.*|\[\w+\]|\w+ = .+ # .+", line), line


def test_every_verb_is_documented_and_no_other() -> None:
    documented = {word for cells in rows(page("cli.md"), r"`.*`") for word in re.findall(r"`([a-z]+)", cells[0])}
    verbs = {verb.name for verb in help.VERBS} | {name for name, _, _ in help.SCRIPT}
    assert documented - {"fix"} == verbs


def test_every_option_of_a_verb_is_documented() -> None:
    documented = set(re.findall(r"`(--[a-z-]+)", page("cli.md")))
    for verb in help.VERBS:
        assert documented >= {*verb.options, *verb.switches}, verb.name


def test_every_error_is_documented_and_no_other() -> None:
    found = {
        (name, error.code)
        for name, error in vars(errors).items()
        if inspect.isclass(error) and issubclass(error, errors.StudioError)
    }
    documented = {(cells[0].strip("`"), cells[1].strip("`")) for cells in rows(page("errors.md"), r"`[A-Z]\w+`")}
    assert documented == found


def test_every_path_of_the_interface_is_documented_and_no_other() -> None:
    nobody = cast(Any, None)
    routes = [*Api(nobody, nobody, nobody, 1.0).routes(), *Events(nobody, nobody, {}).routes()]
    routes += Metrics(nobody, nobody).routes()
    found = {f"{route.method} {re.sub(r':[^/]*[}](?=/|$)', '}', route.path)}" for route in routes}
    documented = {cells[0].strip("`") for cells in rows(page("interface.md"), r"`(GET|POST) .*`")}
    assert documented == found


def test_every_command_and_flag_of_the_grammar_is_documented() -> None:
    text = page("commands.md")
    for name in COMMANDS:
        assert f"/{name}" in text, name
    for flag in flags.FLAGS:
        assert all(f"--{name}" in text for name in flag.names), flag.name


def test_every_test_the_security_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page("security.md"))
    assert len(named) > 20
    for path, name in named:
        assert re.search(rf"^(async )?def {name}\(", (HOME / path).read_text(encoding="utf-8"), re.M), (path, name)


def typed_lines() -> Iterator[tuple[str, str]]:
    """Yield every `./limner ...` of the pages that stands whole, with its page."""
    for path in PAGES:
        for line in re.findall(r"(?:^ {4,}|`)((?:\w+=\S+ )*\./limner[^`\n]*)", path.read_text(encoding="utf-8"), re.M):
            yield path.name, re.sub(r"^(\w+=('[^']*'|\S+) )*", "", line.partition(" #")[0]).strip()


def test_whatever_the_pages_tell_people_to_type_is_understood() -> None:
    lines = [(name, line) for name, line in typed_lines() if "<" not in line]
    assert len(lines) > 20
    for name, line in lines:
        _, *argv = shlex.split(line)
        if not argv or argv[0] not in {"fix", *(script for script, _, _ in help.SCRIPT)}:
            parse(argv)
        assert "[" not in line, (name, line)


def test_every_link_leads_somewhere() -> None:
    for path in PAGES:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
            assert "://" not in link, (path, link)
            assert (path.parent / link).exists(), (path, link)


def test_every_page_is_in_the_index() -> None:
    listed = set(re.findall(r"\]\(([^)]+)\)", page("index.md")))
    assert listed == {path.name for path in DOCS.glob("*.md")} - {"index.md"} | {"decisions/"}


def test_every_decision_says_what_why_and_what_else() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [path.name[:4] for path in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert all(f"**{word}.**" in text for word in ("What", "Why", "What else")), path


def test_every_unproven_line_has_one_command_ready() -> None:
    lines = rows(page("unproven.md"), r".*")[2:]
    assert len(lines) > 5
    for cells in lines:
        assert len(cells) == 3 and cells[2].startswith("`"), cells


def public_names() -> Iterator[tuple[str, str]]:
    """Yield (where, name) of all that people or other folders see by name."""
    for table in Row.metadata.sorted_tables:
        yield "a table", table.name
        yield from ((f"table {table.name}", column.name) for column in table.columns)
    for name in load(HOME / "config.toml", HOME / "none", {}).origins:
        yield "config.toml", name
    yield from (("a verb", verb.name) for verb in help.VERBS)
    yield from (("a command", name) for name in COMMANDS)
    yield from (("a flag", flag.name) for flag in flags.FLAGS)
    for path in sorted((HOME / "core").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                yield f"core/{path.name}", node.name


def sentences() -> Iterator[tuple[str, str]]:
    """Yield (where, text) of every string people are shown: core's and the command line's, docstrings left out."""
    for folder in ("core", "cli"):
        for path in sorted((HOME / folder).glob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if not isinstance(node, ast.Constant) or id(node) in silent:
                    continue
                if isinstance(node.value, str) and " " in node.value:
                    yield f"{folder}/{path.name}", node.value


def said(text: str) -> set[str]:
    """Return the never-say words in a name or a sentence."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = set(re.findall(r"[a-z]+", apart.lower()))
    return {never for never in NEVER if set(never.split("_")) <= words or f"{never}s" in words}


def test_no_public_name_has_a_word_we_never_say() -> None:
    found = list(public_names())
    assert len(found) > 150
    assert [(where, name, said(name)) for where, name in found if said(name)] == []


def test_no_sentence_has_a_word_we_never_say() -> None:
    # These name other tools' words in order to refuse or translate them.
    foreign = ("core/flags.py", "core/samplers.py", "core/infotext.py")
    shown = [(where, text) for where, text in sentences() if where not in foreign]
    assert len(shown) > 100 and any(where == "core/wording.py" for where, _ in shown)
    assert [(where, text) for where, text in shown if said(text)] == []
    assert not said(" ".join(wording.ACTIONS.values()))


@pytest.mark.parametrize(
    ("name", "caught"),
    [("UserRow", True), ("retries", False), ("retry_later", True), ("used", False), ("init_image", True)],
)
def test_never_say_words_are_found_in_names(name: str, caught: bool) -> None:
    assert bool(said(name)) == caught


def queries(kind: str) -> list[str]:
    """Return the queries of docs/sql.md for a database: those for both and its own, in order."""
    found = re.findall(r"```sql (\w+)\n(.*?)```", page("sql.md"), re.DOTALL)
    assert {label for label, _ in found} == {"both", "sqlite", "postgres"}
    return [text.strip() for label, text in found if label in ("both", kind)]


async def paint(data: Path, environ: dict[str, str]) -> None:
    """Put two Pictures with words, seeds and what to avoid into a log."""
    async with running(data, environ=environ) as program:
        shell = Shell(program.studio)
        words = "a {red, blue} heart --no text --seed 4294967295 --guidance 4"
        assert await shell.type("imagine", words, "--out", str(data)) == 0, (shell.out, shell.err)


def check(answers: list[list[tuple[Any, ...]]]) -> None:
    """Hold the answers to docs/sql.md's queries against what was asked for."""
    typed, prompts, whole, same, moves, ledger = answers
    words = "a {red, blue} heart --no text --seed 4294967295 --guidance 4"
    assert [row[1:] for row in typed] == [(4294967295, words)] * 2
    assert [row[1:] for row in prompts] == [(4294967295, "a red heart", "text"), (4294967295, "a blue heart", "text")]
    assert len(whole) == 2 and all("a red heart" in row[2] or "a blue heart" in row[2] for row in whole)
    assert [row[1:] for row in same] == [(1, 1)] * 2
    assert ("queued", "running") in {(row[2], row[3]) for row in moves}
    assert {row[1] for row in ledger} == {"hold", "charge", "release"}


async def test_every_prompt_and_seed_can_be_read_back_from_sqlite(tmp_path: Path) -> None:
    await paint(tmp_path, {})
    with closing(sqlite3.connect(tmp_path / "limner.db")) as connection:
        check([connection.execute(query).fetchall() for query in queries("sqlite")])


async def test_every_prompt_and_seed_can_be_read_back_from_postgresql(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    cluster: Cluster = request.getfixturevalue("postgres")
    await paint(tmp_path, {"LIMNER__STORAGE__DATABASE": cluster.fresh()})
    with cluster.connect() as connection:
        check([connection.execute(query.encode()).fetchall() for query in queries("postgres")])


def test_every_fault_has_a_test_and_stands_on_the_page_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert reliability.main(["--check"]) == 0, capsys.readouterr().out
