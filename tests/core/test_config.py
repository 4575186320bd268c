"""The owner's settings: order of sources, and every mistake named with the nearest known name."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import load
from core.errors import BadConfig

HOME = Path(__file__).resolve().parents[2]


def owner_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def test_defaults_come_from_the_tracked_file(tmp_path: Path) -> None:
    loaded = load(HOME / "config.toml", tmp_path / "none.toml", {})
    assert loaded.config.page.port == 8410
    assert {origin for _, _, origin in loaded.rows()} == {"config.toml"}


def test_the_owners_file_goes_over_the_default_and_the_environment_over_both(tmp_path: Path) -> None:
    path = owner_file(tmp_path, "[page]\nport = 1\n[limits]\nwaiting = 3\n")
    loaded = load(HOME / "config.toml", path, {"LIMNER__PAGE__PORT": "2"})
    assert (loaded.config.page.port, loaded.config.limits.waiting) == (2, 3)
    origins = {name: origin for name, _, origin in loaded.rows()}
    assert origins["page.port"] == "LIMNER__PAGE__PORT"
    assert origins["limits.waiting"] == str(path)


@pytest.mark.parametrize(
    ("text", "environ", "words"),
    [
        ("[page]\nprot = 1\n", {}, "page.port"),
        ("[pages]\nport = 1\n", {}, "page.port"),
        ('[page]\npublic_url = "javascript:alert(1)"\n', {}, "page.public_url"),
        ("", {"LIMNER__PAGE__PUBLIC_URL": "limner.example"}, "page.public_url"),
        ("[page]\nport = 'x'\n", {}, "page.port"),
        ("[page\n", {}, "cannot be read"),
        ("port = 1\n", {}, "outside a [table]"),
        ("[discord]\ntoken = 'abc'\n", {}, "environment alone"),
        ("", {"LIMNER__PAGE__PROT": "1"}, "LIMNER__PAGE__PORT"),
        ("", {"LIMNER__PAGE__PORT": "many"}, "cannot be read"),
        ("[engine]\nmode = 'slow'\n", {}, "engine.mode"),
        ("[engine]\nrows = []\n", {}, "engine.rows"),
    ],
)
def test_a_mistake_is_named_in_words(tmp_path: Path, text: str, environ: dict[str, str], words: str) -> None:
    with pytest.raises(BadConfig) as caught:
        load(HOME / "config.toml", owner_file(tmp_path, text), environ)
    assert words in caught.value.whole()


def test_variables_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    assert load(HOME / "config.toml", tmp_path / "none.toml", {"PATH": "/bin", "LIMNER_DATA": "/x"})
