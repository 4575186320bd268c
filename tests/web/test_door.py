"""Tests of the door in a real browser: a friend comes in by a link, paints, shares, and is removed."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image, PngImagePlugin
from playwright.async_api import Browser, expect

from core.person import OWNER
from tests.support.browser import chromium, in_browser, say, shot, tab
from tests.support.page import running
from tests.support.people import PASSWORD
from tests.web.test_for_everyone import readable

__all__ = ["chromium"]
pytestmark = in_browser
EVIL = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script>"


def hostile_png() -> bytes:
    """Return a PNG whose text would run where anything took it for markup."""
    told, out = PngImagePlugin.PngInfo(), io.BytesIO()
    told.add_itxt("parameters", f"{EVIL}\nSteps: 2, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, Model: {EVIL}")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(out, "PNG", pnginfo=told)
    return out.getvalue()


async def test_a_friend_comes_paints_shares_and_is_removed(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as owner:
        await say(owner, "the owner's heart --steps 1")
        await expect(owner.locator("article img.picture")).to_be_visible()
        await expect(owner.locator("#nav-operate")).to_be_visible()
        made = await site.program.studio.accounts.add(OWNER, "ann")
        link = f"{site.base}/enter#{made['link'].partition('#')[2]}"
        async with tab(chromium, link) as ann:
            # By the keyboard alone: the field for the password has the focus, Enter sends it.
            await expect(ann.get_by_role("heading")).to_have_text("Welcome, ann")
            await expect(ann.get_by_label("New password")).to_be_focused()
            await readable(ann, "the door")
            await shot(ann, "door")
            await ann.keyboard.type("short")
            await ann.keyboard.press("Enter")
            assert not await ann.evaluate("document.getElementById('password').validity.valid")
            await ann.get_by_label("New password").fill(PASSWORD)
            await ann.keyboard.press("Enter")
            await expect(ann.locator("#health-text")).to_have_text("ready")
            await expect(ann.locator(".account")).to_contain_text("ann")
            await expect(ann.locator("#nav-operate")).to_be_hidden()
            await say(ann, f"{EVIL} --steps 1")
            await expect(ann.locator("article img.picture")).to_be_visible()
            await expect(ann.locator("article")).to_have_count(1)
            await expect(owner.locator("article")).to_have_count(1)
            await ann.locator("#file").set_input_files({"name": f"{EVIL}.png", "mimeType": "image/png",
                                                        "buffer": hostile_png()})  # fmt: skip
            await expect(ann.locator(".brought")).to_contain_text("script> is not here")
            await ann.get_by_role("button", name="Use its words").click()
            assert EVIL in await ann.get_by_label("Words to paint").input_value()
            await ann.get_by_label("Words to paint").fill("")
            picture = await ann.locator(".slot").get_attribute("data-picture")
            await ann.goto(f"{site.base}/#/picture/{picture}")
            await ann.get_by_label("with its words").check()
            await ann.get_by_role("button", name="Share", exact=True).click()
            address = await ann.get_by_label("Share link").input_value()
            async with tab(chromium, address, locale="de-DE") as stranger:
                await expect(stranger.get_by_role("img")).to_have_attribute("alt", EVIL)
                assert await stranger.evaluate("document.images[0].naturalWidth > 0 && document.scripts.length === 0")
                await expect(stranger.get_by_role("heading")).to_have_text("Ein Bild, gemalt mit Limner")
                await readable(stranger, "a shared picture")
                await shot(stranger, "shared")
                await ann.get_by_role("button", name="Stop sharing").click()
                await expect(ann.get_by_role("button", name="Stop sharing")).to_be_hidden()
                await stranger.reload()
                await expect(stranger.locator("main")).to_contain_text("nichts geteilt")
                assert await stranger.evaluate("window.pwned") is None
            assert await ann.evaluate("window.pwned") is None
            await ann.goto(f"{site.base}/#/")
            await site.program.studio.accounts.remove(OWNER, "ann")
            await say(ann, "one more")
            await expect(ann.locator("#trouble")).to_contain_text("not known here")
            await ann.reload()
            await expect(ann.locator("#locked")).to_be_visible()
            await ann.get_by_role("link", name="Sign in").click()
            await ann.get_by_label("Name").fill("ann")
            await ann.get_by_label("Password", exact=True).fill(PASSWORD)
            await ann.keyboard.press("Enter")
            await expect(ann.get_by_role("alert")).to_contain_text("do not go together")
            await readable(ann, "signing in")
        await expect(owner.locator("article")).to_have_count(1)


async def test_name_and_password_by_keyboard_on_a_phone_in_french(chromium: Browser, tmp_path: Path) -> None:
    phone = {"width": 360, "height": 740}
    async with running(tmp_path, warm=False) as site:
        accounts = site.program.studio.accounts
        link = (await accounts.add(OWNER, "ann"))["link"].partition("#")[2]
        await accounts.enter(link, PASSWORD, "here")
        async with tab(chromium, f"{site.base}/enter#/pictures", viewport=phone, locale="fr-FR") as page:
            await expect(page.get_by_label("Nom")).to_be_focused()
            assert await page.evaluate("document.documentElement.scrollWidth") <= 361
            await page.keyboard.type("ann")
            await page.keyboard.press("Tab")
            await page.keyboard.type(PASSWORD)
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/#/pictures")
            await page.goto(f"{site.base}/enter?change")
            await page.get_by_label("Mot de passe actuel").fill(PASSWORD)
            await page.get_by_label("Nouveau mot de passe").fill("un autre mot de passe")
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{site.base}/")
            await page.get_by_role("button", name="Se déconnecter").click()
            await page.wait_for_url("**/enter")


@asynccontextmanager
async def tls(folder: Path) -> AsyncIterator[tuple[int, list[int]]]:
    """Put TLS in front of the port that is added to the list, and give its own port with that list."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = await asyncio.create_subprocess_exec(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
        "-subj", "/CN=localhost", "-keyout", key, "-out", certificate, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await made.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    behind: list[int] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while some := await reader.read(65536):
                writer.write(some)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass  # Either side may hang up.
        finally:
            writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", behind[0])
        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], behind
    finally:
        server.close()


async def test_with_tls_in_front_people_come_by_the_public_address(chromium: Browser, tmp_path: Path) -> None:
    async with tls(tmp_path) as (port, behind):
        public = f"https://localhost:{port}"
        async with running(tmp_path, public_url=public) as site:
            behind.append(site.port)
            made = await site.program.studio.accounts.add(OWNER, "ann")
            link = f"{public}/enter#{made['link'].partition('#')[2]}"
            async with tab(chromium, link, ignore_https_errors=True) as ann:
                await ann.get_by_label("New password").fill(PASSWORD)
                await ann.keyboard.press("Enter")
                await expect(ann.locator("#health-text")).to_have_text("ready")
                await say(ann, "a heart --steps 1")
                await expect(ann.locator("article img.picture")).to_be_visible()
                [cookie] = await ann.context.cookies()
                assert cookie["name"].startswith("__Host-") and cookie["secure"] and cookie["httpOnly"]
                assert cookie["sameSite"] == "Strict"
