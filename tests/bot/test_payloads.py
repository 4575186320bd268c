"""Every body the bot sends, against Discord's own description of its API.

LIMNER_DISCORD_API names a folder with that description (openapi.json) and its checker (openapi_check.py).
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.discord_double import World, drawing, world

FOLDER = os.environ.get("LIMNER_DISCORD_API", "")


def findings(here: World) -> tuple[list[str], set[str]]:
    """Return what is wrong in the bodies sent, and the operations looked at."""
    spec = importlib.util.spec_from_file_location("openapi_check", Path(FOLDER) / "openapi_check.py")
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    checker = module.Checker(str(Path(FOLDER) / "openapi.json"), "")
    for each in here.env.http_requests:
        params = {} if each.params is None else each.params
        checker.check(each.method, each.path, params, each.json, False, 200, None)
    wrong = [f"{key}: {what}" for key, what in checker.bad if not what.startswith("answer")]
    return wrong, {key for key, _ in checker.calls}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.skipif(not FOLDER, reason="LIMNER_DISCORD_API is not set")
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
