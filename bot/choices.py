"""What Discord offers while somebody types an option: Models, Samplers, styles and their own Pictures and Jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import discord
from discord.app_commands import Choice

from bot.guests import asker, bot_of
from core.recipe import SAMPLERS
from core.studio import Studio
from core.telling import amount_choices, job_line, picture_choice, tail

log = logging.getLogger(__name__)
MOST = 25
NAME_SIGNS = 100
ANSWER_S = 2.0
"""Discord waits 3 s for choices; later ones are of no use."""

Found = list[Choice[str]]


async def models(interaction: discord.Interaction, current: str) -> Found:
    """Offer the Models."""
    found = Found()
    async with _in_time():
        found += _named((str(model["name"]) for model in await _studio(interaction).models()), current)
    return found


async def samplers(interaction: discord.Interaction, current: str) -> Found:
    """Offer the Samplers of the Model that was chosen, else of the default one."""
    found = Found()
    async with _in_time():
        sheets = await _studio(interaction).models()
        chosen = getattr(interaction.namespace, "model", None)
        meant = [model for model in sheets if model["name"] == chosen] or [each for each in sheets if each["default"]]
        found += _named(meant[0]["samplers"] if meant else SAMPLERS, current)
    return found


async def styles(interaction: discord.Interaction, current: str) -> Found:
    """Offer the styles."""
    found = Found()
    async with _in_time():
        found += _named((str(style["name"]) for style in await _studio(interaction).styles()), current)
    return found


async def loras(interaction: discord.Interaction, current: str) -> Found:
    """Offer the LoRAs that can be used; of several typed with commas between, the last is still open."""
    found = Found()
    async with _in_time():
        before, comma, last = current.rpartition(",")
        cards = (await _studio(interaction).addons())["loras"]
        named = _named((str(card["name"]) for card in cards if card["state"] == "ready"), last.partition(":")[0])
        whole = [f"{before}{comma} {choice.value}".strip() for choice in named]
        found += [Choice(name=name, value=name) for name in whole if len(name) <= NAME_SIGNS]
    return found


async def controls(interaction: discord.Interaction, current: str) -> Found:
    """Offer the ControlNets that can be used."""
    found = Found()
    async with _in_time():
        cards = (await _studio(interaction).addons())["controls"]
        found += _named((str(card["name"]) for card in cards if card["state"] == "ready"), current.partition(":")[0])
    return found


async def methods(interaction: discord.Interaction, current: str) -> Found:
    """Offer what Pictures can be enlarged by."""
    found = Found()
    async with _in_time():
        found += _named((await _studio(interaction).health())["methods"], current)
    return found


async def pictures(interaction: discord.Interaction, current: str) -> Found:
    """Offer the Person's last Pictures, newest first; typed words or a part of an id narrow them."""
    found = Found()
    async with _in_time():
        wanted = current.strip().lower()
        sheets = await _studio(interaction).history(asker(interaction), limit=MOST)
        offered = [(picture_choice(sheet, each), each["id"]) for sheet in sheets for each in sheet["pictures"]]
        found += [Choice(name=name, value=id_) for name, id_ in offered if wanted in f"{name} {id_}".lower()][:MOST]
    return found


async def open_jobs(interaction: discord.Interaction, current: str) -> Found:
    """Offer the Person's Jobs that may still be cancelled."""
    found = Found()
    async with _in_time():
        sheets = await _studio(interaction).history(asker(interaction), limit=MOST)
        offered = [(f"{tail(sheet['id'])} · {job_line(sheet)}", sheet) for sheet in sheets]
        found += [
            Choice(name=name[:NAME_SIGNS], value=sheet["id"])
            for name, sheet in offered
            if "cancel" in sheet["actions"] and current.strip().lower() in name.lower()
        ]
    return found


async def amounts(_: discord.Interaction, current: str) -> list[Choice[float]]:
    """Offer the amounts of /vary that have a name."""
    wanted = str(current).strip().lower()
    return [Choice(name=name, value=amount) for name, amount in amount_choices() if wanted in name]


def _named(names: Iterable[str], current: str) -> Found:
    """Return choices of names that hold what was typed, those that begin with it first."""
    wanted = current.strip().lower()
    fitting = [name for name in names if wanted in name.lower() and len(name) <= NAME_SIGNS]
    fitting.sort(key=lambda name: not name.lower().startswith(wanted))
    return [Choice(name=name, value=name) for name in fitting[:MOST]]


def _studio(interaction: discord.Interaction) -> Studio:
    return bot_of(interaction).studio


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Keep to Discord's time: no choices are better than late ones, whatever is typed is read all the same."""
    try:
        async with asyncio.timeout(ANSWER_S):
            yield
    except TimeoutError:
        log.warning("no choices within %g s", ANSWER_S)
