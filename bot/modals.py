"""Modals: what opens them, and what is done when one is sent, in whatever process that is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.attachments import Upload, images
from bot.cards import VERSION, painted
from bot.forms import STRENGTH_SIGNS, choice, field, modal, words_field
from bot.guests import answering, asker, bot_of, here
from core.commands import AMOUNTS
from core.errors import BadInput, BadSketch
from core.flags import number
from core.grammar import prompt_words
from core.sheet import PictureSheet
from core.words import Piece

if TYPE_CHECKING:
    from bot.client import LimnerBot

REMIX = ("remix", "reroll", "vary", "strong")
"""Buttons that open the Remix modal; what is done where nothing is changed depends on which it was."""
WHOLE = ("remix", "reroll")
"""Of these, those that are about a Job's Pictures all together."""

TEMPLATE = re.compile(rf"{VERSION}:modal\.(?P<form>sketch|attached|{'|'.join(REMIX)}):(?P<id>[0-9A-Z]{{15,26}})")
PAINTED_OVER = "How much of the sketch is painted over, 0 to 1; empty: as the model likes."
KEEP, NEW = "keep", "new"


async def open_remix(interaction: discord.Interaction, picture_id: str, origin: str) -> None:
    """Open the modal of five parts by which a Picture is asked for with other words."""
    sheet = await bot_of(interaction).studio.picture(asker(interaction), here(interaction), picture_id)
    if "remix" not in sheet["actions"]:
        raise BadInput("This picture is an enlargement: it has no words.", "Remix the picture it was made from.")
    told = prefilled(sheet, origin)
    seeds = [(KEEP, f"Keep seed {sheet['seed']}"), (NEW, "A new seed")]
    parts = [
        words_field("prompt", "Prompt", told["prompt"], "Options such as --ar 3:2 or --steps 30 work here too."),
        words_field("negative_prompt", "What to avoid", told["negative_prompt"]),
        choice("seed", "Seed", seeds, told["seed"]),
        field("strength", "Strength", told["strength"], PAINTED_OVER, STRENGTH_SIGNS),
        ui.Label(
            text="New sketch",
            description="A picture to start from (PNG, JPEG, WebP or GIF, up to 10 MB).",
            component=ui.FileUpload(custom_id="sketch", required=False, min_values=0, max_values=1),
        ),
    ]  # fmt: skip
    await interaction.response.send_modal(modal("Remix", f"{VERSION}:modal.{origin}:{sheet['id']}", parts))


async def open_sketch(interaction: discord.Interaction, picture_id: str) -> None:
    """Open the modal by which a painted Picture becomes a Sketch; of several, which one is asked."""
    bot, person, place = bot_of(interaction), asker(interaction), here(interaction)
    sheet = await bot.studio.picture(person, place, picture_id)
    job = await bot.studio.job(person, place, sheet["job"])
    offered = [each for each in painted(job) if "sketch" in each["actions"] and not each["flagged"]]
    if not offered:
        raise BadSketch("There is no picture to start from.", "Ask for it again first.")
    first = sheet["id"] if any(each["id"] == sheet["id"] for each in offered) else offered[0]["id"]
    options = [(each["id"], f"Picture {each['index'] + 1}") for each in offered]
    # Words in marks stand as they are: the Person's suffix is in this Prompt already.
    suffixed = bool((await bot.studio.people.defaults(person)).suffix)
    words = prompt_words(sheet["prompt"], plain=not suffixed) if sheet["prompt"] else ""
    await _send_sketch(interaction, f"{VERSION}:modal.sketch:{first}", options, first, words)


async def open_sketch_modal(interaction: discord.Interaction, message: discord.Message) -> None:
    """Open the modal by which a picture of any message becomes a Sketch; raise BadSketch where it has none."""
    bot = bot_of(interaction)
    if (picture_id := card_id(bot, message)) is not None:
        await open_sketch(interaction, picture_id)
        return
    uploads = images(message)
    if not uploads:
        raise BadSketch("There is no picture in that message.", "Use this on a message with a picture.")
    bot.attachments.check(uploads[0])
    bot.attachments.remember(message.id, uploads)
    options = [(str(nth), f"Picture {nth + 1}") for nth in range(len(uploads))]
    await _send_sketch(interaction, f"{VERSION}:modal.attached:{message.id}", options, "0", "")


async def submitted(interaction: discord.Interaction) -> None:
    """Do what a modal of ours asks for; who may and on what Limits is checked now, not when it was opened."""
    data: Any = interaction.data or {}
    found = TEMPLATE.fullmatch(str(data.get("custom_id", "")))
    if found is None:
        return
    typed, uploads = read(data)
    async with answering(interaction):
        if found["form"] == "attached":
            await _paint_over_attached(interaction, int(found["id"]), typed)
        elif found["form"] == "sketch":
            await _paint_over_picture(interaction, typed.get("picture") or found["id"], typed)
        else:
            await _remix(interaction, found["id"], found["form"], typed, uploads)


def read(data: Mapping[str, Any]) -> tuple[dict[str, str], list[Upload]]:
    """Return what was typed or chosen by field, and the files sent along."""
    typed: dict[str, str] = {}
    files = data.get("resolved", {}).get("attachments", {})
    uploads: list[Upload] = []
    for part in data["components"]:
        child = part.get("component", {})
        if (name := child.get("custom_id")) is None:
            continue
        chosen = child.get("values") or []
        uploads += [Upload.from_json(files[each]) for each in chosen if each in files]
        # Discord sends a field's words with the line ends of who typed them.
        value = child.get("value") or next(iter(chosen), "")
        typed[name] = str(value).replace("\r\n", "\n").strip()
    return typed, uploads


