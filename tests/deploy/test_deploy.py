"""What stands in deploy/: units that systemd takes and finds tight, a container file that copies what is there."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from build import STUCK_EXIT
from cli.paint import CANNOT
from home import STOP_S

HOME = Path(__file__).resolve().parents[2]
DEPLOY = HOME / "deploy"
UNITS = sorted(path.name for path in DEPLOY.iterdir() if path.suffix in (".service", ".timer"))
MOST_EXPOSED = 2.0

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(DEPLOY / name, encoding="utf-8")
    return found


def test_the_unit_knows_the_exit_codes_and_waits_long_enough() -> None:
    service = unit("limner.service")["Service"]
    assert service["RestartForceExitStatus"] == str(STUCK_EXIT) and service["RestartPreventExitStatus"] == str(CANNOT)
    assert int(service["TimeoutStopSec"]) > STOP_S and service["KillSignal"] == "SIGTERM"
    assert "TOKEN" not in (DEPLOY / "limner.service").read_text(encoding="utf-8")


def installed(folder: Path) -> list[str]:
    """Copy the units where systemd can verify them here: with a program and an account that exist."""
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M)
        (folder / name).write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.M), encoding="utf-8")
    return [str(folder / name) for name in UNITS]


@needs_systemd
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *installed(tmp_path)], capture_output=True, text=True, check=False
    )
    wrong = [line for line in (done.stdout + done.stderr).splitlines() if str(tmp_path) in line or "limner" in line]
    assert wrong == [] and done.returncode == 0, done.stderr


@needs_systemd
def test_systemd_finds_the_service_tight(tmp_path: Path) -> None:
    installed(tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(tmp_path / "limner.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None and float(found[1]) <= MOST_EXPOSED, done.stdout[-200:]


def test_the_container_copies_every_part_of_the_program_and_nothing_secret() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (.+)$", text, re.M) for name in line.split()[:-1]}
    assert all((HOME / name).exists() for name in copied)
    folders = {path.parent.name for path in HOME.glob("*/__init__.py")} - {"bench", "training", "tests"}
    assert copied >= folders | {path.name for path in HOME.glob("*.py")} | {"config.toml", "requirements", "models"}
    assert not copied & {"data", ".", "tests"}
    assert re.search(r"^USER limner$", text, re.M) and text.rindex("USER limner") < text.rindex("ENTRYPOINT")
