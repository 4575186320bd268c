"""Tests of what is offered while one types: the commands and options themselves, never a second list."""

from __future__ import annotations

from core.commands import AMOUNTS, COMMANDS
from core.completing import completions
from core.flags import FLAGS
from core.recipe import SAMPLERS
from core.styles import STYLES
from core.tongues import FIRST, read_tongues


def test_all_that_can_be_typed_is_offered() -> None:
    found = completions(["tiny", "other"])
    assert [each["name"] for each in found["commands"]] == list(COMMANDS)
    values = {each["name"]: each["values"] for each in found["options"]}
    assert list(values) == [flag.name for flag in FLAGS]
    assert (
        values["model"] == ["tiny", "other"] and values["sampler"] == list(SAMPLERS) and values["style"] == list(STYLES)
    )
    assert found["amounts"] == AMOUNTS


def test_every_option_and_every_command_that_paints_is_told_about() -> None:
    words = read_tongues()[FIRST].words
    told = {key.partition(".")[2] for key in words if key.startswith("option.")}
    assert told == {flag.name for flag in FLAGS}
    assert {key.partition(".")[2] for key in words if key.startswith("command.")} <= set(COMMANDS)
