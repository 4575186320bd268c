"""Tests of the page's own files: every word comes from the languages, nothing runs or fetches foreign things."""

from __future__ import annotations

import gzip
import re

import aiohttp

from core.tongues import FIRST, read_tongues
from web.assets import FOLDER, read, said

HOSTILE = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "https://",
)  # fmt: skip
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir() if path.suffix in (".js", ".html")}
PREFIXES = ("action.", "beside.", "kind.", "command.", "option.", "pad.", "plot.", "shared.", "operate.")
"""Words asked for by a name that is only known when the page runs, or by the page that has no script."""


def test_every_word_the_page_asks_for_is_there_and_no_other() -> None:
    words = read_tongues()[FIRST].words
    asked = {
        key for text in SOURCES.values() for key in re.findall(r"""(?:\bt\(|\? )['"]([a-z]+\.[a-z_0-9]+)['"]""", text)
    }
    asked |= {key for text in SOURCES.values() for key in re.findall(r"""['"]([a-z]+\.[a-z_0-9]+)['"]""", text)} & set(
        words
    )
    asked |= set(re.findall(r"\{\{([a-z]+\.[a-z_]+)\}\}", SOURCES["index.html"] + SOURCES["enter.html"]))
    assert asked - set(words) == set()
    unused = {key for key in words if key not in asked and not key.startswith(PREFIXES)}
    assert unused == set()


def test_no_asset_holds_markup_from_data_or_reaches_elsewhere() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300
        for word in HOSTILE:
            assert word not in text, f"{path.name}: {word}"
        assert "http://" not in text.replace("http://www.w3.org/", ""), path.name


def test_the_first_load_stays_under_150_kilobytes() -> None:
    """The page, its styles and icons, and every module that the first one imports, at once or further on."""
    late = set(re.findall(r"import\('\./([a-z]+\.js)'\)", "".join(SOURCES.values()))) | {"screens.css"}
    loaded = {"main.js", "icons.svg", "icon.svg", *re.findall(r"/static/([a-z]+\.css)", SOURCES["index.html"])}
    open_ = ["main.js"]
    while open_:
        for name in re.findall(r"from '\./([a-z0-9]+\.js)'", SOURCES[open_.pop()]):
            if name not in loaded:
                loaded.add(name)
                open_.append(name)
    assert late and not late & loaded
    # Told at once, so that no module waits for the one before it to be read.
    early = set(re.findall(r'modulepreload" href="/static/([a-z0-9]+\.js)"', SOURCES["index.html"]))
    assert early == {name for name in loaded if name.endswith(".js")} - {"main.js"}
    words = read_tongues()
    page = read(FOLDER / "index.html")
    index = max(len(said(page, tongue, words).raw) for tongue in words.values())
    assert index > 10_000
    assert index + sum((FOLDER / name).stat().st_size for name in loaded) < 150_000


async def test_the_page_goes_out_zipped_to_who_takes_it_so_and_only_when_it_changed(
    browser: aiohttp.ClientSession,
) -> None:
    for path in ("/", "/static/main.js", "/static/style.css"):
        told: dict[str, tuple[bytes, str]] = {}
        for accepted, zipped in (("gzip, br", True), ("identity", False), ("br, gzip;q=0", False)):
            sent = {"Accept-Encoding": accepted}
            async with browser.get(path, headers=sent, auto_decompress=False) as answer:
                raw, etag = await answer.read(), answer.headers["ETag"]
                assert answer.headers.get("Content-Encoding") == ("gzip" if zipped else None)
                assert "Accept-Encoding" in answer.headers["Vary"]
            told["gzip" if zipped else ""] = (gzip.decompress(raw) if zipped else raw, etag)
            async with browser.get(path, headers={**sent, "If-None-Match": etag}) as answer:
                assert answer.status == 304 and not await answer.read()
        assert told["gzip"][0] == told[""][0] and told["gzip"][1] != told[""][1]
