"""Person B can neither cancel, export, erase nor read what is Person A's, on any face."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import aiohttp

from core.person import Person, Place
from tests.bot.test_gallery import told
from tests.support import page, program, shell
from tests.support.discord_double import drawing, texts, world
from tests.support.fake_engine import FakeEngine

SECRET = "xyzzyfrobozz"
MARK = {"X-Limner": "1"}
ANN, BOB = "web:ann", "web:bob"


def token_of(person: str) -> str:
    """Return what stands in the cookie of a Person's session."""
    return hashlib.sha256(person.encode()).hexdigest()


def visitor(here: page.Running, person: str) -> aiohttp.ClientSession:
    """Be the browser of a Person who is not the owner."""
    headers = {"Origin": here.base, "Sec-Fetch-Site": "same-origin", **MARK}
    cookies = {f"limner-{here.port}": token_of(person)}
    return aiohttp.ClientSession(here.base, cookies=cookies, headers=headers)


def typed_in(pieces: bytes) -> str:
    """Return every Job an export holds, as text."""
    with zipfile.ZipFile(io.BytesIO(pieces)) as folder:
        return folder.read("jobs.jsonl").decode() + " ".join(folder.namelist())


async def test_on_the_page(tmp_path: Path) -> None:
    async with page.running(tmp_path) as here:
        for person in (ANN, BOB):
            known = hashlib.sha256(token_of(person).encode()).hexdigest()
            await here.program.archive.open_session(known, person, 2**52)
        async with visitor(here, ANN) as ann, visitor(here, BOB) as bob:
            async with ann.post("/api/sketches", data=drawing()) as answer:
                sketch = (await answer.json())["digest"]
            [asked] = await page.ask(ann, f"a {SECRET} --steps 2", sketch=sketch)
            sheet = await page.settled(ann, asked["id"])
            picture = sheet["pictures"][0]["id"]
            paths = [f"/api/jobs/{asked['id']}", f"/api/pictures/{picture}", f"/api/pictures/{picture}/file",
                     f"/api/pictures/{picture}/show"]  # fmt: skip
            for path in paths:
                async with bob.get(path) as answer:
                    assert answer.status == 404 and SECRET not in await answer.text(), path
            for path in (f"/api/jobs/{asked['id']}/cancel", f"/api/jobs/{asked['id']}/delete",
                         f"/api/sketches/from/{picture}"):  # fmt: skip
                async with bob.post(path) as answer:
                    assert answer.status == 404, path
            for kind in ("reroll", "vary", "upscale", "reproduce", "remix", "again"):
                body = {"words": "", "kind": kind, "parent": picture}
                async with bob.post("/api/jobs", json=body) as answer:
                    assert answer.status in (400, 404) and SECRET not in await answer.text(), kind
            for path in ("/api/jobs", "/api/queue", "/api/defaults"):
                async with bob.get(path) as answer:
                    found = await answer.text()
                    assert SECRET not in found and sketch not in found, path
            async with bob.get("/api/export") as answer:
                found = typed_in(await answer.read())
                assert SECRET not in found and picture not in found and sketch not in found
            async with bob.post("/api/erase", json={"confirm": "erase", "person": ANN}) as answer:
                assert (await answer.json())["jobs"] == 0
            async with ann.get(f"/api/pictures/{picture}/file") as answer:
                assert answer.status == 200
            for form in ("png", "thumb"):
                async with ann.get(f"/api/sketches/{sketch}?form={form}") as answer:
                    assert answer.status == 200
                async with bob.get(f"/api/sketches/{sketch}?form={form}") as answer:
                    assert answer.status == 404
            for body in ({"words": "a boat", "sketch": sketch}, {"words": "a boat", "sketch": sketch, "mask": sketch}):
                async with bob.post("/api/jobs", json=body) as answer:
                    assert answer.status == 404 and "not here" in await answer.text()


async def test_in_discord(tmp_path: Path) -> None:
    async with world(tmp_path, gated=True) as here:
        ann, bob = here.person("ann"), here.person("bob")
        other = here.guild.create_text_channel("other")
        await ann.slash(here.channel, "imagine", prompt=f"a {SECRET}", sketch=("a.png", drawing()))
        [(job, picture)] = here.rows("SELECT job_id, id FROM pictures")
        assert "Only who asked" in told(await bob.slash(here.channel, "cancel", id=job)), "seen, but not theirs"
        assert "no job or picture" in told(await bob.slash(other, "cancel", id=job))
        assert here.rows("SELECT state FROM jobs") != [("cancelled",)]
        here.parts.gate.open()
        await here.delivered()
        asked: list[tuple[str, dict[str, Any]]] = [
            (name, {"id": picture}) for name in ("show", "reroll", "vary", "upscale", "reproduce")
        ]
        for name, options in asked:
            text = told(await bob.slash(other, name, **options))
            assert "no job or picture" in text and SECRET not in text, name
        assert SECRET not in told(await bob.slash(other, "history"))
        assert SECRET not in told(await bob.slash(other, "queue"))
        sent = await bob.slash(other, "privacy export")
        assert sent.response is not None
        [file] = [here.env.backend.cdn.get(each.url) for each in sent.response.attachments]
        found = typed_in(file or b"")
        assert SECRET not in found and picture not in found
        form = await bob.slash(other, "privacy erase")
        assert "Erased: 0 jobs" in told(await bob.submit_modal(form, {"word": "erase"}))
        assert SECRET in texts((await ann.slash(here.channel, "history")).response)
        assert len(here.rows("SELECT * FROM files WHERE kind = 'sketch'")) == 1


async def test_on_the_command_line(tmp_path: Path) -> None:
    async with program.running(tmp_path, lambda _load, _models: FakeEngine()) as here:
        (tmp_path / "sketch.png").write_bytes(drawing())
        ann, elsewhere = Person("cli:ann"), Place.of("cli", {"feed": "cli:ann"})
        taken = await here.studio.take_sketch(ann, elsewhere, drawing())
        sheet = await program.done(here, f"a {SECRET} --steps 2", ann, elsewhere, sketch=taken["digest"])
        picture = sheet["pictures"][0]["id"]
        bob = shell.Shell(here.studio, person=Person("cli:bob"))
        for verb in ("show", "cancel", "reroll", "vary", "upscale", "reproduce"):
            assert await bob.type(verb, picture if verb != "cancel" else sheet["id"]) == 2, verb
            assert "no job or picture" in bob.out + bob.err and SECRET not in bob.out + bob.err, verb
        assert await bob.type("imagine", "a boat", "--sketch", picture) == 2
        assert await bob.type("history", "--json") == 0 and json.loads(bob.out) == []
        out = tmp_path / "bob.zip"
        assert await bob.type("export", "--out", str(out)) == 0
        assert SECRET not in typed_in(out.read_bytes())
        assert await bob.type("erase", "--confirm", "erase") == 0 and "0 jobs" in bob.out
        assert (await here.studio.job(ann, elsewhere, sheet["id"]))["id"] == sheet["id"]
        assert await here.studio.sketch_file(ann, taken["digest"])
