"""Numbers that are none: NaN from the UNet fails its own Picture in words; the ends of guidance paint."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import torch

from core.job import Job
from core.person import Person, Place
from core.picture import Picture
from core.progress import Painted, PictureFailed
from inference.queue import InferenceQueue
from tests.support.painting import engine, paint_alone, recipe, registry, runs_of


async def test_a_unet_that_gives_nan_for_one_picture_fails_that_one_and_the_others_go_on() -> None:
    local = engine(registry())
    local.warm()
    wanted = [recipe(registry().card("tiny"), prompt=words, seed=5) for words in ("a fox", "poison", "a hen")]
    clean = [paint_alone(local, run).pixels_digest for run in runs_of(wanted)]
    poisoned = runs_of([wanted[1]])[0]
    local.begin(poisoned)
    poison = poisoned.state.text

    def spoil(unet: Any, given: Any, named: dict[str, Any], out: Any) -> Any:
        found = out[0].clone()
        for row, text in enumerate(named["encoder_hidden_states"]):
            if torch.equal(text, poison[0]):
                found[row, 0, 1, 1] = float("nan")
        return (found,)

    hook = poisoned.state.weights.unet.register_forward_hook(spoil, with_kwargs=True)
    queue = InferenceQueue(local, clock=time.monotonic, previews=0)
    await queue.start()
    told: dict[int, list[Any]] = {0: [], 1: [], 2: []}

    async def ask(number: int) -> None:
        job = Job(f"j{number}", Person(f"web:p{number}"), Place("web"), "imagine", "", "running", 0, 0)
        picture = Picture("p", job.id, 0, wanted[number], "", 5, "waiting")
        told[number] = [progress async for progress in queue.render(job, (picture,))]

    await asyncio.gather(*(ask(number) for number in (0, 1, 2)))
    hook.remove()
    failed = [progress for progress in told[1] if isinstance(progress, PictureFailed)]
    assert [error.error.code for error in failed] == ["empty_picture"]
    assert "no picture (NaN)" in failed[0].error.sentence and failed[0].error.hint
    for number in (0, 2):
        painted = [progress for progress in told[number] if isinstance(progress, Painted)]
        assert len(painted) == 1
        assert not any(isinstance(progress, PictureFailed) for progress in told[number])
    assert queue.state == "ready"
    again = [paint_alone(local, run).pixels_digest for run in runs_of(wanted)]
    assert again == clean
    await queue.stop()


@pytest.mark.parametrize("guidance", [0.0, 1.0, 30.0])
def test_the_ends_of_guidance_paint(guidance: float) -> None:
    run = runs_of([recipe(registry().card("tiny"), guidance=guidance)])[0]
    assert paint_alone(engine(registry()), run).png
    assert run.rows == (2 if guidance > 1 else 1)
