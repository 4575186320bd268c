"""What lists and help say: one line each, cut, with nothing that moves what stands beside it."""

from __future__ import annotations

from core.commands import AMOUNTS
from core.flags import FLAGS
from core.job import Job
from core.person import Person, Place
from core.picture import Picture
from core.recipe import digest
from core.sheet import JobSheet, job_sheet
from core.telling import amount_choices, help_parts, job_line, picture_choice
from tests.support.archive import START, recipe


def sheet(prompt: str = "a heart", count: int = 1) -> JobSheet:
    """Return the sheet of a Job that waits."""
    ann = Person("discord:1")
    job = Job("A" * 26, ann, Place("discord"), "imagine", prompt, "queued", 0, START, model="tiny")
    made = [recipe(seed, prompt=prompt) for seed in range(count)]
    pictures = [
        Picture(f"{k:026}", job.id, k, each, digest(each), seed=each.seed, state="waiting")
        for k, each in enumerate(made)
    ]
    return job_sheet(ann, job, pictures, 1)


def test_a_line_is_one_line_and_cut() -> None:
    line = job_line(sheet("a\nheart \u202e " * 40))
    assert "\n" not in line and "\u202e" not in line and len(line) < 140 and line.endswith("Queued, next.")
    assert job_line(sheet("")).endswith("Queued, next.")


def test_a_picture_that_is_offered_has_1_to_100_signs() -> None:
    job = sheet("wide " * 200, 16)
    names = [picture_choice(job, picture) for picture in job["pictures"]]
    assert len(set(names)) == 16 and all(1 <= len(name) <= 100 for name in names)
    assert names[15].startswith("00000015 (16 of 16) · seed 15 · ")


def test_help_names_every_command_option_and_amount() -> None:
    commands, options, models = help_parts([("imagine", "paints")], [{"name": "tiny", "default": True}])
    assert commands == "/imagine: paints" and models == "Models: tiny (the default)"
    assert all(f"--{name}" in options for flag in FLAGS for name in flag.names)
    assert [amount for _, amount in amount_choices()] == list(AMOUNTS.values())