def prefilled(sheet: PictureSheet, origin: str) -> dict[str, str]:
    """Return what stands in the Remix modal when it opens: sent back like this, nothing was changed."""
    strength = sheet["recipe"].get("strength")
    return {
        "prompt": prompt_words(sheet["prompt"]).replace("\r\n", "\n").strip() if sheet["prompt"] else "",
        "negative_prompt": str(sheet["recipe"].get("negative_prompt", "")).strip(),
        "seed": NEW if origin == "reroll" else KEEP,
        "strength": "" if strength is None else f"{strength:g}",
    }


def card_id(bot: LimnerBot, message: discord.Message) -> str | None:
    """Return an id by which a card of ours knows its Pictures: its buttons name it."""
    if bot.user is None or message.author.id != bot.user.id:
        return None
    for component in _walk([component.to_dict() for component in message.components]):
        found = re.fullmatch(rf"{VERSION}:[a-z]+:([0-9A-Z]{{26}})", str(component.get("custom_id", "")))
        if found is not None:
            return found[1]
    return None


async def _remix(
    interaction: discord.Interaction, picture_id: str, origin: str, typed: dict[str, str], uploads: Sequence[Upload]
) -> None:
    bot = bot_of(interaction)
    before = prefilled(await bot.studio.picture(asker(interaction), here(interaction), picture_id), origin)
    changed = {name: value for name, value in typed.items() if name in before and value != before[name]}
    if not changed and not uploads:
        await paint_again(interaction, picture_id, "vary" if origin == "remix" else origin)
        return
    options: dict[str, Any] = {"keep_seed": typed.get("seed") != NEW, "whole": origin in WHOLE}
    if "negative_prompt" in changed:
        options["negative_prompt"] = changed["negative_prompt"]
    if changed.get("strength"):
        options |= _strength(changed["strength"])
    taken: dict[str, Any] = {"digest": None, "notes": ()}
    if uploads:
        bot.attachments.check(uploads[0])
        await bot.reception.promise(interaction)
        taken = await _taken(interaction, uploads[0])
    await bot.reception.by_interaction(
        interaction, changed.get("prompt"), kind="remix", parent=picture_id, sketch=taken["digest"],
        options=options, notes=taken["notes"],
    )  # fmt: skip


async def paint_again(interaction: discord.Interaction, picture_id: str, action: str) -> None:
    """Reroll or vary a Picture as it is, on the presser's own Limits."""
    reception = bot_of(interaction).reception
    if action == "reroll":
        await reception.by_interaction(interaction, kind="reroll", parent=picture_id)
    else:
        amount = AMOUNTS["strong" if action == "strong" else "subtle"]
        await reception.by_interaction(interaction, kind="vary", parent=picture_id, options={"amount": amount})


async def _paint_over_picture(interaction: discord.Interaction, picture_id: str, typed: dict[str, str]) -> None:
    bot, options = bot_of(interaction), _strength(typed.get("strength", ""))
    await bot.reception.promise(interaction)
    taken = await bot.studio.picture_as_sketch(asker(interaction), here(interaction), picture_id)
    await bot.reception.by_interaction(
        interaction, typed["prompt"], kind="imagine", parent=picture_id, sketch=taken["digest"], options=options
    )


async def _paint_over_attached(interaction: discord.Interaction, message_id: int, typed: dict[str, str]) -> None:
    bot, options = bot_of(interaction), _strength(typed.get("strength", ""))
    uploads = bot.attachments.recall(message_id)
    nth = int(typed.get("picture") or 0)
    if nth >= len(uploads):
        raise BadSketch("I do not have that picture any more.", "Use the message's menu again.")
    bot.attachments.check(uploads[nth])
    await bot.reception.promise(interaction)
    taken = await _taken(interaction, uploads[nth])
    await bot.reception.by_interaction(
        interaction, typed["prompt"], kind="imagine", sketch=taken["digest"], options=options, notes=taken["notes"]
    )


async def _send_sketch(
    interaction: discord.Interaction, custom_id: str, options: list[tuple[str, str]], first: str, words: str
) -> None:
    parts = [choice("picture", "Picture", options, first)] if len(options) > 1 else []
    parts.append(words_field("prompt", "Prompt", words, "What to paint over it; options work here too."))
    parts.append(field("strength", "Strength", "", PAINTED_OVER, STRENGTH_SIGNS))
    await interaction.response.send_modal(modal("Use as sketch", custom_id, parts))


async def _taken(interaction: discord.Interaction, upload: Upload) -> dict[str, Any]:
    bot = bot_of(interaction)
    return await bot.studio.take_sketch(asker(interaction), here(interaction), await bot.attachments.read(upload))


def _strength(typed: str) -> dict[str, float]:
    """Read a Strength as the flag reads it; empty is a blank."""
    return {"strength": number("strength", Piece.of(typed, 0, len(typed)), 0.0, 1.0)} if typed else {}


def _walk(components: Any) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for each in components:
        found += [each, *_walk(each.get("components", ()))]
    return found
