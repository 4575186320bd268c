"""Tests of share links: one Picture for whoever has the address, its words where they were chosen, until it ends."""

from __future__ import annotations

import html
import io
import re

import aiohttp
from PIL import Image

from tests.support.page import Running, ask, settled, visiting
from tests.support.people import guest, send

WORDS = '<img src=x onerror="alert(1)"> \u202eheart & "quotes"'


async def painted(browser: aiohttp.ClientSession, words: str) -> str:
    [asked] = await ask(browser, f"{words} --steps 1")
    return (await settled(browser, asked["id"]))["pictures"][0]["id"]


async def shared(browser: aiohttp.ClientSession, picture: str, **how: object) -> str:
    status, told = await send(browser, f"/api/pictures/{picture}/share", **how)
    assert status == 201, told
    assert re.fullmatch(r"/shared/[A-Za-z0-9_-]{43}", told["path"])
    return str(told["path"])


async def test_whoever_has_it_sees_one_picture_and_nothing_else(site: Running) -> None:
    async with guest(site, "ann") as ann, visiting(site, enter=False) as stranger:
        picture, other = await painted(ann, WORDS), await painted(ann, "a boat")
        with_words, without = await shared(ann, picture, words=True, days=3), await shared(ann, picture)
        async with stranger.get(with_words) as answer:
            text = await answer.text()
            assert answer.status == 200 and answer.content_type == "text/html"
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; ") and "script" not in policy
            assert "noindex" in answer.headers["X-Robots-Tag"] and "noindex" in text
            assert answer.headers["Cache-Control"] == "no-store" and "Set-Cookie" not in answer.headers
        assert html.escape('<img src=x onerror="alert(1)"> heart & "quotes"') in text
        assert text.count("<img") == 1 and "<script" not in text and "\u202e" not in text
        assert picture not in text and other not in text and "ann" not in re.sub(r"[a-z]{4,}", "", text)
        async with stranger.get(without) as answer:
            text = await answer.text()
            assert "heart" not in text and "seed" in text
        for path, told in ((with_words, True), (without, False)):
            async with stranger.get(f"{path}/file") as answer:
                raw = await answer.read()
                assert answer.status == 200 and answer.content_type == "image/png"
                assert "sandbox" in answer.headers["Content-Security-Policy"]
                assert answer.headers["Cache-Control"] == "no-store"
            assert (b"heart" in raw) is told and Image.open(io.BytesIO(raw)).size[0] > 0
        for path in (f"/api/pictures/{picture}", f"/api/pictures/{picture}/file"):
            async with stranger.get(path) as answer:
                assert answer.status == 401


async def test_it_ends_at_once_and_only_who_painted_it_shares_it(site: Running) -> None:
    async with guest(site, "ann") as ann, guest(site, "bob") as bob, visiting(site) as owner:
        picture = await painted(ann, "a heart")
        path = await shared(ann, picture)
        for browser in (bob, owner):
            for verb in ("share", "unshare"):
                status, told = await send(browser, f"/api/pictures/{picture}/{verb}")
                assert status == 404 and "heart" not in str(told)
        async with ann.get(f"/api/pictures/{picture}/share") as answer:
            assert (await answer.json())["links"] == 1
        for wrong in ({"days": 0}, {"days": 10**6}, {"days": True}, {"words": 1}):
            assert (await send(ann, f"/api/pictures/{picture}/share", **wrong))[0] == 400, wrong
        assert await send(ann, f"/api/pictures/{picture}/unshare") == (200, {"picture": picture, "ended": 1})
        for gone in (path, f"{path}/file", f"/shared/{'A' * 43}"):
            async with bob.get(gone, headers={"Accept-Language": "de"}) as answer:
                assert answer.status == 404 and "Unter dieser Adresse ist nichts geteilt." in await answer.text()
        again = await shared(ann, picture)
        await send(ann, "/api/erase", confirm="erase")
        async with bob.get(again) as answer:
            assert answer.status == 404
