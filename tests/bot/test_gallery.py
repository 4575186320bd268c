"""/history and its pages, /help, /cancel, and what a message's Apps menu offers."""

from __future__ import annotations

from pathlib import Path

from tests.support.discord_checks import checked
from tests.support.discord_double import buttons, texts

MENUS = ["Cancel", "Reroll", "Show recipe", "Use as sketch"]


def told(result: object) -> str:
    """Return all the text of a private answer."""
    response = getattr(result, "response", None)
    assert response is not None and response.ephemeral
    return texts(response) or str(response.content)


async def test_history_has_pages_that_turn_in_a_new_process(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        assert "nothing here yet" in told(await ann.slash(here.channel, "history"))
        for first, last in ((1, 6), (6, 9), (10, 15), (15, 18)):
            words = f"heart {{{','.join(map(str, range(first, last)))}}}"
            await ann.slash(here.channel, "imagine", prompt=words)
        await ann.slash(here.channel, "imagine", prompt="a *boat* @everyone")
        await here.delivered(17)
        result = await ann.slash(here.channel, "history")
        assert "boat" in told(result).splitlines()[0] and "\\*boat\\*" in told(result)
        assert "heart 17" in told(result) and "heart 10" not in told(result)
        assert list(buttons(result.response)) == ["Older"]
        await here.restart()
        older = await ann.click(result.response, label="Older")
        assert "heart 10" in told(older) and "boat" not in told(older)
        assert list(buttons(older.response)) == ["Newest", "Older"]
        last = await ann.click(older.response, label="Older")
        assert "heart 1 " in told(last) and list(buttons(last.response)) == ["Newest"]
        newest = await ann.click(last.response, label="Newest")
        assert "boat" in told(newest) and list(buttons(newest.response)) == ["Older"]
        assert "boat" not in told(await ann.slash(here.channel, "history", words="HEART"))
        assert "nothing here yet" in told(await bob.slash(here.channel, "history"))


async def test_help_tells_every_command_option_and_model(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        text = told(await here.person("ann").slash(here.channel, "help"))
        (commands,) = here.sent("PUT", "/commands")
        public = [each for each in commands if each["type"] == 1 and each["default_member_permissions"] is None]
        assert len(public) >= 9
        for each in public:
            assert f"/{each['name']}: " in text
        assert "\\-\\-ar" in text or "--ar" in text
        assert "tiny (the default)" in text


async def test_cancel_by_command_takes_the_newest_open_job_of_ones_own(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="first --n 16")
        await here.until(lambda: here.rows("SELECT 1 FROM jobs WHERE state = 'running'"))
        await ann.slash(here.channel, "imagine", prompt="second --n 16")
        await ann.slash(here.channel, "imagine", prompt="third")
        ids = {typed: id_ for typed, id_ in here.rows("SELECT typed, id FROM jobs")}
        assert "no job that waits" in told(await bob.slash(here.channel, "cancel"))
        assert "Only who asked" in told(await bob.slash(here.channel, "cancel", id=ids["third"]))
        offered = await ann.autocomplete(here.channel, "cancel", "id", "")
        assert [each["value"] for each in offered] == [ids["third"], ids["second --n 16"], ids["first --n 16"]]
        assert "third · Cancelled" in told(await ann.slash(here.channel, "cancel"))
        assert "second · " in told(await ann.slash(here.channel, "cancel", id=ids["second --n 16"][-8:].lower()))
        await ann.slash(here.channel, "cancel", id=ids["first --n 16"])
        here.parts.gate.open()
        await here.until(lambda: here.rows("SELECT count(*) FROM outbox WHERE state = 'done'") == [(3,)])
        assert all("Cancelled" in texts(card) for card in here.cards()) and len(here.cards()) == 3


async def test_menus_on_a_card_work_for_others_and_in_a_new_process(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 4 --n 2")
        await here.delivered()
        await here.restart()
        card = here.channel.history()[-1]
        picture = here.rows("SELECT id, recipe_digest, pixels_digest FROM pictures ORDER BY idx")[0]
        result = await bob.context_menu(here.channel, "Show recipe", card)
        assert all(each in told(result) for each in picture) and "/imagine prompt: a heart --seed 4" in told(result)
        assert '"device": "fake"' in told(result), "the Fingerprint is told too"
        assert not (await bob.context_menu(here.channel, "Reroll", card)).ephemeral
        await here.delivered(2)
        assert here.rows("SELECT count(*), max(parent_id) FROM pictures WHERE seed >= 77") == [(2, picture[0])]
        assert "Only who asked" in told(await bob.context_menu(here.channel, "Cancel", card))
        assert "Done" in told(await ann.context_menu(here.channel, "Cancel", card)), "an ended job stays as it is"


async def test_the_copied_line_gives_the_same_recipe(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a {heart --no rain --guidance 4 --size 96x64 --sampler euler")
        await here.delivered()
        line = told(await ann.context_menu(here.channel, "Show recipe", here.channel.history()[-1]))
        copied = line.partition("/imagine prompt: ")[2].partition("\n```")[0]
        assert not (await ann.slash(here.channel, "imagine", prompt=copied)).ephemeral
        await here.delivered(2)
        assert here.rows("SELECT count(DISTINCT recipe_digest), count(*) FROM pictures") == [(1, 2)]


async def test_menus_on_an_open_card_and_on_no_card(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart")
        card = here.channel.history()[-1]
        assert "a heart" in told(await ann.context_menu(here.channel, "Show recipe", card))
        words = await ann.send(here.channel, "lim1:reroll:01KDVDNA00T6B91MXMT3H61P3P id `01KDVDNA`")
        for name in MENUS[:3]:
            assert "no picture of mine" in told(await ann.context_menu(here.channel, name, words))
        await ann.context_menu(here.channel, "Cancel", card)
        here.parts.gate.open()
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE state = 'done'"))
        assert "Cancelled" in texts(here.cards()[0])
        # A card without buttons is known by the id it shows.
        assert "a heart" in told(await ann.context_menu(here.channel, "Show recipe", here.channel.history()[0]))
