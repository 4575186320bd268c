"""Who asks and where, in core's words, and how a refusal is told to them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import aiohttp
import discord

from bot.plain import quiet
from core.errors import BadWords, LimitReached, StudioError
from core.person import Person, Place
from core.wording import NEUTRAL
from core.words import caret

if TYPE_CHECKING:
    from bot.client import LimnerBot

log = logging.getLogger(__name__)
FACE = "discord"
NOBODY = discord.AllowedMentions.none()
"""Given on every send and every edit: an edit without it parses mentions by Discord's default rules."""

NSFW = (
    discord.TextChannel, discord.VoiceChannel, discord.StageChannel, discord.ForumChannel, discord.CategoryChannel,
    discord.Thread,
)  # fmt: skip
"""What can be age-restricted."""

IN_SERVER = (discord.abc.GuildChannel, discord.Thread)
"""What says who may do what in it."""

UNSENT = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)
"""Whatever a call that did not succeed may raise: refused, told to wait too long, or the line is down."""


def bot_of(interaction: discord.Interaction) -> LimnerBot:
    """Return the bot an interaction came to."""
    return cast("LimnerBot", interaction.client)


def person_of(user: discord.abc.User, application: discord.AppInfo | None) -> Person:
    """Return the Person behind a Discord account; the application's owner or team is the owner."""
    owners: set[int] = set()
    if application is not None:
        owners = {member.id for member in application.team.members} if application.team else {application.owner.id}
    return Person(f"{FACE}:{user.id}", user.display_name, is_owner=user.id in owners)


def asker(interaction: discord.Interaction) -> Person:
    """Return the Person behind an interaction."""
    person = person_of(interaction.user, interaction.client.application)
    return person if interaction.guild_id is None else _in_server(person, interaction.user, interaction.permissions)


def writer(message: discord.Message, application: discord.AppInfo | None) -> Person:
    """Return the Person who wrote a message, with what an interaction would tell of it."""
    person, author = person_of(message.author, application), message.author
    if not isinstance(author, discord.Member):
        return person
    channel = message.channel
    try:
        may = channel.permissions_for(author) if isinstance(channel, IN_SERVER) else author.guild_permissions
    except discord.ClientException:
        # What its thread hangs on is not known here.
        may = author.guild_permissions
    return _in_server(person, author, may)


def here(interaction: discord.Interaction) -> Place:
    """Return the Place an interaction comes from."""
    return place_of(interaction.guild_id, interaction.channel_id, interaction.channel)


def where(message: discord.Message) -> Place:
    """Return the Place a message stands in."""
    return place_of(None if message.guild is None else message.guild.id, message.channel.id, message.channel)


def _in_server(person: Person, member: discord.abc.User, may: discord.Permissions) -> Person:
    """Return the Person with what it is and may in the server it asks from."""
    roles = tuple(f"{FACE}:{role.id}" for role in member.roles) if isinstance(member, discord.Member) else ()
    return replace(person, roles=roles, manages=may.manage_guild, may_moderate=may.manage_messages)


def for_adults(channel: object) -> bool:
    """Say whether a channel, or what a thread hangs on, is age-restricted; nobody has said so of a direct message."""
    return isinstance(channel, NSFW) and channel.is_nsfw()


def place_of(guild_id: int | None, channel_id: int | None, channel: object = None) -> Place:
    """Return the Place of a channel with what it is part of; ids as text, for they pass 2^53."""
    guild = None if guild_id is None else str(guild_id)
    return Place.of(FACE, {"guild": guild, "channel": str(channel_id)}, tuple(map(str, _within(channel))))


def _within(channel: object) -> Iterator[int]:
    """Yield what a channel is part of: the channel a thread hangs on, and the category of either."""
    if isinstance(channel, discord.Thread):
        yield channel.parent_id
        channel = channel.parent
    if isinstance(channel, discord.abc.GuildChannel) and channel.category_id is not None:
        yield channel.category_id


def channel_of(place: Place) -> int:
    """Return the channel a Place names."""
    return int(str(place.unpack()["channel"]))


def refusal(error: StudioError) -> str:
    """Return an error as a message: the sentence, the words with a caret, when a Limit opens again."""
    parts = [quiet(error.whole())]
    if isinstance(error, BadWords) and (pointed := caret(error)):
        # A backtick would end the block; its stand-in is as wide.
        parts.append("```\n" + pointed.replace("`", "ˋ") + "\n```")
    if isinstance(error, LimitReached) and error.opens_at is not None:
        parts.append(f"Free again <t:{error.opens_at // 1000}:R>.")
    return "\n".join(parts)


@asynccontextmanager
async def answering(interaction: discord.Interaction) -> AsyncIterator[None]:
    """Tell whoever asked why nothing came of it; an error that is not theirs is logged and told neutrally."""
    try:
        yield
    except StudioError as error:
        await tell(interaction, refusal(error))
    except Exception:
        log.exception("interaction %s: an error that is ours", interaction.id)
        await tell(interaction, NEUTRAL)
    await bot_of(interaction).reception.promises.kept(interaction)


async def tell(interaction: discord.Interaction, sentence: str) -> None:
    """Answer one Person alone; where an answer is promised to all, in its place: it can be no one Person's any more."""
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(sentence, ephemeral=True, allowed_mentions=NOBODY)
            return
        if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
            await interaction.edit_original_response(content=sentence, allowed_mentions=NOBODY)
        else:
            await interaction.followup.send(sentence, ephemeral=True, allowed_mentions=NOBODY)
    except UNSENT as error:
        log.warning("interaction %s could not be told why: %s", interaction.id, error)
