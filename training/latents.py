"""Compose pictures, encode them with the VAE and keep the latents: the UNet never sees a pixel."""

from __future__ import annotations

import functools
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from training.compose import Composer, Mix
from training.models import load_vae
from training.sprites import load_sprites
from training.together import Team, run_together
from training.vae import to_tensor
from training.words import load_words
from training.work import Work, arguments

SHARD: Final = 500
BATCH: Final = 20


@dataclass(frozen=True, slots=True)
class Shard:
    """Hold encoded pictures: what the VAE says of each, and its caption."""

    means: Tensor  # [N, 8, 16, 16] float16
    spreads: Tensor  # [N, 8, 16, 16] float16
    captions: list[str]

    def save(self, path: Path) -> None:
        """Write the shard; a reader never sees half of one."""
        part = path.with_suffix(".part")
        torch.save({"means": self.means, "spreads": self.spreads, "captions": self.captions}, part)
        os.replace(part, path)


def load_shard(path: Path) -> Shard:
    """Read one shard."""
    raw: dict[str, Any] = torch.load(path, weights_only=True)
    return Shard(raw["means"], raw["spreads"], raw["captions"])


@torch.no_grad()
def encode(vae: Any, composer: Composer, rng: random.Random) -> Shard:
    """Compose and encode one shard."""
    means, spreads, captions = [], [], []
    for _ in range(SHARD // BATCH):
        pairs = [composer.compose(rng) for _ in range(BATCH)]
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(to_tensor(np.stack([pair.pixels for pair in pairs]))).latent_dist
        means.append(posterior.mean.half())
        spreads.append(posterior.std.half())
        captions += [pair.caption for pair in pairs]
    return Shard(torch.cat(means), torch.cat(spreads), captions)


@dataclass(frozen=True, slots=True)
class LatentPlan:
    """Say how many pictures are made, with which VAE and from which seed."""

    work: Work
    vae: Path
    count: int
    seed: int
    mix: Mix


def make(plan: LatentPlan, team: Team) -> None:
    """Write this process's share of the shards."""
    vae = load_vae(plan.vae).eval().to(memory_format=torch.channels_last)
    composer = Composer(load_sprites(plan.work), load_words(), plan.mix)
    plan.work.latents.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    for number in _shares(plan.count, team):
        rng = random.Random(f"{plan.seed}/{number}")
        encode(vae, composer, rng).save(plan.work.latents / f"{plan.seed:04d}_{number:05d}.pt")
        if team.leads:
            print(f"shard {number}, {time.monotonic() - start:.0f} s", flush=True)


def _shares(count: int, team: Team) -> Iterator[int]:
    return iter(range(team.rank, -(-count // SHARD), team.size))


def main() -> None:
    """Make latents; another seed adds to those that are there."""
    parser = arguments("Compose and encode pictures.")
    parser.add_argument("--vae", type=Path, default=Path("models/builtin/vae"))
    parser.add_argument("--count", type=int, default=18_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jitter", type=float, default=Mix().jitter, help="0: one place and size, 1: as they come")
    parser.add_argument("--core-weight", type=float, default=Mix().core_weight, help="how often core names are drawn")
    parser.add_argument("--styles", nargs="+", default=list(Mix().styles))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    mix = Mix(styles=tuple(options.styles), core_weight=options.core_weight, jitter=options.jitter)
    plan = LatentPlan(options.work, options.vae, options.count, options.seed, mix)
    run_together(functools.partial(make, plan), options.processes)


if __name__ == "__main__":
    main()
