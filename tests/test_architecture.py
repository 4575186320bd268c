"""The import rule and the house's limits, held by a tool."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

HOME = Path(__file__).resolve().parents[1]
PACKAGES = ("core", "bot", "web", "cli", "inference", "db")


def sources() -> list[Path]:
    found = [HOME / name for name in ("main.py", "build.py", "home.py", "parts.py")]
    for package in (*PACKAGES, "training", "bench"):
        found += sorted((HOME / package).rglob("*.py"))
    return found


def test_the_import_rule_holds() -> None:
    # In a process of its own: the tool sets up logging as a whole, and so silences every logger there is.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=HOME, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_core_stands_on_the_standard_library_and_pydantic_in_config_alone() -> None:
    graph = grimp.build_graph("core", include_external_packages=True, cache_dir=None)
    foreign = {
        (module, imported)
        for module in graph.modules
        for imported in (graph.find_modules_directly_imported_by(module) if module.startswith("core") else ())
        if not imported.startswith("core") and imported.partition(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == {("core.config", "pydantic")}


def test_every_folder_is_a_package() -> None:
    for package in PACKAGES:
        for folder in (path.parent for path in (HOME / package).rglob("*.py") if "static" not in path.parts):
            assert (folder / "__init__.py").exists() or folder.name in ("versions", "migrations"), folder


FACES = ("core.studio", "web.app", "web.client", "bot.client", "cli.app", "db.archive", "build", "main")


@pytest.mark.parametrize("face", FACES)
def test_no_face_imports_torch(face: str) -> None:
    code = f"import sys, {face}; print(sorted({{'torch', 'diffusers', 'transformers', 'numpy'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=HOME, check=True
    )
    assert done.stdout.strip() == "[]"


def test_files_and_functions_stay_small() -> None:
    strained = []
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 300:
            strained.append(f"{path.relative_to(HOME)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 80:
                    strained.append(f"{path.relative_to(HOME)}:{node.lineno} {node.name}: {length} lines")
    assert strained == []


def test_scripts_of_the_page_stay_small() -> None:
    strained = [path.name for path in (HOME / "web" / "static").rglob("*.js") if path.read_text().count("\n") > 300]
    assert strained == []


def test_every_file_opens_with_what_it_is_for() -> None:
    for path in sources():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
