"""/imagine and /sketch: words, perhaps a picture to start from, and options beside the flags in the words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot import choices
from bot.guests import answering, asker, here
from core.draft import COUNT, GUIDANCE, STEPS
from core.flags import FLAGS
from core.person import Person, Place
from core.recipe import SEEDS
from core.words import Piece

if TYPE_CHECKING:
    from bot.client import LimnerBot

SAID = {
    "prompt": "What to paint; flags such as --ar 3:2 --steps 30 --no text work too.",
    "sketch": "A picture to start from (PNG, JPEG, WebP or GIF, up to 10 MB).",
    "negative_prompt": "What to avoid.",
    "seed": "The same seed gives the same picture.",
    "steps": "More steps, more detail, more time.",
    "guidance": "How hard the prompt pulls.",
    "size": "Width x height in pixels, such as 512x768.",
    "ar": "Width : height, such as 3:2.",
    "strength": "How much of the sketch is painted over, 0 to 1.",
    "count": "How many pictures.",
    "sampler": "The formula from one step to the next.",
    "model": "Which model paints.",
    "style": "A manner of painting, such as ink; /styles lists them.",
    "lora": "LoRAs by name and weight, such as ink:0.8, grain.",
    "control": "With a sketch: the ControlNet that follows it, such as scribble:0.8.",
    "mask": "With a sketch: paint only where this picture is white, keep what is black.",
}
CHOICES: dict[str, Any] = {
    "sampler": choices.samplers, "model": choices.models, "style": choices.styles, "lora": choices.loras,
    "control": choices.controls,
}  # fmt: skip
IN_WORDS = ("size", "ar")
"""Options read as the same flag in the words is."""

Seed = app_commands.Range[int, 0, SEEDS - 1]
Steps = app_commands.Range[int, *STEPS]
Guidance = app_commands.Range[float, *GUIDANCE]
Strength = app_commands.Range[float, 0.0, 1.0]
Count = app_commands.Range[int, *COUNT]
Take = Callable[[Person, Place, bytes], Awaitable[dict[str, Any]]]


class ImagineCog(commands.Cog):
    """Offer /imagine and /sketch."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @app_commands.command(description="Paint a picture from words, or over a sketch.")
    @app_commands.describe(**SAID)
    @app_commands.autocomplete(**CHOICES)
    async def imagine(
        self,
        interaction: discord.Interaction,
        prompt: str,
        sketch: discord.Attachment | None = None,
        negative_prompt: str | None = None,
        seed: Seed | None = None,
        steps: Steps | None = None,
        guidance: Guidance | None = None,
        size: str | None = None,
        ar: str | None = None,
        strength: Strength | None = None,
        count: Count | None = None,
        sampler: str | None = None,
        model: str | None = None,
        style: str | None = None,
        lora: str | None = None,
        control: str | None = None,
        mask: discord.Attachment | None = None,
    ) -> None:
        """Accept the words with the options beside them."""
        await self._accept(
            interaction, prompt, sketch, mask, negative_prompt=negative_prompt, seed=seed, steps=steps,
            guidance=guidance, size=size, ar=ar, strength=strength, count=count, sampler=sampler, model=model,
            style=style, loras=lora, control=control,
        )  # fmt: skip

    @app_commands.command(description="Paint over a picture you send along.")
    @app_commands.describe(**{name: SAID[name] for name in SAID if name not in ("sampler", "guidance", "ar", "lora")})
    @app_commands.autocomplete(model=choices.models, style=choices.styles, control=choices.controls)
    async def sketch(
        self,
        interaction: discord.Interaction,
        sketch: discord.Attachment,
        prompt: str = "",
        strength: Strength | None = None,
        negative_prompt: str | None = None,
        seed: Seed | None = None,
        steps: Steps | None = None,
        size: str | None = None,
        count: Count | None = None,
        model: str | None = None,
        style: str | None = None,
        control: str | None = None,
        mask: discord.Attachment | None = None,
    ) -> None:
        """Accept a picture with or without words."""
        await self._accept(
            interaction, prompt, sketch, mask, strength=strength, negative_prompt=negative_prompt, seed=seed,
            steps=steps, size=size, count=count, model=model, style=style, control=control,
        )  # fmt: skip

    async def _accept(
        self,
        interaction: discord.Interaction,
        prompt: str,
        sketch: discord.Attachment | None,
        mask: discord.Attachment | None,
        **typed: Any,
    ) -> None:
        """Accept the words; with a sketch, promise an answer first, for its bytes take longer than Discord waits."""
        async with answering(interaction):
            options = {name: value for name, value in typed.items() if value is not None and name not in IN_WORDS}
            for name in IN_WORDS:
                options |= {} if typed.get(name) is None else read_option(name, typed[name])
            came = [each for each in (sketch, mask) if each is not None]
            for each in came:
                self._bot.attachments.check(each)
            if came:
                await self._bot.reception.promise(interaction)
            over = await self._taken(interaction, sketch, self._bot.studio.take_sketch)
            where = await self._taken(interaction, mask, self._bot.studio.take_mask)
            await self._bot.reception.by_interaction(
                interaction,
                prompt,
                kind="imagine",
                sketch=over["digest"],
                mask=where["digest"],
                options=options,
                notes=(*over["notes"], *where["notes"]),
            )

    async def _taken(
        self, interaction: discord.Interaction, sent: discord.Attachment | None, take: Take
    ) -> dict[str, Any]:
        """Return an attachment's digest after intake, and what was mended."""
        if sent is None:
            return {"digest": None, "notes": ()}
        return await take(asker(interaction), here(interaction), await self._bot.attachments.read(sent))


def read_option(name: str, typed: str) -> dict[str, Any]:
    """Read an option's words as the same flag reads them among the words."""
    flag = next(flag for flag in FLAGS if flag.name == name)
    return flag.read(name, Piece.of(typed, 0, len(typed)), ())
