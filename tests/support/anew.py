"""Make logged Pictures of any kind of Model again in one new process, which is told but what a log and a disk hold."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.picture import Fingerprint, Replay
from core.progress import Painted
from core.recipe import Recipe, from_json, to_json
from inference.addons import AddOnFiles
from inference.cards import SETTINGS
from inference.models import Registry
from inference.run import Run
from inference.whole import WholeEngine
from tests.support.painting import MASK, SKETCH, mask_png, paint_alone, sketch_png

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Disk:
    """Say what lies where: Models by name, settings of single files, add-ons, and files by digest."""

    models: Mapping[str, Path]
    settings: Path = SETTINGS
    loras: Path | None = None
    embeddings: Path | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    controls: Mapping[str, Path] = field(default_factory=dict)
    quantised: Mapping[str, str] = field(default_factory=dict)

    def registry(self) -> Registry:
        """Return a Registry that has read the Models."""
        found = Registry(self.models, settings=self.settings, quantised=self.quantised)
        found.read({})
        return found

    def addons(self) -> AddOnFiles:
        """Return the add-ons, read."""
        found = AddOnFiles(self.loras, self.embeddings, self.controls)
        found.read({})
        return found

    def engine(self, models: Registry, addons: AddOnFiles, **settings: Any) -> WholeEngine:
        """Return an engine on one thread for all that lies here."""
        known = {SKETCH: sketch_png(), MASK: mask_png(), **self.files}
        first = models.cards()[0].name
        # All stay: dropping one gives its memory back, which takes as long as painting with it.
        return WholeEngine(
            models,
            lambda digest, _: known[digest],
            default=first,
            loaded=len(models.cards()),
            addons=addons,
            **settings,
        )

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "models": {name: str(path) for name, path in self.models.items()},
            "settings": str(self.settings),
            "loras": None if self.loras is None else str(self.loras),
            "embeddings": None if self.embeddings is None else str(self.embeddings),
            "quantised": dict(self.quantised),
            "files": {digest: base64.b64encode(raw).decode() for digest, raw in self.files.items()},
            "controls": {name: str(path) for name, path in self.controls.items()},
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Disk:
        """Return what `told` told."""
        loras, embeddings = (None if told[name] is None else Path(told[name]) for name in ("loras", "embeddings"))
        models, controls = ({name: Path(path) for name, path in told[each].items()} for each in ("models", "controls"))
        files = {digest: base64.b64decode(raw) for digest, raw in told["files"].items()}
        return cls(models, Path(told["settings"]), loras, embeddings, files, controls, told["quantised"])


def different_anew(disk: Disk, made: Sequence[tuple[str, Recipe, Painted]]) -> list[str]:
    """Return the names of the Pictures that do not come out identical in a new process, and what else it says."""
    logged = [
        {
            "name": name,
            "recipe": to_json(recipe),
            "fingerprint": painted.fingerprint.as_json(),
            "pixels": _seen(painted),
        }
        for name, recipe, painted in made
    ]
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.anew"],
        input=json.dumps({"disk": disk.told(), "logged": logged}), capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    if told.returncode:
        return [told.stderr[-3000:]]
    verdicts = dict(line.split() for line in told.stdout.splitlines())
    return [name for name, *_ in made if verdicts.get(name) != "identical"]


def _again(given: Mapping[str, Any]) -> None:
    disk = Disk.of(given["disk"])
    local = disk.engine(disk.registry(), disk.addons())
    for each in given["logged"]:
        replay = Replay(Fingerprint.from_json(each["fingerprint"]), each["pixels"][0])
        run = Run("again", 0, "p", from_json(each["recipe"]), replay=replay)
        same = _seen(paint_alone(local, run)) == each["pixels"]
        print(each["name"], "identical" if same else "different")


def _seen(painted: Painted) -> list[str]:
    """Return the digest of a Picture's pixels, and of what is kept beside it."""
    return [painted.pixels_digest, *(each.pixels_digest for each in painted.companions)]


if __name__ == "__main__":
    _again(json.load(sys.stdin))
