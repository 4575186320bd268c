"""A crowd: Pictures of many people painted at random concurrency by the real queue, and made again one by one."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from core.draft import ModelCard
from core.job import Job
from core.person import Person, Place
from core.picture import Picture, Replay
from core.progress import Painted, PictureFailed, Stepping
from core.recipe import Paint, Sketch, Variation, digest
from inference.engine import Engine
from inference.queue import InferenceQueue
from tests.support.painting import SKETCH, recipe

SAMPLERS = ("ddim", "plms", "dpmpp-2m", "dpmpp-2m-karras", "dpmpp-2m-sde", "euler", "euler-a", "heun", "unipc", "lcm")
SIZES = ((64, 64), (64, 64), (64, 64), (48, 64))
"""Mostly one size, so that there is company; a few of another, so that Keys take turns."""
CANCELLED = 0.08
"""How many Jobs are given up after their first step: their Runs leave a Batch others go on in."""


@dataclass(frozen=True, slots=True)
class Made:
    """Hold a Picture that came out of the crowd."""

    recipe: Paint
    painted: Painted


def recipes(card: ModelCard, count: int, chance: random.Random, *, few_steps: int = 2, steps: int = 6) -> list[Paint]:
    """Return Recipes of all kinds: samplers, steps, guidance on and off, words, sketches, variations, two sizes."""
    found = []
    for number in range(count):
        width, height = chance.choice(SIZES)
        sketched = chance.random() < 0.2
        found.append(
            recipe(
                card,
                chance.choice(SAMPLERS),
                prompt=f"words {chance.randrange(10)}",
                negative_prompt=chance.choice(("", "blurry")),
                seed=1000 * number + chance.randrange(1000),
                width=width,
                height=height,
                steps=chance.randint(few_steps, steps),
                guidance=chance.choice((1.0, 4.0, 7.5)),
                sketch=Sketch(SKETCH) if sketched else None,
                strength=0.7 if sketched else None,
                vary=Variation(9, 0.3) if chance.random() < 0.1 else None,
            )
        )
    return found


async def paint(engine: Engine, wanted: Sequence[Paint], chance: random.Random) -> list[Made]:
    """Paint them in Jobs of one to three, several at once and their number changing by chance; some are cancelled."""
    made: list[Made] = []
    left = list(enumerate(_jobs(wanted, chance)))

    async def one_after_the_other(queue: InferenceQueue) -> None:
        while left:
            number, job = left.pop()
            made.extend(await _render(queue, f"j{number}", job, chance.random() < CANCELLED))

    while left:
        # Every so often everybody goes home and another number of people comes.
        queue = InferenceQueue(engine, clock=time.monotonic, previews=1)
        await queue.start()
        assert queue.state == "ready", queue.state
        later, left = left[:-40], left[-40:]
        await asyncio.gather(*(one_after_the_other(queue) for _ in range(chance.randint(2, 9))))
        await queue.stop()
        left = later
    return made


async def again(engine: Engine, made: Sequence[Made], at_once: int = 4) -> list[bool]:
    """Reproduce each under its Fingerprint; say of each whether every pixel is the same."""
    queue = InferenceQueue(engine, clock=time.monotonic, previews=1)
    await queue.start()
    assert queue.state == "ready", queue.state
    verdicts: dict[int, bool] = {}
    numbers = iter(range(len(made)))

    async def one_after_the_other() -> None:
        for number in numbers:
            first = made[number].painted
            replay = Replay(first.fingerprint, first.pixels_digest)
            job = _job(f"again{number}", "web:ann")
            picture = Picture(
                "p", job.id, 0, made[number].recipe, "", made[number].recipe.seed, "waiting", replay=replay
            )
            async for progress in queue.render(job, (picture,)):
                if isinstance(progress, PictureFailed):
                    raise progress.error
                if isinstance(progress, Painted):
                    verdicts[number] = progress.pixels_digest == first.pixels_digest

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    await queue.stop()
    return [verdicts[number] for number in range(len(made))]


def _jobs(wanted: Sequence[Paint], chance: random.Random) -> list[list[Paint]]:
    found, at = [], 0
    while at < len(wanted):
        count = chance.randint(1, 3)
        found.append(list(wanted[at : at + count]))
        at += count
    return found


async def _render(queue: InferenceQueue, name: str, wanted: Sequence[Paint], give_up: bool) -> list[Made]:
    job = _job(name, f"web:p{len(name + wanted[0].prompt) % 5}{wanted[0].seed % 3}")
    pictures = [
        Picture(f"{name}-{index}", job.id, index, each, digest(each), each.seed, "waiting")
        for index, each in enumerate(wanted)
    ]
    made = []
    async for progress in queue.render(job, pictures):
        if isinstance(progress, PictureFailed):
            raise progress.error
        if isinstance(progress, Stepping) and give_up:
            queue.cancel(job.id)
        if isinstance(progress, Painted):
            made.append(Made(wanted[progress.picture], progress))
    return made


def _job(name: str, person: str) -> Job:
    return Job(name, Person(person), Place("web"), "imagine", "", "running", 0, 0)
