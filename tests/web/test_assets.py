"""Tests of the page's own files: the words on its buttons, and nothing in them that runs or fetches foreign things."""

from __future__ import annotations

from core.wording import ACTIONS
from web.assets import FOLDER

HOSTILE = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "https://",
)  # fmt: skip


def test_the_buttons_say_the_same_as_every_face() -> None:
    source = (FOLDER / "card.js").read_text(encoding="utf-8")
    for action, label in ACTIONS.items():
        assert f"  {action}: '{label}'," in source


def test_no_asset_holds_markup_from_data_or_reaches_elsewhere() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300
        for word in HOSTILE:
            assert word not in text, f"{path.name}: {word}"
        assert "http://" not in text.replace("http://www.w3.org/", ""), path.name
