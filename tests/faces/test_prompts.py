"""Hostile words through every face (faults F50-F56): refused or mended in one sentence, kept exact, shown harmless."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.words import clean
from tests.support import page
from tests.support.faces import FACES, LOOSE, opened
from tests.support.hostile import HOSTILE
from tests.support.postgres import Cluster, postgres

__all__ = ["postgres"]

BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
LAST = "SELECT typed FROM jobs ORDER BY id DESC LIMIT 1"

REFUSED = {
    "x" * 2001: "These words are 2,001 characters long. Use at most 2,000.",
    "a heart --steps 999": "--steps 999 is out of range.",
    "a heart --guidance nan": "--guidance",
    "a heart --size 7x7": "7",
    "a heart --stepz 4": "--stepz",
    "a heart --model ../../etc/passwd": "../../etc/passwd",
    "a heart --model /etc/passwd": "/etc/passwd",
    "a heart --model built\x00in/../x": "builtin/../x",
    "a heart --s 250": "--s",
}
"""What is typed, and what its sentence must hold on every face."""

MENDED = {
    "a \x00red\x07 heart": ("a red heart", "2 control characters were taken out of the words."),
    "a red\x1b[31m heart": ("a red[31m heart", "1 control character was taken out of the words."),
    "a \ud800red heart": ("a red heart", "1 control character was taken out of the words."),
}


@pytest.mark.fault("F50", "more than 2,000 characters are refused with their number")
@pytest.mark.fault("F56", "a model is a name in a list, never a path")
@pytest.mark.parametrize("face", FACES)
async def test_refused_in_words_and_nothing_is_kept_or_charged(face: str, tmp_path: Path) -> None:
    async with opened(face, tmp_path) as here:
        for words, says in REFUSED.items():
            told = await here.say(words, None)
            assert not told.accepted and here.shown(says) in told.text, (words[:40], told.text)
        assert here.counts() == {"jobs": 0, "ledger": 0, "files": 0, "disk": 0}


@pytest.mark.fault("F51", "lone surrogates are taken out, and it is said")
@pytest.mark.fault("F52", "control characters are taken out, and it is said")
@pytest.mark.parametrize("face", FACES)
async def test_mended_and_said_so(face: str, tmp_path: Path) -> None:
    async with opened(face, tmp_path) as here:
        for words, (kept, says) in MENDED.items():
            told = await here.say(f"{words} --steps 1", None)
            assert told.accepted and here.shown(says) in told.text, (words, told.text)
            assert here.rows(LAST) == [(f"{kept} --steps 1",)]


@pytest.mark.fault("F53", "kept exact; shown without what turns the line round or piles up")
@pytest.mark.fault("F54", "no mention, markdown or link of a prompt acts")
@pytest.mark.fault("F55", "files are named by digest alone")
@pytest.mark.parametrize("face", FACES)
async def test_kept_exact_and_shown_harmless(face: str, tmp_path: Path) -> None:
    async with opened(face, tmp_path) as here:
        for words in HOSTILE:
            told = await here.say(words, None)
            assert told.accepted, (words, told.text)
            assert here.rows(LAST) == [(clean(words)[0],)], words
            harmless(face, told.text)
        harmless(face, await here.history())
        names = {path.name for path in here.data.rglob("*.png")}
        assert all(re.fullmatch(r"[0-9a-f]{64}\.png", name) for name in names), "files are named by digest alone"


def harmless(face: str, shown: str) -> None:
    """Hold that nothing shown turns the line round or piles up; the page's own script does that for the page."""
    if face == "page":
        return
    assert not BIDI.search(shown)
    if face == "discord":
        assert not re.search("[\u0300-\u036f]{3}", shown), "at most two marks stand on a sign"
        assert "://" not in re.sub(r"```.*?```", "", shown, flags=re.S), "no link is alive outside a code block"


@pytest.mark.fault("F52", "on PostgreSQL as on SQLite")
async def test_kept_exact_on_the_other_database_too(postgres: Cluster, tmp_path: Path) -> None:
    environ = {**LOOSE, "LIMNER__STORAGE__DATABASE": postgres.fresh()}
    async with page.running(tmp_path, environ=environ) as here, page.visiting(here) as browser:
        for words in (*HOSTILE, *MENDED):
            [sheet] = await page.ask(browser, words)
            assert sheet["typed"] == clean(words)[0]
        async with browser.get("/api/jobs?limit=1") as answer:
            assert (await answer.json())["jobs"][0]["typed"] == clean([*MENDED][-1])[0]
