"""Every body the bot sends, against Discord's own description of its API."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.discord_checks import findings
from tests.support.discord_double import drawing, world
from tests.support.discord_schema import Description


def test_the_description_finds_what_is_over_a_limit() -> None:
    description = Description()
    path = "/channels/1/messages"
    assert description.findings("POST", path, {}, {"content": "a"})[1] == []
    assert description.findings("POST", path, {}, {"content": "a" * 4001})[1]
    assert description.findings("POST", path, {"speed": 1}, {"content": "a"})[1]
    assert description.findings("POST", "/channels/1/posts", {}, {})[1]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_every_body_is_one_discord_describes(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        ann, bot = here.person("ann"), here.parts.bot
        assert bot.user is not None
        await ann.slash(here.channel, "imagine", prompt="a {red, blue} heart --n 4")
        await ann.slash(here.channel, "imagine", prompt="a boat", sketch=("boat.png", drawing()))
        await ann.slash(here.channel, "imagine", prompt="a boat --stepz")
        await ann.send(here.channel, f"{bot.user.mention} a hut", attachments=[("hut.png", drawing())])
        await here.delivered(4)
        card = here.channel.history()[0]
        for label in ("Reroll", "U1", "V1", "Reproduce"):
            await ann.click(card, label=label)
        await here.delivered(8)
        await bot.face.deliver(await here.parcel())
        wrong, seen = findings(here)
        assert not wrong
        assert {
            "POST /interactions/{interaction_id}/{interaction_token}/callback",
            "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original",
            "POST /channels/{channel_id}/messages",
            "PATCH /channels/{channel_id}/messages/{message_id}",
            "PUT /applications/{application_id}/commands",
        } <= seen
