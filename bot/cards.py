"""One Job, one card: how a Job's sheet is laid out as a Discord message, from queued to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import discord
from discord import ui

from bot.plain import fenced, quiet
from core.person import Person
from core.sheet import JobSheet, PictureSheet
from core.wording import ACTIONS, KINDS, took

VERSION = "lim1"
"""Begins every custom_id; old forms work for ever, another meaning gets another number."""

PROMPT_SIGNS = 600
NOTES_SIGNS = 400
FACTS_SIGNS = 300
"""All text together stays below 4,000 signs, even where each of them has to be switched off."""
MOST_PICTURES = 10
MOST_IN_A_ROW = 4
ONE = ("upscale", "vary", "strong", "reroll", "remix")
SEVERAL = ("reroll", "remix")
LAST = ("sketch", "info", "reproduce")
AGAIN = ("smaller", "again")
EACH = {"upscale": "U", "vary": "V"}
"""Actions offered per Picture where a card shows a few, with the letter before its number."""

CHOSEN = ("upscale", "vary", "strong", "sketch", "info")
"""Actions offered on the one Picture chosen among many."""

View = ui.LayoutView
Button = ui.Button[View]
Row = Sequence[ui.Item[View]]


@dataclass(frozen=True, slots=True)
class CardFile:
    """Hold one file a card shows; its name never holds words people typed."""

    name: str
    data: bytes
    alt: str
    spoiler: bool = False

    @property
    def url(self) -> str:
        """Return the address by which the card it goes out with shows it."""
        return f"attachment://{self.name}"

    def as_file(self) -> discord.File:
        """Return it as discord.py sends it, once: each attempt needs a new one."""
        return discord.File(BytesIO(self.data), filename=self.name, description=self.alt)


@dataclass(frozen=True, slots=True)
class Links:
    """Lead from a card elsewhere: to its parent's card, to itself on the page; empty: nowhere."""

    parent: str = ""
    page: str = ""


NOWHERE = Links()


def shown(sheet: JobSheet) -> list[PictureSheet]:
    """Return the Pictures a card shows; those the safety filter flagged are withheld."""
    return [picture for picture in painted(sheet) if not picture["flagged"]][:MOST_PICTURES]


def painted(sheet: JobSheet) -> list[PictureSheet]:
    """Return the Pictures that are stored."""
    return [picture for picture in sheet["pictures"] if picture["state"] == "stored"]


def card(
    sheet: JobSheet,
    person: Person,
    *,
    files: Sequence[CardFile] = (),
    sketch: CardFile | None = None,
    line: str | None = None,
    ready_at: int | None = None,
    links: Links = NOWHERE,
) -> View:
    """Return a Job's card. files: what its gallery shows; sketch: what it starts from, shown small.

    line: what happens now, in place of the sheet's sentence; ready_at: ms UTC, about.
    """
    box: ui.Container[View] = ui.Container()
    head: ui.TextDisplay[View] = ui.TextDisplay(_head(sheet, person))
    if sketch is None:
        box.add_item(head)
    else:
        small: ui.Thumbnail[View] = ui.Thumbnail(sketch.url, description=sketch.alt, spoiler=sketch.spoiler)
        box.add_item(ui.Section(head, accessory=small))
    if files:
        box.add_item(gallery(files))
    box.add_item(ui.TextDisplay(_tail(sheet, line, ready_at, links.parent)))
    for row in rows(sheet, links.page):
        box.add_item(ui.ActionRow(*row))
    return finished(box)


def chosen(picture: PictureSheet, count: int, file: CardFile) -> View:
    """Return what somebody is shown who chose one Picture among many: it, and what can be done with it."""
    box: ui.Container[View] = ui.Container()
    box.add_item(ui.TextDisplay(f"Picture {picture['index'] + 1} of {count}, {quiet(picture['facts'], FACTS_SIGNS)}"))
    box.add_item(gallery([file]))
    box.add_item(ui.ActionRow(*offered(CHOSEN, picture)))
    return finished(box)


def gallery(files: Sequence[CardFile]) -> ui.MediaGallery[View]:
    """Return files in full size, side by side."""
    items = [discord.MediaGalleryItem(file.url, description=file.alt, spoiler=file.spoiler) for file in files]
    return ui.MediaGallery(*items)


def finished(box: ui.Container[View]) -> View:
    """Return the message; presses are found by custom_id alone (bot/buttons.py): no view is kept per message."""
    view = ui.LayoutView(timeout=None)
    view.add_item(box)
    view.stop()
    return view


