"""What the bot needs of Discord, once: scopes, permissions, intents; invite, set-up and doctor derive from here."""

from __future__ import annotations

import discord

SCOPES = ("bot", "applications.commands")

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,
)
"""See the channel, post and edit cards there and in its threads, with files; find a card again after a restart."""

INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
"""None is privileged: messages that mention the bot come with their words and pictures anyway."""


def invite(application_id: int) -> str:
    """Return the address by which a server's manager invites the bot with just these rights."""
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS, scopes=SCOPES)


def named(permissions: discord.Permissions) -> str:
    """Return permissions as Discord's settings call them."""
    shown = (name.replace("read_messages", "view_channels") for name, held in permissions if held)
    return ", ".join(name.replace("_", " ").title().replace(" In ", " in ") for name in shown)
