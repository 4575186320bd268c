"""Every card in every size stays within what Discord takes."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest
from simcord.components import walk_components

from bot.buttons import TEMPLATE
from bot.cards import CardFile, card, shown
from core.job import STATES, Job, State
from core.person import Person, Place
from core.picture import Picture
from core.recipe import ModelRef, Paint
from core.sheet import JobSheet, job_sheet

ANN = Person("discord:1")
LONG = "@everyone ``` <@1> [x](http://y.invalid) " * 48
MARKS = "*_`[" * 500
JOB = "01KDVDNA00EMT1HDEPRTTT2VXW"


def sheet(state: State, count: int, prompt: str) -> JobSheet:
    recipe = Paint(prompt, 7, 512, 512, 30, 7.5, "dpmpp-2m-sde-karras", ModelRef("sd", "ab" * 32))
    stored = state in ("rendered", "delivered")
    pictures = [
        Picture(f"01KDVDNA00KGZ659WQK8SPBK{k:02}", JOB, k, recipe.rerolled(k), "", k, "stored" if stored else "waiting")
        for k in range(count)
    ]
    notes = (LONG, *(MARKS for _ in range(8)))
    job = Job(JOB, ANN, Place.of("discord", {"channel": "1"}), "imagine", prompt, state, 1, 0,
              notes=notes, error_text=MARKS, model=MARKS)  # fmt: skip
    return job_sheet(ANN, job, pictures, 3, 40.0)


@pytest.mark.parametrize("prompt", ["a", LONG, ""], ids=["short", "longest", "none"])
@pytest.mark.parametrize("state", STATES)
async def test_each_state_with_any_number_of_pictures_fits(state: State, prompt: str) -> None:
    for count in (1, 2, 3, 4, 5, 10, 16):
        check(state, count, prompt)


def check(state: State, count: int, prompt: str) -> None:
    told = sheet(state, count, prompt)
    files = [CardFile(f"limner-{each['id']}.png", b"", each["alt"]) for each in shown(told)]
    view = card(told, ANN, files=files, ready_at=1_767_225_600_000)
    parts: list[dict[str, Any]] = parts_of(view)
    assert len(parts) <= 40
    text = "".join(part["content"] for part in parts if part["type"] == 10)
    assert 0 < len(text) <= 4000
    assert all(len(part["components"]) <= 5 for part in parts if part["type"] == 1)
    ids = [part["custom_id"] for part in parts if part["type"] == 2]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(TEMPLATE, each) for each in ids)
    items = [item for part in parts if part["type"] == 12 for item in part["items"]]
    assert len(items) == (min(count, 10) if files else 0)
    assert all(1 <= len(item["description"]) <= 1024 for item in items)
    assert [item["media"]["url"] for item in items] == [f"attachment://{file.name}" for file in files]
    outside = "".join(text.split("```")[::2])
    assert "[x]" not in outside and "<@1> " not in outside.replace("\\<", "") and "://" not in outside


def parts_of(view: discord.ui.LayoutView) -> list[dict[str, Any]]:
    components: Any = view.to_components()  # type: ignore[no-untyped-call]
    return list(walk_components(components))


async def test_open_jobs_offer_cancel_to_who_asked_alone() -> None:
    for state in STATES:
        view = card(sheet(state, 1, "a"), ANN)
        labels = [part["label"] for part in parts_of(view) if part["type"] == 2]
        assert ("Cancel" in labels) == (state in ("queued", "running"))