def shown_id(id_: str) -> str:
    """Return an id as a card shows it, to be typed behind /reroll; it also tells the card from all others."""
    return f"id `{id_[-8:]}`"


def rows(sheet: JobSheet, page: str = "") -> list[Row]:
    """Return the buttons of a Job's sheet, row by row; page: its address there, where that is public."""
    if "cancel" in sheet["actions"]:
        return [[button("cancel", sheet["id"], ACTIONS["cancel"], discord.ButtonStyle.danger)]]
    pictures = [picture for picture in painted(sheet) if picture["actions"] and not picture["flagged"]]
    delete = [button("delete", sheet["id"], ACTIONS["delete"])] if "delete" in sheet["actions"] else []
    if not pictures:
        again = [button(each, sheet["id"], ACTIONS[each]) for each in AGAIN if each in sheet["actions"]]
        ended = offered(("remix", "info"), sheet["pictures"][0]) if again else []
        return [row] if (row := [*again, *ended, *delete]) else []
    link: list[Button] = [ui.Button(label="Page", url=page)] if page else []
    last = [*offered(LAST, pictures[0]), *delete, *link]
    return [row for row in [*_painting_rows(pictures), last] if row]


def _painting_rows(pictures: list[PictureSheet]) -> list[Row]:
    """Return the rows of what is painted anew: of one Picture, of each of a few, or of one to be chosen."""
    first = pictures[0]
    if len(pictures) == 1:
        return [offered(ONE, first)]
    if len(pictures) > MOST_IN_A_ROW:
        return [[_which(pictures)], offered(SEVERAL, first)]
    return [
        [
            *(
                button(action, picture["id"], f"{letter}{picture['index'] + 1}")
                for picture in pictures
                if action in picture["actions"]
            ),
            *offered((whole,), first),
        ]
        for (action, letter), whole in zip(EACH.items(), SEVERAL, strict=True)
    ]


def _which(pictures: list[PictureSheet]) -> ui.Select[View]:
    options = [
        discord.SelectOption(label=f"Picture {each['index'] + 1}", value=each["id"], description=f"seed {each['seed']}")
        for each in pictures
    ]
    custom_id = f"{VERSION}:which:{pictures[0]['id']}"
    return ui.Select(custom_id=custom_id, placeholder="Which picture: upscale, vary, use …", options=options)


def offered(actions: Sequence[str], picture: PictureSheet) -> list[Button]:
    """Return buttons for those actions that a Picture offers, in the order given."""
    return [button(each, picture["id"], ACTIONS[each]) for each in actions if each in picture["actions"]]


def button(action: str, id_: str, label: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary) -> Button:
    """Return a button that works for ever: what it does and to what stands in its custom_id."""
    return ui.Button(style=style, label=label, custom_id=f"{VERSION}:{action}:{id_}")


def _head(sheet: JobSheet, person: Person) -> str:
    """Say who asked for what; the mention names them and pings nobody, since every send and edit allows none."""
    who = f"<@{person.id.partition(':')[2]}>"
    first = sheet["pictures"][0]
    kind = "" if sheet["kind"] == "imagine" else f" · {KINDS[sheet['kind']]}"
    words = first["prompt"] or ("a sketch without words" if first["sketch"] else "")
    return f"{who}{kind}" + (f"\n{fenced(words, PROMPT_SIGNS)}" if words else "")


def _tail(sheet: JobSheet, line: str | None, ready_at: int | None, parent: str) -> str:
    """Say what happens, what decided the Pictures, what was mended, and the id to type."""
    when = "" if ready_at is None else f" Ready <t:{ready_at // 1000}:R>."
    notes = [f"-# {quiet(note, NOTES_SIGNS // len(sheet['notes']))}" for note in sheet["notes"]]
    times = took(sheet["waited_s"], sheet["painted_s"]) if sheet["painted_s"] is not None else ""
    facts = " · ".join(part for part in (quiet(sheet["facts"], FACTS_SIGNS), times, shown_id(sheet["id"])) if part)
    withheld = sum(picture["flagged"] for picture in painted(sheet))
    hidden = [f"-# {withheld} withheld by the safety filter."] if withheld else []
    return "\n".join([quiet(line or sheet["sentence"]) + when, *hidden, *notes, f"-# {facts}{_from(sheet, parent)}"])


def _from(sheet: JobSheet, parent: str) -> str:
    """Name the Picture a Job comes from, with a link to its card where it is known."""
    tail = (sheet["pictures"][0]["parent"] or "")[-8:]
    if not tail:
        return ""
    return f" · from [{tail}]({parent})" if parent else f" · from `{tail}`"
