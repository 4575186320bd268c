"""The commands as Discord is told them, read off the bot without connecting it."""

from __future__ import annotations

from typing import Any, cast

from bot.client import LimnerBot
from core.records import milliseconds
from core.studio import Studio


async def commands() -> list[dict[str, Any]]:
    """Return every command and menu in Discord's form."""
    # Nobody asks this Studio anything: the bot is built for the form of its commands alone.
    bot = LimnerBot(cast(Studio, None), guilds=(), clock=milliseconds)
    await bot.equip()
    try:
        return [dict(command.to_dict(bot.tree)) for command in bot.tree.get_commands()]
    finally:
        await bot.close()
