"""/imagine: words, perhaps a sketch, and options beside the flags in the words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.guests import answering
from core.draft import COUNT, GUIDANCE, STEPS
from core.flags import FLAGS
from core.recipe import SEEDS
from core.words import Piece

if TYPE_CHECKING:
    from bot.client import LimnerBot


class ImagineCog(commands.Cog):
    """Offer /imagine."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @app_commands.command(description="Paint a picture from words, or over a sketch.")
    @app_commands.describe(
        prompt="What to paint; flags such as --ar 3:2 --steps 30 --no text work too.",
        sketch="A picture to start from (PNG, JPEG, WebP or GIF, up to 10 MB).",
        negative_prompt="What to avoid.",
        seed="The same seed gives the same picture.",
        steps="More steps, more detail, more time.",
        guidance="How hard the prompt pulls.",
        size="Width x height in pixels, such as 512x768.",
        ar="Width : height, such as 3:2.",
        strength="How much of the sketch is painted over, 0 to 1.",
        count="How many pictures.",
    )
    async def imagine(
        self,
        interaction: discord.Interaction,
        prompt: str,
        sketch: discord.Attachment | None = None,
        negative_prompt: str | None = None,
        seed: app_commands.Range[int, 0, SEEDS - 1] | None = None,
        steps: app_commands.Range[int, *STEPS] | None = None,
        guidance: app_commands.Range[float, *GUIDANCE] | None = None,
        size: str | None = None,
        ar: str | None = None,
        strength: app_commands.Range[float, 0.0, 1.0] | None = None,
        count: app_commands.Range[int, *COUNT] | None = None,
    ) -> None:
        """Accept the words; with a sketch, promise an answer first, for its bytes take longer than Discord waits."""
        typed = {
            "negative_prompt": negative_prompt, "seed": seed, "steps": steps, "guidance": guidance,
            "strength": strength, "count": count,
        }  # fmt: skip
        options: dict[str, Any] = {name: value for name, value in typed.items() if value is not None}
        async with answering(interaction):
            for name, words in (("size", size), ("ar", ar)):
                options |= {} if words is None else read_option(name, words)
            digest = None
            if sketch is not None:
                self._bot.attachments.check(sketch)
                await interaction.response.defer(thinking=True)
                taken = await self._bot.studio.take_sketch(await self._bot.attachments.read(sketch))
                digest = taken["digest"]
            await self._bot.reception.by_interaction(
                interaction, prompt, kind="imagine", sketch=digest, options=options
            )


def read_option(name: str, typed: str) -> dict[str, Any]:
    """Read an option's words as the same flag reads them among the words."""
    flag = next(flag for flag in FLAGS if flag.name == name)
    return flag.read(name, Piece.of(typed, 0, len(typed)), ())
