"""ControlNets on the disk: what a folder says, its digest, and what is refused in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import ModelUnavailable
from inference.addons import AddOnFiles
from tests.support.tiny_controls import make_control
from tests.support.tiny_model import shared_tiny_model

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_control(shared_tiny_model(), tmp_path_factory.mktemp("control") / "net")


@pytest.fixture
def net(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "net"))


def test_a_folder_is_known_by_its_digest_and_found_by_it(net: Path) -> None:
    files = AddOnFiles(controls={"canny-soft": net})
    (card,) = files.cards().controls
    assert (card.state, card.preparation, card.width, card.digest) == ("reading", "canny", 32, "")
    fresh = files.read({})
    (card,) = files.cards().controls
    assert card.state == "ready" and len(card.digest) == 64 and files.control(card.digest).folder == net
    assert files.cards().names == {card.digest: "canny-soft"}
    again = AddOnFiles(controls={"scribble": net})
    assert again.read(fresh) == {} and again.cards().controls[0].digest == card.digest
    with pytest.raises(ModelUnavailable, match="is not here"):
        files.control("0" * 64)


def test_one_that_was_changed_since_is_refused(net: Path) -> None:
    files = AddOnFiles(controls={"scribble": net})
    files.read({})
    digest = files.cards().controls[0].digest
    raw = bytearray((net / WEIGHTS).read_bytes())
    raw[-1] ^= 1
    (net / WEIGHTS).write_bytes(raw)
    with pytest.raises(ModelUnavailable, match="have changed since they were read"):
        files.control(digest)
    after = AddOnFiles(controls={"scribble": net})
    after.read({})
    assert after.cards().controls[0].digest != digest


def cut(net: Path) -> None:
    """Cut the weights off."""
    raw = (net / WEIGHTS).read_bytes()
    (net / WEIGHTS).write_bytes(raw[: len(raw) // 2])


def says(**entries: Any) -> Callable[[Path], None]:
    """Return what changes entries of its settings."""

    def change(net: Path) -> None:
        config = net / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), **entries}))

    return change


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut": (cut, "cut off or damaged"),
    "no weights": (lambda net: (net / WEIGHTS).unlink(), "is missing"),
    "pickle": (lambda net: (net / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04"), "can run code"),
    "pickle by another name": (lambda net: (net / WEIGHTS).write_bytes(b"\x80\x04" + bytes(64)), "a pickle"),
    "code": (lambda net: (net / "convert.py").write_text("print()"), "is program code"),
    "own code": (says(auto_map={"AutoModel": "x.y"}), "run code of its own"),
    "no settings": (lambda net: (net / "config.json").unlink(), "is missing"),
    "another class": (says(_class_name="ControlNetUnionModel"), "It is a ControlNetUnionModel"),
    "another shape": (says(in_channels=16), "of no Stable Diffusion"),
    "no folder": (shutil.rmtree, "There is no folder"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_used_says_why_and_harms_no_other(net: Path, whole: Path, fault: str) -> None:
    change, said = FAULTS[fault]
    change(net)
    files = AddOnFiles(controls={"scribble": net, "canny": whole})
    files.read({})
    states = {card.name: card for card in files.cards().controls}
    assert states["scribble"].state == "broken" and said in states["scribble"].why
    assert states["canny"].state == "ready"


def test_a_name_must_say_how_the_sketch_is_prepared(whole: Path) -> None:
    (card,) = AddOnFiles(controls={"pose": whole}).cards().controls
    assert card.state == "broken" and "No sketch can be prepared as pose" in card.why
