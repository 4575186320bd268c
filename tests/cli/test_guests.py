"""The verbs for people and share links, in this process and beside a running Limner: the same words and codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from core.person import Person, Place
from tests.support.shell import Shell, beside, running

LINK = re.compile(r"http://127\.0\.0\.1:8410/enter#[A-Za-z0-9_-]{43}\n")


async def test_people_come_and_go(tmp_path: Path) -> None:
    async with running(tmp_path) as program, beside(program) as studio:
        for each in (program.studio, studio):
            await come_and_go(Shell(each))


async def come_and_go(shell: Shell) -> None:
    assert await shell.type("people") == 0 and "owner's alone" in shell.err
    assert await shell.type("people", "add", "Ann") == 0
    assert LINK.fullmatch(shell.out) and "works once" in shell.err
    assert await shell.type("people", "add", "boss", "--owner", "--json") == 0
    assert json.loads(shell.out)["owner"] is True
    assert await shell.type("people", "link", "ann") == 0 and LINK.fullmatch(shell.out)
    assert await shell.type("people", "list") == 0
    assert re.search(r"^ann +no password yet, link until .*\nboss +owner +no password", shell.out)
    assert await shell.type("people", "limit", "ann", "--waiting", "2", "--per-minute", "0") == 0
    rules = await shell.studio.operator.rules(shell.person, Place.of("cli"))
    assert rules["people"] == {"web:ann": {"waiting": 2, "per_minute": 0}}
    assert await shell.type("people", "remove", "ANN") == 0 and "stay in the log" in shell.out
    for wrong in (["add", "boss"], ["add", "owner"], ["add", "../x"], ["add"], ["link", "ann"], ["remove", "ann"],
                  ["remove", "../x"], ["limit", "boss", "--waiting", "1"], ["list", "x"], ["nobody"],
                  ["link", "boss", "--owner"], ["remove", "boss", "--waiting", "1"]):  # fmt: skip
        assert await shell.type("people", *wrong) == 2, wrong
        assert "Traceback" not in shell.err and shell.out == ""
    assert await shell.type("people", "remove", "boss") == 0


async def test_a_picture_is_shared_and_no_more(tmp_path: Path) -> None:
    async with running(tmp_path) as program, beside(program) as studio:
        for each in (program.studio, studio):
            await share_and_end(Shell(each), tmp_path)


async def share_and_end(shell: Shell, folder: Path) -> None:
    assert await shell.type("imagine", "a heart --steps 1", "--out", str(folder), "--json") == 0
    picture = json.loads(shell.out)[0]["pictures"][0]["id"]
    assert await shell.type("share", picture[-6:], "--words", "--days", "3") == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:8410/shared/[A-Za-z0-9_-]{43}\n", shell.out)
    assert f"unshare {picture[-6:]}" in shell.err
    assert await shell.type("unshare", picture) == 0 and shell.out == "1 share link ended.\n"
    for wrong in (["share"], ["share", "nothing"], ["share", picture, "--days", "0"], ["unshare", "nothing"]):
        assert await shell.type(*wrong) == 2, wrong


async def test_nobody_but_the_owner_makes_people(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        bob = Shell(program.studio, person=Person("cli:bob"))
        for words in ([], ["add", "ann"], ["link", "ann"], ["remove", "ann"], ["limit", "ann"]):
            assert await bob.type("people", *words) == 2 and "Only the owner" in bob.err, words
