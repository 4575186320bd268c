"""A canary through the whole program: a token, an interaction's token, a signed address and words typed go in."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from build import HOME
from core.lock import DataLock
from core.logs import to_file
from core.records import Parcel
from tests.support.discord_double import drawing, world
from tests.support.portal_double import TOKEN

WORDS = "canaryheart"
TALK = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OjlGb0xZdUVrTXhXaGRtT2pTc2VjcmV0"
SIGNED = "hm=5ignature5ignature"


def written(folder: Path) -> dict[Path, bytes]:
    """Return every file under a folder but the log itself and the Pictures, which are there to hold words."""
    kept = ("limner.db", "limner.db-wal", "limner.db-shm", "payer.key")
    return {path: path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in kept and path.suffix != ".png"}  # fmt: skip


async def test_nothing_of_it_is_written_by_the_discord_face(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = to_file(tmp_path / "logs" / "limner.log", "debug", "line", most_bytes=10**7, kept=1)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        async with world(tmp_path / "data") as here:
            ann = here.person("ann")
            await ann.slash(here.channel, "imagine", prompt=f"a {WORDS} --steps 2")
            await ann.slash(here.channel, "imagine", prompt=f"{WORDS} --stepz 3")
            await ann.slash(here.channel, "imagine", prompt=WORDS, sketch=("boat.png", drawing()))
            await here.delivered(2)

            async def broken(parcel: Parcel) -> None:
                url = f"https://discord.com/api/v10/webhooks/1/{TALK}/messages/@original"
                raise aiohttp.ClientError(f"{TOKEN} {url} https://cdn.discordapp.com/a/b.png?ex=1&{SIGNED}")

            # The worst a library can do: everything stands in the text of its error.
            monkeypatch.setattr(here.parts.bot.face, "deliver", broken)
            await ann.slash(here.channel, "imagine", prompt=f"another {WORDS}")
            log = tmp_path / "logs" / "limner.log"
            async with asyncio.timeout(20):
                while "could not be delivered" not in log.read_text(encoding="utf-8"):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
    out, err = capfd.readouterr()
    everything = {**written(tmp_path), Path("out"): out.encode(), Path("err"): err.encode()}
    text = log.read_text(encoding="utf-8")
    assert re.search(r"job=[0-9A-Z]{26} .*could not be delivered", text) and "/webhooks/1/***" in text
    for path, raw in everything.items():
        for secret in (TOKEN, TALK, SIGNED, WORDS):
            assert secret.encode() not in raw, (path, secret)


def test_nothing_of_it_is_written_by_the_program_and_its_page(tmp_path: Path) -> None:
    """The real process: a token it cannot use (there is no net), a Job asked for over HTTP, then SIGTERM."""
    data = tmp_path / "data"
    environ = {**os.environ, "LIMNER_DATA": str(data), "LIMNER__PAGE__PORT": "0", "LIMNER__PAGE__OPEN_BROWSER": "false",
               "LIMNER__ENGINE__THREADS": "1", "LIMNER__LOG__FORM": "json", "DISCORD_TOKEN": TOKEN}  # fmt: skip
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen([sys.executable, str(HOME / "main.py")], env=environ, stdout=out, stderr=err)
        try:
            secret = asyncio.run(_visit(data, process))
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    shown = (tmp_path / "out").read_text(encoding="utf-8")
    assert secret in shown, "the address that opens the page is told to who started it, and to nobody else"
    (tmp_path / "out").write_text(shown.replace(secret, ""), encoding="utf-8")
    assert (data / "logs" / "limner.log").read_text(encoding="utf-8").count("queued") >= 1
    for path, raw in written(tmp_path).items():
        for each in (TOKEN, WORDS, secret):
            assert each.encode() not in raw, (path, each)


async def _visit(data: Path, process: subprocess.Popen[bytes]) -> str:
    """Ask for a Picture, ask wrongly, bring no picture; return the page's secret."""
    lock = DataLock(data)
    async with asyncio.timeout(60):
        while (note := lock.note()) is None:
            assert process.poll() is None
            await asyncio.sleep(0.05)
    base, _, secret = note.url.partition("?secret=")
    headers = {"Authorization": f"Bearer {note.bearer}", "X-Limner": "1"}
    async with aiohttp.ClientSession(base.rstrip("/"), headers=headers) as program:
        for words in (f"a {WORDS} --steps 2", f"{WORDS} --stepz", f"{WORDS} --size 7x7"):
            async with program.post("/api/jobs", json={"words": words}) as answer:
                assert answer.status in (201, 400)
        async with program.get(f"/api/jobs?words={WORDS}") as answer:
            assert len((await answer.json())["jobs"]) == 1
        async with program.post("/api/sketches", data=WORDS.encode()) as answer:
            assert answer.status == 400
        async with program.get("/metrics") as answer:
            assert WORDS not in await answer.text()
    return secret
