"""The script ./limner and its helpers: a real shell, a real venv and pip, and never the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
SCRIPTS = ("limner", "scripts/check", "scripts/fix", "scripts/test", ".ci/run")
TOOLS = ("sh", "cat", "cksum", "cut", "dirname", "grep", "ls", "readlink", "rm", "sed", "tee", "tr")
TELL = "import os, sys\nprint(os.getcwd(), sys.executable, *sys.argv[1:], sep='|')\n"


class Copy:
    """A copy of the script beside a main.py that tells how it was called, and requirements that need nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "requirements").mkdir(parents=True)
        (root / "scripts").mkdir()
        shutil.copy2(HOME / "limner", root / "limner")
        (root / "main.py").write_text(TELL)
        for name in ("base", "dev", "postgres", "upscale"):
            self.require(name, "")
        (root / "scripts" / "test").write_text('#!/bin/sh\necho "tests $*"\n')
        (root / "scripts" / "test").chmod(0o755)

    def require(self, name: str, text: str) -> None:
        (self.root / "requirements" / f"{name}.txt").write_text(f"# nothing\n{text}\n")

    def run(
        self, *args: str, script: Path | None = None, cwd: Path | None = None, path: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": path or os.environ["PATH"], "HOME": str(self.root), "PIP_RETRIES": "0", "PIP_TIMEOUT": "1"}
        return subprocess.run(
            [str(script or self.root / "limner"), *args],
            cwd=cwd or self.root,
            env=environ,
            capture_output=True,
            text=True,
            timeout=90,
        )


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy that was started once."""
    copy = Copy(tmp_path_factory.mktemp("limner with blanks"))
    first = copy.run("history", "--json")
    assert first.returncode == 0, first.stderr
    assert "making an environment" in first.stderr and "requirements/base.txt" in first.stderr
    assert first.stdout.splitlines() == [f"{copy.root}|{copy.root}/.venv/bin/python|history|--json"]
    return copy


def tools(folder: Path, **stubs: str) -> str:
    """Return a PATH with nothing but what the script itself needs, and stubs in place of foreign programs."""
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    for name, text in stubs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_plain_sh_and_may_be_run(script: str) -> None:
    path = HOME / script
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", path], check=True)


def test_the_second_start_installs_nothing(ready: Copy) -> None:
    again = ready.run("models")
    assert again.returncode == 0 and again.stderr == ""
    assert again.stdout.endswith("|models\n")


def test_it_works_from_any_folder_and_through_symlinks(ready: Copy, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "far").symlink_to(ready.root / "limner")
    (tmp_path / "bin" / "limner").symlink_to("../far")
    done = ready.run("a red  heart", "*", script=tmp_path / "bin" / "limner", cwd=tmp_path)
    assert done.stdout == f"{tmp_path}|{ready.root}/.venv/bin/python|a red  heart|*\n"


def test_a_changed_requirement_is_installed_again_once(ready: Copy) -> None:
    ready.require("base", "# changed")
    assert "requirements/base.txt" in ready.run("models").stderr
    assert ready.run("models").stderr == ""


def test_test_installs_what_the_tests_need_and_passes_the_rest_on(ready: Copy) -> None:
    done = ready.run("test", "--soak", "tests/core", "-k", "a b")
    assert done.returncode == 0 and done.stdout == "tests --soak tests/core -k a b\n"
    assert "requirements/dev.txt" in done.stderr
    assert ready.run("test").stderr == ""


def test_an_extra_is_added_and_kept_up_to_date(ready: Copy) -> None:
    assert ready.run("add", "nonsense").returncode == 1
    assert "There are: postgres" in ready.run("add").stderr
    assert "postgres is installed" in ready.run("add", "postgres").stderr
    ready.require("postgres", "# changed")
    assert "requirements/postgres.txt" in ready.run("models").stderr
    assert ready.run("models").stderr == ""


def test_a_package_that_does_not_exist_is_a_sentence_and_is_tried_again(ready: Copy) -> None:
    ready.require("base", "--no-index\nno-such-package-at-all==1")
    for _ in range(2):
        done = ready.run("models")
        assert done.returncode == 1 and done.stdout == ""
        assert "could not be installed" in done.stderr.splitlines()[-1]
    ready.require("base", "")
    assert ready.run("models").returncode == 0


def test_no_network_is_told_as_such(ready: Copy) -> None:
    ready.require("base", "--index-url http://127.0.0.1:9/simple\nno-such-package-at-all==1")
    done = ready.run("models")
    assert done.returncode == 1 and "no network" in done.stderr.splitlines()[-1]
    ready.require("base", "")
    assert ready.run("models").returncode == 0


def test_an_old_python_is_told_with_its_version(tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", python3='case $1 in -V) echo "Python 3.9.2" ;; *) exit 1 ;; esac')
    done = Copy(tmp_path / "copy").run("models", path=path)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; python3 here is 3.9.2" in done.stderr


def test_no_python_is_told_with_what_to_type(tmp_path: Path) -> None:
    done = Copy(tmp_path / "copy").run("models", path=tools(tmp_path / "bin"))
    assert done.returncode == 1 and "apt install python3 python3-venv" in done.stderr


def test_a_missing_venv_package_is_told_with_what_to_type(tmp_path: Path) -> None:
    stub = 'case "$*" in -V) echo "Python 3.11.2" ;; *ensurepip*) exit 1 ;; -c*) exit 0 ;; *) exit 1 ;; esac'
    copy = Copy(tmp_path / "copy")
    done = copy.run("models", path=tools(tmp_path / "bin", python3=stub))
    assert done.returncode == 1 and "python3-venv is missing" in done.stderr
    assert not (copy.root / ".venv").exists()


def test_uv_is_used_where_it_is_installed(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    venv = copy.root / ".venv"
    uv = f"""
case "$*" in
    "pip install --help") echo "  --torch-backend <B>" ;;
    venv*) mkdir -p "{venv}/bin" && ln -s "{sys.executable}" "{venv}/bin/python" && : >"{venv}/pyvenv.cfg" ;;
    *) echo "uv $*" ;;
esac"""
    path = tools(tmp_path / "bin", uv=uv, python3=f'exec "{sys.executable}" "$@"')
    for name in ("mkdir", "ln"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "")
    done = copy.run("models", path=path)
    assert done.returncode == 0, done.stderr
    assert "--torch-backend=auto -r" in done.stderr and done.stdout.endswith("|models\n")
    (copy.root / "requirements" / "upscale.txt").write_text("# without dependencies: they would break others\n")
    added = copy.run("add", "upscale", path=path)
    assert "--torch-backend=auto --no-deps -r" in added.stderr and "upscale is installed" in added.stderr
    assert copy.run("models", path=path).stderr == ""


@pytest.mark.soak
def test_an_environment_whose_python_has_gone_is_made_again(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    (copy.root / ".venv" / "bin").mkdir(parents=True)
    (copy.root / ".venv" / "pyvenv.cfg").write_text("")
    (copy.root / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    assert copy.run("models").returncode == 0
    assert (copy.root / ".venv" / "bin" / "python").exists()


def test_ci_asks_for_no_registry_by_name() -> None:
    for script in SCRIPTS:
        assert "://" not in (HOME / script).read_text(), script
