"""Train the UNet and the text encoder on the latents, going on from a model folder or from a checkpoint."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from training.latents import load_shard
from training.learner import Learner
from training.models import Parts, alphas, load_parts, load_text, load_vae, new_unet, token_ids
from training.samples import paint
from training.sheet import Cell, paint_sheet
from training.together import Clock, Team, run_together
from training.work import Work, arguments

WARM_UP_STEPS: Final = 150
STEADY_SHARE: Final = 0.25  # of the run, before the learning rate falls
FINAL_RATE: Final = 0.06
WORDLESS_SHARE: Final = 0.1  # what guidance compares with
# min-SNR's weight would leave almost nothing to high noise under v-prediction, and layout is learnt there.
SNR_LIMIT: Final = 6.0
WORD_NOISE: Final = 0.2  # so that a near word gives a near picture
WATCHED: Final = (
    "a red heart", "a yellow cat", "a blue fish", "a green tree", "a bird on a branch", "a hamster", "a blue heart",
    "a red car", "a purple dog", "a cat and a dog", "an apple on a blue background", "a rocket in space",
    "two pink flowers", "a puppy, 3d", "a fox in the snow", "a green dragon",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class UnetPlan:
    """Say how long, how fast and from what the UNet is trained."""

    work: Work
    start: Path | None  # a model folder; None: a new UNet on the work folder's VAE and text encoder
    minutes: float
    batch: int
    learning_rate: float
    sheet_minutes: float


class Latents:
    """Draw batches from all shards in a new order each time round; new shards join at the turn."""

    def __init__(self, work: Work, tokenizer: Any, rng: random.Random) -> None:
        self._work, self._tokenizer, self._rng = work, tokenizer, rng
        self._seen: set[Path] = set()
        self._means, self._spreads = torch.empty(0), torch.empty(0)
        self._tokens = torch.empty(0, dtype=torch.int64)
        self._order: list[int] = []
        self._load()

    def _load(self) -> None:
        new = [path for path in sorted(self._work.latents.glob("*.pt")) if path not in self._seen]
        if not new:
            return
        shards = [load_shard(path) for path in new]
        self._seen.update(new)
        self._means = torch.cat([self._means.half(), *(shard.means for shard in shards)])
        self._spreads = torch.cat([self._spreads.half(), *(shard.spreads for shard in shards)])
        captions = [caption for shard in shards for caption in shard.captions]
        self._tokens = torch.cat([self._tokens, token_ids(self._tokenizer, captions)])

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return float32 latents [size, 8, 16, 16] and int64 tokens [size, 24]."""
        if len(self._order) < size:
            self._load()
            self._order = self._rng.sample(range(len(self._means)), len(self._means))
        rows = torch.tensor([self._order.pop() for _ in range(size)])
        means, spreads = self._means[rows].float(), self._spreads[rows].float()
        return means + spreads * torch.randn_like(means), self._tokens[rows].clone()


def loss_of(learner: Learner, latents: Tensor, tokens: Tensor, schedule: Tensor) -> Tensor:
    """Ask for the velocity at random times, one in each equal part of the schedule."""
    count = len(latents)
    even = (torch.arange(count) + torch.rand(count)) / count
    times = (even * len(schedule)).long().clamp(max=len(schedule) - 1)[torch.randperm(count)]
    alpha = schedule[times][:, None, None, None]
    noise = torch.randn_like(latents)
    noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
    noisy = noisy.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        words = learner.text_encoder(tokens)[0]
        answer = learner.unet(noisy, times, words).sample
    error = ((answer.float() - velocity) ** 2).mean((1, 2, 3))
    snr = (alpha / (1 - alpha)).flatten()
    weighted: Tensor = error * (SNR_LIMIT / (snr + 1)).clamp(max=1.0)
    return weighted.mean()


def rate(step: int, share: float) -> float:
    """Warm up, stay, then fall along a cosine; 1 is the full learning rate."""
    fall = 0.5 * (1 + math.cos(math.pi * max(0.0, (share - STEADY_SHARE) / (1 - STEADY_SHARE))))
    return min(1.0, (step + 1) / WARM_UP_STEPS) * (FINAL_RATE + (1 - FINAL_RATE) * fall)


def _disturb(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
    return output + torch.randn_like(output) * WORD_NOISE


def train(plan: UnetPlan, team: Team) -> None:
    """Train for the planned minutes; the leader prints, paints sheets and saves."""
    parts = starting_parts(plan)
    learner = Learner(parts.unet, parts.text_encoder, plan.learning_rate)
    if plan.start is None and plan.work.checkpoint.exists():
        learner.load(plan.work.checkpoint)
    embedding = learner.text_encoder.get_input_embeddings()
    embedding.register_forward_hook(_disturb)
    team.share_start(learner.parameters)
    latents = Latents(plan.work, parts.tokenizer, random.Random(f"{team.rank}/{learner.step}"))
    schedule = alphas()
    nothing = token_ids(parts.tokenizer, [""])[0]
    torch.manual_seed(100 + team.rank + learner.step)
    clock, first, sheets, smooth = Clock(team, plan.minutes), learner.step, 0, math.nan
    while (share := clock.done(elapsed := clock.elapsed())) < 1:
        pictures, tokens = latents.batch(plan.batch)
        tokens[torch.rand(plan.batch) < WORDLESS_SHARE] = nothing
        loss = loss_of(learner, pictures, tokens, schedule)
        learner.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        team.average_gradients(learner.parameters)
        learner.advance(plan.learning_rate * rate(learner.step - first, share), averaging=team.leads)
        smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
        if team.leads and learner.step % 25 == 0:
            speed = (learner.step - first) * plan.batch * team.size / max(elapsed * 60, 1e-9)
            print(f"step {learner.step}, {elapsed:.1f} min, loss {smooth:.4f}, {speed:.0f} pictures/s", flush=True)
        if team.leads and elapsed > (sheets + 1) * plan.sheet_minutes:
            sheets += 1
            _look(learner, parts, plan.work)
    if team.leads:
        _look(learner, parts, plan.work)


def starting_parts(plan: UnetPlan) -> Parts:
    """Load the model to go on from, or join new parts from the work folder."""
    if plan.start is not None:
        return load_parts(plan.start)
    torch.manual_seed(1)
    return Parts(*load_text(plan.work.text), new_unet(), load_vae(plan.work.vae))


def _look(learner: Learner, parts: Parts, work: Work) -> None:
    learner.save(work.checkpoint)
    unet, text_encoder = learner.averaged()
    seeds = list(range(len(WATCHED)))
    pictures = paint(replace(parts, unet=unet, text_encoder=text_encoder), WATCHED, seeds)
    cells = [Cell(image, prompt) for image, prompt in zip(pictures, WATCHED, strict=True)]
    paint_sheet(cells, columns=8).save(work.root / f"sheet_{learner.step:06d}.png")


def main() -> None:
    """Train, from the shipped model unless told otherwise."""
    parser = arguments("Train the UNet and the text encoder.")
    parser.add_argument("--start", type=Path, default=Path("models/builtin"), help="the model folder to go on from")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the work folder's checkpoint, or from nothing"
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=32, help="pictures a step in each process")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--sheet-minutes", type=float, default=10)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    start = None if options.resume else options.start
    plan = UnetPlan(options.work, start, options.minutes, options.batch, options.learning_rate, options.sheet_minutes)
    run_together(functools.partial(train, plan), options.processes)


if __name__ == "__main__":
    main()
