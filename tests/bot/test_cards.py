"""Every card in every state and size stays within what Discord takes, and offers what its state allows."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import discord
import pytest
from simcord.components import walk_components

from bot.buttons import TEMPLATE, WHICH
from bot.cards import CardFile, Links, card, chosen, shown
from core.job import STATES, Job, State
from core.person import Person, Place
from core.picture import Picture, PictureState
from core.recipe import ModelRef, Paint, Sketch, Upscale
from core.sheet import JobSheet, job_sheet
from tests.support.discord_schema import Description

ANN = Person("discord:1")
LONG = "@everyone ``` <@1> [x](http://y.invalid) " * 48
MARKS = "*_`[" * 500
JOB = "01KDVDNA00EMT1HDEPRTTT2VXW"
PARENT = "01KDVDNA00EMT1HDEPRTTT2VXP"
LINKS = Links("https://discord.com/channels/1/2/3", "https://limner.invalid/#" + JOB)
COUNTS = (1, 2, 3, 4, 5, 10, 16)
PAINTED = ("rendered", "delivered", "undeliverable")
CUSTOM_ID = re.compile(f"(?:{TEMPLATE})|(?:{WHICH.replace('?P<id>', '')})")
SKETCH = CardFile("limner-sketch.webp", b"", "The sketch it starts from.")


@cache
def description() -> Description:
    return Description()


def sheet(state: State, count: int, prompt: str = "a", **over: Any) -> JobSheet:
    recipe = Paint(
        prompt, 7, 512, 512, 30, 7.5, "dpmpp-2m-sde-karras", ModelRef("sd", "ab" * 32), sketch=Sketch("cd" * 32)
    )
    ended: PictureState = "stored" if state in PAINTED else "dropped" if state in ("failed", "cancelled") else "waiting"
    pictures = [
        Picture(
            f"01KDVDNA00KGZ659WQK8SPBK{k:02}",
            JOB,
            k,
            over.get("recipe") or recipe.rerolled(7 + k),
            "",
            7 + k,
            ended,
            parent_id=PARENT,
            verdict=over.get("verdict", {}),
        )  # fmt: skip
        for k in range(count)
    ]
    notes = (LONG, *(MARKS for _ in range(8))) if "notes" not in over else over["notes"]
    job = Job(JOB, ANN, Place.of("discord", {"channel": "1"}), "imagine", prompt, state, 1, 0,
              notes=notes, error_text=over.get("said", MARKS), model=over.get("said", MARKS),
              started_at=2000, rendered_at=14_000)  # fmt: skip
    return job_sheet(ANN, job, pictures, 3, 40.0)


def drawn(told: JobSheet, **over: Any) -> list[dict[str, Any]]:
    """Return every component of a card as it goes out."""
    files = [CardFile(f"limner-{each['id']}.png", b"", each["alt"]) for each in shown(told)]
    rest: dict[str, Any] = {"files": files, "ready_at": 1_767_225_600_000, "links": LINKS, **over}
    return parts_of(card(told, ANN, **rest))


def parts_of(view: discord.ui.LayoutView) -> list[dict[str, Any]]:
    components: Any = view.to_components()  # type: ignore[no-untyped-call]
    # Discord's own description of a message that is sent with these components.
    body = {"components": components, "flags": 1 << 15}
    wrong = description().findings("POST", "/channels/1/messages", {}, body)[1]
    assert not wrong
    return list(walk_components(components))


def labels(parts: list[dict[str, Any]]) -> list[list[str]]:
    """Return what stands on the buttons and menus, row by row."""
    rows = [part["components"] for part in parts if part["type"] == 1]
    return [[each.get("label") or each["placeholder"] for each in row] for row in rows]


@pytest.mark.parametrize("prompt", ["a", LONG, MARKS, ""], ids=["short", "longest", "marks", "none"])
@pytest.mark.parametrize("state", STATES)
async def test_each_state_with_any_number_of_pictures_fits(state: State, prompt: str) -> None:
    for count in COUNTS:
        check(state, count, prompt)


def check(state: State, count: int, prompt: str) -> None:
    told = sheet(state, count, prompt)
    files = shown(told)
    parts = drawn(told, sketch=SKETCH)
    items = [item for part in parts if part["type"] == 12 for item in part["items"]]
    assert len(parts) + len(items) <= 40
    text = "".join(part["content"] for part in parts if part["type"] == 10)
    assert 0 < len(text) <= 4000
    assert all(len(part["components"]) <= 5 for part in parts if part["type"] == 1)
    ids = [part["custom_id"] for part in parts if "custom_id" in part]
    assert ids and len(ids) == len(set(ids))
    assert all(CUSTOM_ID.fullmatch(each) and len(each) <= 100 for each in ids)
    assert len(items) == (min(count, 10) if state in PAINTED else 0)
    assert all(1 <= len(item["description"]) <= 1024 for item in items)
    assert [item["media"]["url"] for item in items] == [f"attachment://limner-{each['id']}.png" for each in files]
    assert [part["media"]["url"] for part in parts if part["type"] == 11] == ["attachment://limner-sketch.webp"]
    outside = "".join(text.split("```")[::2]).replace(f"({LINKS.parent})", "")
    assert "[x]" not in outside and "<@1> " not in outside.replace("\\<", "") and "://" not in outside
    assert text.count("```") == 2, "words are in a block, and nothing in them ends it"


async def test_the_buttons_of_one_a_few_and_many_pictures() -> None:
    one = [["Upscale x2", "Vary subtle", "Vary strong", "Reroll", "Remix"]]
    last = ["Use as sketch", "Info", "Reproduce", "Delete", "Page"]
    assert labels(drawn(sheet("rendered", 1))) == [*one, last]
    assert labels(drawn(sheet("rendered", 3))) == [["U1", "U2", "U3", "Reroll"], ["V1", "V2", "V3", "Remix"], last]
    many = [["Which picture: upscale, vary, use …"], ["Reroll", "Remix"], last]
    assert labels(drawn(sheet("rendered", 5))) == labels(drawn(sheet("rendered", 16))) == many
    assert labels(drawn(sheet("rendered", 1), links=Links())) == [*one, last[:-1]]


async def test_the_menu_names_every_picture_even_those_not_shown() -> None:
    (menu,) = [part for part in drawn(sheet("rendered", 16)) if part["type"] == 3]
    assert [option["label"] for option in menu["options"]] == [f"Picture {k}" for k in range(1, 17)]
    assert menu["options"][15]["value"].endswith("15") and menu["options"][15]["description"] == "seed 22"


async def test_an_enlargement_has_no_words_to_change() -> None:
    told = sheet("rendered", 1, recipe=Upscale("ab" * 32, 128, 128))
    assert labels(drawn(told)) == [["Upscale x2"], ["Use as sketch", "Info", "Reproduce", "Delete", "Page"]]


async def test_what_ended_without_a_picture_can_be_asked_for_again() -> None:
    for state in ("failed", "cancelled"):
        parts = drawn(sheet(state, 2, notes=(), said="tiny"))
        assert labels(parts) == [["Ask again", "Remix", "Info", "Delete"]]
        text = "".join(part["content"] for part in parts if part["type"] == 10)
        assert "othing was charged" in text and JOB[-8:] in text


async def test_open_jobs_offer_cancel_alone() -> None:
    for state in ("queued", "running"):
        assert labels(drawn(sheet(state, 4))) == [["Cancel"]]


async def test_what_a_result_says() -> None:
    text = "\n".join(
        part["content"] for part in drawn(sheet("rendered", 4, "a heart", notes=(), said="tiny")) if part["type"] == 10
    )
    assert "<@1>" in text and "```\na heart\n```" in text and "seeds 7 to 10" in text
    assert "30 steps, guidance 7.5, 512 x 512" in text and "waited 2 s, painted 12 s" in text
    assert f"id `{JOB[-8:]}`" in text and f"from [{PARENT[-8:]}]({LINKS.parent})" in text


async def test_flagged_pictures_are_withheld_and_said() -> None:
    told = sheet("rendered", 2, notes=(), verdict={"safety": {"flagged": True}})
    parts = drawn(told)
    assert not shown(told) and not [part for part in parts if part["type"] == 12]
    assert "2 withheld by the safety filter" in "".join(part["content"] for part in parts if part["type"] == 10)
    assert labels(parts) == [["Delete"]]


async def test_a_spoiler_covers_what_it_is_set_on() -> None:
    told = sheet("rendered", 2)
    files = [CardFile(f"limner-{each['id']}.png", b"", each["alt"], spoiler=True) for each in shown(told)]
    items = [item for part in drawn(told, files=files) if part["type"] == 12 for item in part["items"]]
    assert [item["spoiler"] for item in items] == [True, True]
    assert not files[0].as_file().filename.startswith("SPOILER_"), "the gallery names the file as it is"


async def test_one_chosen_among_many() -> None:
    told = sheet("rendered", 16, LONG)
    file = CardFile("limner-a.webp", b"", "a")
    parts = parts_of(chosen(told["pictures"][15], 16, file))
    assert labels(parts) == [["Upscale x2", "Vary subtle", "Vary strong", "Use as sketch", "Info"]]
    assert "Picture 16 of 16, seed 22" in parts[1]["content"]
