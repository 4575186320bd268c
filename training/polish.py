"""Polish the decoder alone: teach it to paint clean pictures from latents that the UNet has not quite cleaned."""

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
from training.models import Parts, alphas, load_parts, token_ids
from training.sprites import load_sprites
from training.together import Clock, Team, run_together
from training.vae import psnr, to_tensor, unlikeness
from training.words import load_words
from training.work import Work, arguments

# The latent crop that is decoded: decoding is nearly all of the cost, and a decoder sees only its neighbourhood.
CROP: Final = 8
LEAST_NOISE, MOST_NOISE = 20, 350  # times of 1000 from which the UNet guesses the clean latents
WARM_UP_STEPS: Final = 50
AVERAGE_KEEP: Final = 0.995
PICTURES_KEPT: Final = 160


@dataclass(frozen=True, slots=True)
class PolishPlan:
    """Say how long the decoder of a model is polished."""

    work: Work
    model: Path
    minutes: float
    batch: int
    learning_rate: float


@torch.no_grad()
def guessed_latents(parts: Parts, images: Tensor, tokens: Tensor, schedule: Tensor) -> Tensor:
    """Encode pictures, add noise, and return what the UNet takes them for: float32 [N, 8, 16, 16]."""
    with torch.autocast("cpu", torch.bfloat16):
        clean = parts.vae.encode(images).latent_dist.mean.float()
        times = torch.randint(LEAST_NOISE, MOST_NOISE, (len(images),))
        alpha = schedule[times][:, None, None, None]
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * torch.randn_like(clean)
        velocity = parts.unet(noisy, times, parts.text_encoder(tokens)[0]).sample.float()
    guess: Tensor = alpha.sqrt() * noisy - (1 - alpha).sqrt() * velocity
    # The first quarter stays exact, so that a Sketch still comes back as it was drawn.
    exact = len(images) // 4
    return torch.cat([clean[:exact], guess[exact:]])


def crop(latents: Tensor, images: Tensor, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Cut the same square out of latents and pictures."""
    y, x = (rng.randint(0, latents.shape[-1] - CROP) for _ in range(2))
    scale = images.shape[-1] // latents.shape[-1]
    part = images[:, :, y * scale : (y + CROP) * scale, x * scale : (x + CROP) * scale]
    return latents[:, :, y : y + CROP, x : x + CROP], part


class Pictures:
    """Keep a pool of composed pictures and renew a part of it at each batch."""

    def __init__(self, composer: Composer, tokenizer: Any, rng: random.Random) -> None:
        self._composer, self._tokenizer, self._rng = composer, tokenizer, rng
        self._pool = [composer.compose(rng) for _ in range(PICTURES_KEPT)]

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return float32 pictures [size, 3, 128, 128] and int64 tokens [size, 24]."""
        for _ in range(size // 4):
            self._pool[self._rng.randrange(len(self._pool))] = self._composer.compose(self._rng)
        pairs = self._rng.sample(self._pool, size)
        tokens = token_ids(self._tokenizer, [pair.caption for pair in pairs])
        return to_tensor(np.stack([pair.pixels for pair in pairs])), tokens


def polish(plan: PolishPlan, team: Team) -> None:
    """Train the decoder for the planned minutes; the leader writes the averaged weights."""
    parts, rng = load_parts(plan.model), random.Random(f"polish {team.rank}")
    vae = parts.vae.to(memory_format=torch.channels_last)
    parts.unet.to(memory_format=torch.channels_last)
    composer = Composer(load_sprites(plan.work), load_words(), Mix())
    pictures, schedule = Pictures(composer, parts.tokenizer, rng), alphas()
    painting = [vae.post_quant_conv, vae.decoder]
    parameters = [parameter for module in painting for parameter in module.parameters()]
    average = [parameter.detach().clone() for parameter in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=plan.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3)
    torch.manual_seed(100 + team.rank)
    clock, step, smooth = Clock(team, plan.minutes), 0, math.nan
    while (share := clock.done(clock.elapsed())) < 1:
        rate = plan.learning_rate * min(1, (step + 1) / WARM_UP_STEPS)
        for group in optimizer.param_groups:
            group["lr"] = rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share)))
        images, tokens = pictures.batch(plan.batch)
        latents, wanted = crop(guessed_latents(parts, images, tokens, schedule), images, rng)
        with torch.autocast("cpu", torch.bfloat16):
            painted = vae.decode(latents).sample
        loss = unlikeness(painted.float(), wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        team.average_gradients(parameters)
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(parameters, 1.0)):
            optimizer.step()
        step += 1
        torch._foreach_lerp_(average, [parameter.detach() for parameter in parameters], 1 - _keep(step))
        smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
        if step % 50 == 0 and team.leads:
            print(f"step {step}, {share:.0%}, loss {smooth:.4f}", flush=True)
    if team.leads:
        _finish(plan, vae, parameters, average, composer)


def _keep(step: int) -> float:
    return min(AVERAGE_KEEP, (1 + step) / (12 + step))


@torch.no_grad()
def _finish(
    plan: PolishPlan, vae: Any, parameters: list[torch.nn.Parameter], average: list[Tensor], composer: Composer
) -> None:
    rng = random.Random(5)
    images = to_tensor(np.stack([composer.compose(rng).pixels for _ in range(64)]))
    before = psnr(load_parts(plan.model).vae, images)
    for parameter, value in zip(parameters, average, strict=True):
        parameter.copy_(value)
    vae.to(memory_format=torch.contiguous_format).save_pretrained(plan.work.vae)
    print(f"PSNR of copies {before:.2f} -> {psnr(vae, images):.2f} dB, written to {plan.work.vae}")


def main() -> None:
    """Polish the decoder of a model folder."""
    parser = arguments("Polish the decoder.")
    parser.add_argument("--model", type=Path, default=Path("models/builtin"))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--batch", type=int, default=16, help="pictures a step in each process")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    plan = PolishPlan(options.work, options.model, options.minutes, options.batch, options.learning_rate)
    run_together(functools.partial(polish, plan), options.processes)


if __name__ == "__main__":
    main()
