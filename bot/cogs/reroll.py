"""/reroll, /vary, /upscale, /reproduce: what can be made of a logged Picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot import choices
from bot.guests import answering
from core.job import Kind
from core.methods import FACTORS, NOISE_LEVELS
from core.recipe import SEEDS

if TYPE_CHECKING:
    from bot.client import LimnerBot

BY = "What enlarges it: a method or a model; without it, lanczos. The others take longer."
ID = "The id under a picture; without it, your last one."
PROMPT = "Of a model that enlarges: what the picture shows; without it, its own words."
NOISE = "Of a model that enlarges: how much it may add to the picture; without it, 20."
NoiseLevel = app_commands.Range[int, *NOISE_LEVELS]
Factor = app_commands.Range[int, min(FACTORS), max(FACTORS)]
Seed = app_commands.Range[int, 0, SEEDS - 1]


class RerollCog(commands.Cog):
    """Offer what makes a Picture from a Picture, on the presser's own Limits."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @app_commands.command(description="Paint a picture again with another seed.")
    @app_commands.describe(id=ID, seed="The seed; without it, a fresh one.")
    @app_commands.autocomplete(id=choices.pictures)
    async def reroll(self, interaction: discord.Interaction, id: str | None = None, seed: Seed | None = None) -> None:
        """Take the Recipe under another Seed."""
        await self._again(interaction, "reroll", id, seed=seed)

    @app_commands.command(description="Paint a picture a little differently: its noise, blended with another.")
    @app_commands.describe(
        id=ID,
        amount="How far from the picture, 0 to 1: subtle is 0.15, strong is 0.4.",
        seed="The seed of the second noise; without it, a fresh one.",
    )
    @app_commands.autocomplete(id=choices.pictures)
    @app_commands.autocomplete(amount=choices.amounts)
    async def vary(
        self,
        interaction: discord.Interaction,
        id: str | None = None,
        amount: app_commands.Range[float, 0.0, 1.0] | None = None,
        seed: Seed | None = None,
    ) -> None:
        """Take the Recipe with its noise blended."""
        await self._again(interaction, "vary", id, amount=amount, seed=seed)

    @app_commands.command(description="Enlarge a picture to two, three or four times its sides.")
    @app_commands.describe(
        id=ID, factor="How many times as wide and as high; without it, 2.", by=BY, prompt=PROMPT, noise_level=NOISE
    )
    @app_commands.autocomplete(id=choices.pictures, by=choices.methods)
    async def upscale(
        self,
        interaction: discord.Interaction,
        id: str | None = None,
        factor: Factor | None = None,
        by: str | None = None,
        prompt: str | None = None,
        noise_level: NoiseLevel | None = None,
    ) -> None:
        """Enlarge the stored Picture; it is not painted again."""
        typed = {"factor": factor, "by": by, "prompt": prompt, "noise_level": noise_level}
        await self._again(interaction, "upscale", id, **typed)

    @app_commands.command(description="Paint a picture again from its log, and compare the two bit for bit.")
    @app_commands.describe(id=ID)
    @app_commands.autocomplete(id=choices.pictures)
    async def reproduce(self, interaction: discord.Interaction, id: str | None = None) -> None:
        """Take Recipe, Seed and Fingerprint as logged."""
        await self._again(interaction, "reproduce", id)

    async def _again(self, interaction: discord.Interaction, kind: Kind, id_: str | None, **typed: Any) -> None:
        options = {name: value for name, value in typed.items() if value is not None}
        async with answering(interaction):
            await self._bot.reception.by_interaction(interaction, kind=kind, parent=named(id_), options=options)


def named(typed: str | None) -> str | None:
    """Return an id as it was typed or chosen, None where nothing was."""
    return (typed or "").strip().upper() or None
