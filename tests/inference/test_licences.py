"""What a model card's front matter says of the licence, and what of it goes on the card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.sheet import model_sheet
from core.telling import model_lines
from inference.licences import facts_of, licence
from inference.models import Registry
from tests.support.tiny_model import shared_tiny_model


@pytest.mark.parametrize(
    ("name", "readable", "commercial"),
    [
        ("creativeml-openrail-m", "CreativeML OpenRAIL-M", True),
        ("openrail++", "CreativeML OpenRAIL++-M", True),
        ("apache-2.0", "Apache-2.0", True),
        ("sai-nc-community", "Stability AI Non-Commercial Community", False),
        ("flux-1-dev-non-commercial-license", "FLUX.1 [dev] Non-Commercial", False),
        ("stabilityai-ai-community", "Stability AI Community: commercial below 1 M $ a year", None),
        ("cc-by-nc-4.0", "cc-by-nc-4.0", False),
        ("my-own", "my-own", None),
    ],
)
def test_licences(name: str, readable: str, commercial: bool | None) -> None:
    assert licence(name) == {"licence": readable, "commercial": commercial}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("---\nlicense: mit\n---\n", {"licence": "MIT", "commercial": True}),
        (
            '---\nlicense: other\nlicense_name: "sai-nc-community"\nextra_gated_prompt: Accept\n---\n',
            {"licence": "Stability AI Non-Commercial Community", "commercial": False, "gated": True},
        ),
        ("---\ntags: [x]\n---\nlicense: mit\n", {}),
        ("license: mit", {}),
    ],
)
def test_front_matter(tmp_path: Path, text: str, found: dict[str, object]) -> None:
    (tmp_path / "README.md").write_text(text)
    assert facts_of(tmp_path / "README.md") == found


def test_facts_stand_on_the_card_and_the_owners_words_go_before_them(tmp_path: Path) -> None:
    folder = shutil.copytree(shared_tiny_model(), tmp_path / "mine")
    (folder / "README.md").write_text("---\nlicense: sai-nc-community\n---\n")
    models = Registry({"mine": folder})
    models.read({})
    sheet = model_sheet(models.card("mine"), "mine")
    assert sheet["can"] == ["negative", "sketch", "inpaint", "upscale"]
    told = model_lines(sheet)
    assert told[0].startswith("mine (default): ") and "can: words to avoid, sketches, masks, enlarging" in told
    assert "Stability AI Non-Commercial Community, no commercial use" in told
    (folder / "limner.json").write_text(json.dumps({"licence": "openrail++", "gated": True}))
    card = Registry({"mine": folder}).card("mine")
    assert (card.licence, card.commercial, card.gated) == ("CreativeML OpenRAIL++-M", True, True)
    (folder / "limner.json").write_text(json.dumps({"commercial": True}))
    assert Registry({"mine": folder}).card("mine").commercial is True


def test_a_broken_one_tells_what_is_wrong_alone(tmp_path: Path) -> None:
    sheet = model_sheet(Registry({"gone": tmp_path / "gone"}).card("gone"), "builtin")
    assert model_lines(sheet) == ["gone: broken", sheet["why"]] and sheet["can"] == []
