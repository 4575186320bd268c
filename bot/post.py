"""Discord's REST calls for a card: edit the interaction's answer, edit by id, send once, find our own again."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import ui
from discord.http import Route, handle_message_parameters
from discord.utils import time_snowflake

from bot.cards import VERSION, CardFile, shown_id
from bot.guests import FACE, NOBODY
from core.job import Job
from core.records import Reply

if TYPE_CHECKING:
    from discord.ext import commands

log = logging.getLogger(__name__)
TOKEN_OVER = frozenset({10015, 50027})
"""Unknown Webhook, Invalid Webhook Token: an interaction's token is over, or was never answered by."""

UNKNOWN_MESSAGE = 10008
UNKNOWN_MEMBER = 10007
ANSWERED = 40060
"""Already acknowledged: by a try of ours that was told as an error, or by another copy of the bot."""
LOOK_BACK = timedelta(minutes=2)
"""Our clock and Discord's may differ by this much."""

LOOK_AT = 50


@dataclass(frozen=True, slots=True)
class Body:
    """Be a message to be: its card, built anew for each attempt, and the files it shows."""

    view: Callable[[], ui.LayoutView]
    files: Sequence[CardFile] = ()

    def attached(self) -> list[discord.File]:
        """Return the files as discord.py sends them, once."""
        return [file.as_file() for file in self.files]


@dataclass(frozen=True, slots=True)
class Spot:
    """Say where a Job's card stands; reply: the interaction whose answer it is, None for a message of its own."""

    channel_id: int
    message_id: int
    reply: Reply | None = None


class Post:
    """Bring cards to Discord; every call here may be repeated without a second message."""

    def __init__(self, bot: commands.Bot, clock: Callable[[], int]) -> None:
        self._bot = bot
        self._clock = clock

    @property
    def application(self) -> discord.AppInfo | None:
        """Return what Discord says of the application, None before it is logged in."""
        return self._bot.application

    async def edit(self, spot: Spot, body: Body) -> int:
        """Edit a card where it stands: by the interaction while its token lives, else by message id."""
        if spot.reply is not None and self.fresh(spot.reply):
            try:
                return await self._edit_original(spot.reply, body)
            except discord.HTTPException as error:
                if error.code not in TOKEN_OVER:
                    raise
        message = self._channel(spot.channel_id).get_partial_message(spot.message_id)
        await message.edit(view=body.view(), attachments=body.attached(), allowed_mentions=NOBODY)
        return spot.message_id

    async def send(self, channel_id: int, body: Body, nonce: str, answers: int | None = None) -> discord.Message:
        """Send a card as a message of its own; within minutes the same nonce gives the same message."""
        return await self._channel(channel_id).send(
            view=body.view(),
            files=body.attached(),
            nonce=nonce,
            reference=_reference(channel_id, answers),  # type: ignore[arg-type]  # None is its own default
            allowed_mentions=NOBODY,
            mention_author=False,
        )

    async def tell(self, reply: Reply, sentence: str) -> None:
        """Put a sentence where an answer was promised."""
        with handle_message_parameters(content=sentence, allowed_mentions=NOBODY) as params:
            await self._bot.http.request(self._route("PATCH", reply), json=params.payload)

    async def say(
        self,
        channel_id: int,
        words: str,
        nonce: str,
        answers: int | None = None,
        mentions: discord.AllowedMentions = NOBODY,
    ) -> None:
        """Send a few words once; mentions: whom they may ping."""
        await self._channel(channel_id).send(
            words,
            nonce=nonce,
            reference=_reference(channel_id, answers),  # type: ignore[arg-type]  # None is its own default
            allowed_mentions=mentions,
            mention_author=False,
        )

    async def direct(self, account: int) -> int:
        """Return the channel of direct messages with somebody."""
        return int((await self._bot.http.start_private_message(account))["id"])

    async def is_member(self, guild_id: int, account: int) -> bool:
        """Say whether somebody is on a server; where Discord does not tell, they are."""
        try:
            await self._bot.http.get_member(guild_id, account)
        except discord.NotFound as error:
            return error.code != UNKNOWN_MEMBER
        return True

    async def answered(self, spot: Spot) -> bool:
        """Say whether one of the newest messages is ours and answers a card."""
        me = self._bot.user
        async for message in self._channel(spot.channel_id).history(limit=LOOK_AT):
            meant = None if message.reference is None else message.reference.message_id
            if me is not None and message.author.id == me.id and meant == spot.message_id:
                return True
        return False

    async def original(self, reply: Reply, ids: Collection[str]) -> Spot | None:
        """Return the interaction's answer where it is the card of one of these ids, or has no card on it yet."""
        found = await self._answer(reply)
        if found is None or _foreign(found, ids):
            return None
        return Spot(int(found["channel_id"]), int(found["id"]), reply)

    async def whose(self, reply: Reply, ids: Collection[str]) -> Literal["ours", "theirs", "nobody's"]:
        """Say whose card the interaction's answer is: that of one of these ids, another one, or none yet."""
        found = await self._answer(reply)
        if found is None or not found.get("components"):
            return "nobody's"
        return "theirs" if _foreign(found, ids) else "ours"

    async def _answer(self, reply: Reply) -> dict[str, Any] | None:
        if not self.fresh(reply):
            return None
        try:
            found: dict[str, Any] = await self._bot.http.request(self._route("GET", reply))
        except discord.HTTPException as error:
            if error.code not in TOKEN_OVER:
                raise
            return None
        return found

    async def find(self, channel_id: int, ids: Collection[str], after: int) -> Spot | None:
        """Look for our own card of one of these ids among the first messages after an id, then among the newest."""
        try:
            # As Discord sends them: to make objects of fifty cards takes as long as all else.
            found = await self._bot.http.logs_from(channel_id, LOOK_AT, after=after)
            spot = self._among(found, channel_id, ids)
            if spot is None and len(found) == LOOK_AT:
                # Much was said since; a card that was sent late stands near the end.
                spot = self._among(await self._bot.http.logs_from(channel_id, LOOK_AT), channel_id, ids)
        except discord.Forbidden:
            log.info("channel %s: its messages may not be read, a card there is not looked for", channel_id)
            return None
        return spot

    def _among(self, found: Sequence[Mapping[str, Any]], channel_id: int, ids: Collection[str]) -> Spot | None:
        me = self._bot.user
        for message in sorted(found, key=lambda each: int(each["id"])):
            mine = me is not None and int(message["author"]["id"]) == me.id
            if mine and speaks_of(message.get("components", []), ids):
                return Spot(channel_id, int(message["id"]))
        return None

    def fresh(self, reply: Reply) -> bool:
        """Say whether an interaction's token may still be used."""
        return bool(reply.token) and self._clock() < reply.expires_at

    async def _edit_original(self, reply: Reply, body: Body) -> int:
        with handle_message_parameters(
            view=body.view(), attachments=body.attached(), allowed_mentions=NOBODY
        ) as params:
            route = self._route("PATCH", reply)
            # The bot's own HTTP client, not discord.py's webhook adapter: one place that waits for rate limits.
            if params.files:
                found = await self._bot.http.request(route, files=params.files, form=params.multipart)
            else:
                found = await self._bot.http.request(route, json=params.payload)
        return int(found["id"])

    def _route(self, method: str, reply: Reply) -> Route:
        path = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
        return Route(method, path, webhook_id=int(reply.application_id), webhook_token=reply.token)

    def _channel(self, channel_id: int) -> discord.PartialMessageable:
        return self._bot.get_partial_messageable(channel_id)


