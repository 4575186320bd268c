"""Take the pictures of the page that the docs show: every screen of the real program, light, dark and on a phone."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))

from playwright.async_api import Browser, Page, async_playwright, expect  # noqa: E402

import build  # noqa: E402
from core.config import load  # noqa: E402
from core.records import milliseconds  # noqa: E402
from web.app import Page as Site  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
WIDE, PHONE = {"width": 1280, "height": 820}, {"width": 390, "height": 844}
WAIT_MS = 150_000
LOOKS_MS = 8_000
"""So long the owner's screen takes to look three times: before that it knows no speeds to draw."""

MANY = (
    "{a blue fish, a rocket in space, a sunflower, a yellow star, a red apple, a mushroom, a frog, a penguin, an owl, "
    "a snowman, a house, a butterfly} --seed 11 --steps 10"
)


async def say(page: Page, words: str, cards: int) -> None:
    """Ask as people do, and wait until so many cards stand."""
    await page.locator("#words").fill(words)
    await page.keyboard.press("Enter")
    await expect(page.locator("article[data-state=delivered]")).to_have_count(cards)


async def shot(page: Page, name: str, folder: Path) -> None:
    """Take a picture once nothing on the page is still being loaded."""
    await page.evaluate("Promise.all([...document.images].map((each) => each.decode().catch(() => 0)))")
    await page.screenshot(path=str(folder / f"{name}.png"))
    print(name)


async def chat(page: Page, folder: Path) -> None:
    """Show the chat from its first sight to its cards."""
    await expect(page.locator("#empty")).to_be_visible()
    await shot(page, "empty", folder)
    await say(page, "/imagine a red heart --seed 7", 1)
    await say(page, "a cat in the snow --n 4 --seed 3", 2)
    await shot(page, "chat", folder)
    await page.locator("#words").press_sequentially("a fish --s")
    await expect(page.locator("#offers")).to_be_visible()
    await shot(page, "completion", folder)
    await page.locator("#words").fill("")
    await page.locator("article").first.get_by_role("button", name="Remix").click()
    await shot(page, "remix", folder)
    await page.keyboard.press("Escape")


async def pad(page: Page, folder: Path) -> None:
    """Show the sketch pad with a drawing, and the sketch beside the words."""
    await page.locator("#draw").click()
    box = await page.locator("canvas.paper").bounding_box()
    assert box is not None
    heart = [(0.5, 0.85), (0.15, 0.45), (0.3, 0.2), (0.5, 0.38), (0.7, 0.2), (0.85, 0.45), (0.5, 0.85), (0.45, 0.81)]
    await page.get_by_role("button", name="Red", exact=True).click()
    await page.mouse.move(box["x"] + heart[0][0] * box["width"], box["y"] + heart[0][1] * box["height"])
    await page.mouse.down()
    for across, down in heart[1:]:
        await page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=8)
    await page.mouse.up()
    await page.get_by_role("button", name="Fill").click()
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await shot(page, "pad", folder)
    await page.get_by_role("button", name="Use this sketch").click()
    await expect(page.locator("#sketch img")).to_be_visible()
    await shot(page, "sketch", folder)
    await page.get_by_role("button", name="Paint only a part").click()
    await expect(page.locator("#pad")).to_be_visible()
    await page.mouse.move(box["x"] + 120, box["y"] + 140)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 330, box["y"] + 180, steps=8)
    await page.mouse.up()
    await shot(page, "mask", folder)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Remove the sketch").click()


async def compare(page: Page, folder: Path) -> None:
    """Show two options against each other: the dialog, and what comes of it."""
    await page.locator("#words").fill("a red heart")
    await page.locator("#compare").click()
    await page.locator("#plot .tabs label").nth(1).click()
    await shot(page, "plot", folder)
    await page.locator("#plot-across-values").fill("2 5 8")
    await page.locator("#plot-down").select_option("seed")
    await page.locator("#plot-down-values").fill("3 7")
    await page.locator("#plot .main").click()
    await expect(page.locator(".compare img.picture")).to_have_count(6)
    await shot(page, "compare", folder)
    await page.goto(page.url.partition("#")[0] + "#/")


