"""Train the VAE on crops of composed pictures, then fold its latents to mean 0 and spread 1."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from training.compose import Composer, Mix
from training.models import LATENT_CHANNELS, load_vae, new_vae
from training.sprites import SIZE, STYLES, load_sprites
from training.together import Clock, Team, run_together
from training.words import load_words
from training.work import Work, arguments

CROP: Final = 64
CROPS_PER_PICTURE: Final = 10
BATCHES_PER_POOL: Final = 40
WARM_UP_STEPS: Final = 100
EDGE_WEIGHT: Final = 0.6
# Without it a small VAE gives up green and purple first.
CHROMA_WEIGHT: Final = 3.0
KL_WEIGHT: Final = 1.2e-3


@dataclass(frozen=True, slots=True)
class VaePlan:
    """Say how long and from what the VAE is trained."""

    work: Work
    start: Path | None  # None: from nothing
    minutes: float
    batch: int
    learning_rate: float


def to_tensor(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    """Turn uint8 [N, H, W, 3] into float32 [N, 3, H, W] from -1 to 1."""
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    return scaled.contiguous(memory_format=torch.channels_last)


class Crops:
    """Draw batches of crops, many from each composed picture because composing is the slow part."""

    def __init__(self, composer: Composer, batch: int, rng: random.Random) -> None:
        self._composer, self._batch, self._rng = composer, batch, rng
        self._pool: list[np.ndarray[Any, np.dtype[np.uint8]]] = []

    def next(self) -> Tensor:
        """Return float32 [batch, 3, 64, 64]."""
        if len(self._pool) < self._batch:
            self._fill()
        taken, self._pool = self._pool[: self._batch], self._pool[self._batch :]
        return to_tensor(np.stack(taken))

    def _fill(self) -> None:
        while len(self._pool) < self._batch * BATCHES_PER_POOL:
            pixels = self._composer.compose(self._rng).pixels
            for _ in range(CROPS_PER_PICTURE):
                y, x = (self._rng.randint(0, (SIZE - CROP) // 8) * 8 for _ in range(2))
                self._pool.append(pixels[y : y + CROP, x : x + CROP])
        self._rng.shuffle(self._pool)


def chroma(images: Tensor) -> Tensor:
    """Return two planes of colour without lightness."""
    red, green, blue = images.unbind(1)
    return torch.stack([blue - 0.5 * (red + green), 2 * (green - 0.5 * (red + blue))], 1)


def edges(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the differences between neighbours, down and across."""
    return images[..., 1:, :] - images[..., :-1, :], images[..., :, 1:] - images[..., :, :-1]


def unlikeness(painted: Tensor, images: Tensor) -> Tensor:
    """Weigh how far off pixels, edges and colours are; both float32 [N, 3, H, W] from -1 to 1."""
    off = painted - images
    edge = sum((part.abs().mean() for part in edges(off)), torch.zeros(()))
    return off.abs().mean() + (off**2).mean() + EDGE_WEIGHT * edge + CHROMA_WEIGHT * chroma(off).abs().mean()


def loss_of(vae: Any, images: Tensor) -> Tensor:
    """Ask for a copy of the picture, and for latents of a bounded spread."""
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(images).latent_dist
        painted = vae.decode(posterior.sample()).sample
    mean, log_variance = posterior.mean.float(), posterior.logvar.float()
    kl = 0.5 * (mean * mean + log_variance.exp() - 1 - log_variance).mean()
    total: Tensor = unlikeness(painted.float(), images) + KL_WEIGHT * kl
    return total


def train(plan: VaePlan, team: Team) -> None:
    """Train for the planned minutes; the leader writes the averaged weights."""
    torch.manual_seed(0)
    vae = (load_vae(plan.start) if plan.start else new_vae()).to(memory_format=torch.channels_last)
    rng = random.Random(1 + team.rank)
    crops = Crops(Composer(load_sprites(plan.work), load_words(), Mix(styles=STYLES)), plan.batch, rng)
    parameters = list(vae.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=plan.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3)
    average = {name: value.detach().clone() for name, value in vae.state_dict().items()}
    torch.manual_seed(100 + team.rank)
    clock, step = Clock(team, plan.minutes), 0
    while (share := clock.done(clock.elapsed())) < 1:
        rate = plan.learning_rate * min(1, (step + 1) / WARM_UP_STEPS)
        for group in optimizer.param_groups:
            group["lr"] = rate * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * share)))
        loss = loss_of(vae, crops.next())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        team.average_gradients(parameters)
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(parameters, 1.0)):
            optimizer.step()
        step += 1
        keep = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in vae.state_dict().items():
                average[name].lerp_(value, 1 - keep)
        if step % 50 == 0 and team.leads:
            print(f"step {step}, loss {loss.item():.4f}", flush=True)
    if team.leads:
        vae.load_state_dict(average)
        finish(vae, plan.work)


@torch.no_grad()
def finish(vae: Any, work: Work) -> None:
    """Fold the latents of a trained VAE, measure it and write it."""
    composer, rng = Composer(load_sprites(work), load_words(), Mix()), random.Random(5)
    images = to_tensor(np.stack([composer.compose(rng).pixels for _ in range(256)]))
    fold(vae.eval(), images[:192])
    print(f"PSNR {psnr(vae, images[192:]):.2f} dB")
    vae.to(memory_format=torch.contiguous_format).save_pretrained(work.vae)


@torch.no_grad()
def fold(vae: Any, images: Tensor) -> None:
    """Move the mean and spread of each latent channel into the two 1 x 1 convolutions around it."""
    means = torch.cat([vae.encode(images[start : start + 32]).latent_dist.mean for start in range(0, len(images), 32)])
    centre, spread = means.mean((0, 2, 3)), means.std((0, 2, 3))
    into, out = vae.quant_conv, vae.post_quant_conv
    into.weight[:LATENT_CHANNELS] /= spread[:, None, None, None]
    into.bias[:LATENT_CHANNELS] = (into.bias[:LATENT_CHANNELS] - centre) / spread
    into.bias[LATENT_CHANNELS:] -= 2 * spread.log()
    out.bias += out.weight[:, :, 0, 0] @ centre
    out.weight *= spread[None, :, None, None]


@torch.no_grad()
def psnr(vae: Any, images: Tensor) -> float:
    """Measure how near the VAE's copy of pictures is to them, in dB."""
    copies = vae.decode(vae.encode(images).latent_dist.mean).sample.clamp(-1, 1)
    return 10 * math.log10(4 / float(((copies - images) ** 2).mean()))


def main() -> None:
    """Train the VAE from nothing, or from one that is there."""
    parser = arguments("Train the VAE.")
    parser.add_argument("--start", type=Path, help="a VAE folder to go on from")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=8, help="pictures a step in each process")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    plan = VaePlan(options.work, options.start, options.minutes, options.batch, options.learning_rate)
    run_together(functools.partial(train, plan), options.processes)


if __name__ == "__main__":
    main()