def _reference(channel_id: int, answers: int | None) -> discord.MessageReference | None:
    if answers is None:
        return None
    return discord.MessageReference(message_id=answers, channel_id=channel_id, fail_if_not_exists=False)


def since(job: Job) -> int:
    """Return the id after which a Job's card stands: what it was asked by, else its time by our own clock."""
    face, _, asked = job.source.partition(":")
    if face == FACE and asked.isdigit():
        return int(asked)
    return time_snowflake(datetime.fromtimestamp(job.created_at / 1000, UTC) - LOOK_BACK)


def shows(message: discord.Message, ids: Collection[str]) -> bool:
    """Say whether a message is the card of one of these ids."""
    return speaks_of([component.to_dict() for component in message.components], ids)


def answered(error: BaseException) -> bool:
    """Say whether Discord refused an answer because there is one."""
    return isinstance(error, discord.HTTPException) and error.code == ANSWERED


def nonce(what: str) -> str:
    """Return the 25 signs by which Discord knows a message sent twice."""
    return hashlib.sha256(what.encode()).hexdigest()[:25]


def values(components: Any, key: str) -> Iterator[str]:
    """Yield every text under a key in a tree of components."""
    if isinstance(components, dict):
        if isinstance(components.get(key), str):
            yield components[key]
        components = list(components.values())
    if isinstance(components, list):
        for part in components:
            yield from values(part, key)


def _foreign(message: Mapping[str, Any], ids: Collection[str]) -> bool:
    components = message.get("components", [])
    return bool(components) and not speaks_of(components, ids)


def speaks_of(components: Any, ids: Collection[str]) -> bool:
    """Say whether a card is that of one of these ids: by its buttons, or where it has none, by the id it shows."""
    pressed = [each for each in values(components, "custom_id") if each.startswith(f"{VERSION}:")]
    if pressed:
        return any(each.rpartition(":")[2] in ids for each in pressed)
    texts = list(values(components, "content"))
    return any(shown_id(each) in text for each in ids for text in texts)
