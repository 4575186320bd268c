"""Info: all that decided a Job's Pictures, told to one Person alone; what is too long is a file."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import discord

from bot.guests import NOBODY, asker, bot_of, here
from bot.plain import fenced
from core.picture import stem
from core.sheet import CompanionSheet, JobSheet
from core.telling import companion_line

TYPED = "/imagine prompt: "
"""Stands before words as they are typed here."""

MOST_SIGNS = 1900
"""A message's own text takes 2,000."""


async def tell_info(interaction: discord.Interaction, id_: str) -> None:
    """Answer with Recipe, Seed and Digest per Picture, Fingerprint, family and the line that gives the same again."""
    bot, person, place = bot_of(interaction), asker(interaction), here(interaction)
    known = await bot.studio.show(person, place, id_)
    job = await bot.studio.job(person, place, known["job"])
    told, files = about(job, known), [await _beside(interaction, known, each) for each in _kept(known)]
    words = fenced(told, MOST_SIGNS)
    # What a message cannot show as it stands would be copied wrong.
    if told not in words:
        whole = BytesIO(told.encode())
        files.append(discord.File(whole, filename=f"limner-{job['id']}.txt", description="The whole recipe."))
        words = f"Job `{job['id']}`: it cannot stand whole in a message, so here it is as a file."
    await interaction.response.send_message(words, files=files, ephemeral=True, allowed_mentions=NOBODY)


def _kept(known: dict[str, Any]) -> list[CompanionSheet]:
    return [each for each in known["companions"] if not each["gone"]]


async def _beside(interaction: discord.Interaction, known: dict[str, Any], companion: CompanionSheet) -> discord.File:
    """Return what is kept beside a Picture as a file."""
    studio, role = bot_of(interaction).studio, companion["role"]
    raw, _ = await studio.picture_file(asker(interaction), here(interaction), known["id"], "webp", role=role)
    name = f"limner-{stem(known['id'], role)}.webp"
    return discord.File(BytesIO(raw), filename=name, description=companion_line(companion))


def about(job: JobSheet, known: dict[str, Any]) -> str:
    """Return everything in plain lines; the line to type stands last. known: what Studio.show tells of the Picture."""
    lines = [f"Job {job['id']}, {job['kind']}, {job['state']}"]
    for each in job["pictures"]:
        pixels = each["pixels_digest"] or each["error"] or each["state"]
        lines.append(f"Picture {each['index'] + 1}: {each['id']}, seed {each['seed']}, pixels {pixels}")
    lines += [f"Recipe digest {known['recipe_digest']}", _plain(known["recipe"])]
    if known["fingerprint"] is not None:
        lines += ["Fingerprint", _plain(known["fingerprint"])]
    lines += [companion_line(each) for each in known["companions"]]
    if known["parent"]:
        lines.append(f"Made from picture {known['parent']}")
    if known["children"]:
        lines.append(f"Made from it: {', '.join(known['children'])}")
    if known["needs"]:
        lines.append(f"To be sent along with the words: {', '.join(known['needs'])}")
    command = known["command"]
    lines += ["The same again:", command if command.startswith("/") else f"{TYPED}{command}"]
    return "\n".join(lines)


def _plain(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True)