async def family(page: Page) -> None:
    """Make a family: two variations of the first picture, and an enlargement of one."""
    done = page.locator("article[data-state=delivered]")
    first, many = page.locator("article").first, await done.count()
    for nth, press in enumerate(("Vary subtle", "Vary strong"), 1):
        await first.get_by_role("button", name=press).click()
        await expect(done).to_have_count(many + nth)
    await done.last.get_by_role("button", name="Upscale x2").click()
    await expect(done).to_have_count(many + 3)


async def pictures(page: Page, folder: Path) -> None:
    """Show the gallery, one picture with its family and beside another, and the owner's screen."""
    here = page.url.partition("#")[0]
    done = page.locator("article[data-state=delivered]")
    await expect(page.locator("article").first).to_be_visible()
    many = await done.count()
    await page.locator("#words").fill(MANY)
    await page.keyboard.press("Enter")
    await page.locator("#sure .main").click()
    await expect(done).to_have_count(many + 12)
    await family(page)
    await page.goto(here + "#/pictures")
    await expect(page.locator(".tile img").first).to_be_visible()
    await shot(page, "pictures", folder)
    await page.locator(".tile a").nth(1).click()
    await expect(page.locator(".tree a").first).to_be_visible()
    await page.set_viewport_size({"width": 1280, "height": 1390})
    await shot(page, "picture", folder)
    await page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    await page.locator(".beside-with select").select_option(index=1)
    await expect(page.locator(".beside .over")).to_be_visible()
    await shot(page, "beside", folder)
    job = await page.locator(".about details code").nth(1).text_content()
    await page.goto(here + "#/")
    await page.locator("#words").fill("a rocket in space --n 4 --seed 5 --steps 40")
    await page.keyboard.press("Enter")
    await expect(done).to_have_count(many + 15)
    await page.goto(here + f"#/operate/{job}")
    await expect(page.locator(".log li").first).to_be_visible()
    await page.set_viewport_size({"width": 1280, "height": 1150})
    await page.wait_for_timeout(LOOKS_MS)
    await page.locator("#screen").evaluate("screen => screen.scrollTo(0, 0)")
    await shot(page, "operate", folder)
    await page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    await page.goto(here + "#/")
    await expect(done).to_have_count(many + 16)


SCREENS: tuple[Callable[[Page, Path], Awaitable[None]], ...] = (chat, pad, compare, pictures)


async def take(browser: Browser, site: str, folder: Path) -> None:
    """Take every picture: each screen once, then the chat in the dark, on a phone and in another language."""
    page = await (await browser.new_context(viewport=WIDE, reduced_motion="reduce")).new_page()  # type: ignore[arg-type]
    await page.goto(site)
    for screen in SCREENS:
        await screen(page, folder)
    state = await page.context.storage_state()
    for name, scheme, size, locale in (
        ("dark", "dark", WIDE, "en"), ("phone", "light", PHONE, "en"), ("german", "light", WIDE, "de"),
    ):  # fmt: skip
        other = await browser.new_context(
            viewport=size,
            color_scheme=scheme,
            storage_state=state,
            locale=locale,
            reduced_motion="reduce",  # type: ignore[arg-type]
        )
        page = await other.new_page()
        await page.goto(site.partition("?")[0])
        await expect(page.locator("article img.picture").first).to_be_visible()
        await shot(page, name, folder)


async def main(folder: Path) -> None:
    """Run the program with the built-in model on a folder of its own, and take the pictures into `folder`."""
    expect.set_options(timeout=WAIT_MS)
    with tempfile.TemporaryDirectory() as data:
        config = load(
            HOME / "config.toml",
            Path(data) / "config.toml",
            {"LIMNER__LIMITS__PER_MINUTE": "0", "LIMNER__LIMITS__WAITING": "0"},
        ).config
        program = await build.build(config, Path(data))
        site = Site(
            program.studio, program.archive, host="127.0.0.1", port=0, clock=milliseconds, bearer="screens",
            secret="screens", randomness=lambda count: bytes(range(count)),
            metrics=program.chronicle.metrics,
        )  # fmt: skip
        url = await site.start()
        await program.start()
        await program.queue.ready.wait()
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
                )
                await take(browser, url, folder)
                await browser.close()
        finally:
            await site.stop()
            await program.close()


if __name__ == "__main__":
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else HOME / "docs" / "screens"
    into.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(into))
