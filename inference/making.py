"""Making: a Run's state between model calls; and the one call that Runs of a Batch share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from core.errors import PaintFailed
from core.picture import CompanionRole
from inference.adapters.table import NOTHING, forward
from inference.finish.png import Pixels
from inference.guiding import Guide, residuals
from inference.masks import Masked
from inference.run import Batch, Run
from inference.weights import Weights


@dataclass(slots=True)
class Making:
    """Hold a Run's state between calls; read, now and found are the newest call's input, timestep and output.

    added: what the family's UNet reads beside the text, by diffusers' names, a row each. then: the next call's
    timestep, empty before the last. pull: how strongly the ControlNet pulls at the next call.
    """

    weights: Weights
    text: torch.Tensor  # [rows, tokens, width]
    guidance: float
    sampler: Any
    timesteps: torch.Tensor  # [calls], cpu
    arguments: dict[str, Any]
    latent: torch.Tensor  # [1, C, H/8, W/8]
    read: torch.Tensor
    now: torch.Tensor
    found: torch.Tensor | None = None
    added: Mapping[str, torch.Tensor] = field(default_factory=dict)
    masked: Masked | None = None
    then: torch.Tensor | None = None
    guide: Guide | None = None
    pull: float = 0.0

    @property
    def kept(self) -> tuple[tuple[CompanionRole, Pixels], ...]:
        """Return what is kept beside the Picture, by role."""
        prepared: tuple[tuple[CompanionRole, Pixels], ...] = (("prepared", self.guide.pixels),) if self.guide else ()
        seen = None if self.masked is None else self.masked.seen
        return prepared if seen is None else (*prepared, ("depth", seen))

    def ask(self, call: int) -> None:
        """Set what the next call is to read: the Latent in the sampler's scale, and its timestep."""
        self.now, self.then = self.timesteps[call], self.timesteps[call + 1 : call + 2]
        self.read = self.sampler.scale_model_input(self.latent, self.now)
        self.pull = self.guide.scale(call, len(self.timesteps)) if self.guide else 0.0

    def advance(self, rows: torch.Tensor) -> None:
        """Combine its own rows, [negative, positive] or [positive], and let the sampler make the next Latent."""
        self.found = rows[:1]
        if len(rows) == 2:
            self.found = rows[:1] + self.guidance * (rows[1:] - rows[:1])
        latent = self.sampler.step(self.found, self.now, self.latent, return_dict=False, **self.arguments)[0]
        if self.masked is not None and self.then is not None:
            latent = self.masked.blended(latent, self.sampler, self.then)
        self.latent = latent


def call(batch: Batch, device: torch.device) -> torch.Tensor:
    """Make one call of each Run's rows, padded with copies of row 0."""
    latents, timesteps, texts = [], [], []
    pictures, pulls = [], []
    added: dict[str, list[torch.Tensor]] = {name: [] for name in batch.runs[0].state.added}
    for run in batch.runs:
        making: Making = run.state
        latents += [making.read if making.masked is None else making.masked.under(making.read)] * run.rows
        timesteps += [making.now.reshape(1).float()] * run.rows
        texts.append(making.text)
        if making.guide is not None:
            pictures += [making.guide.read] * run.rows
            pulls += [making.pull] * run.rows
        for name, rows in added.items():
            rows.append(making.added[name])
    padding = batch.size - len(latents)
    if padding < 0:
        raise ValueError(f"a batch of {len(latents)} rows does not fit batch size {batch.size}")
    latents += latents[:1] * padding
    timesteps += timesteps[:1] * padding
    texts += [texts[0][:1]] * padding
    joined = {name: torch.cat([*rows, *[rows[0][:1]] * padding]) for name, rows in added.items()}
    first: Making = batch.runs[0].state
    given = torch.cat(latents), torch.cat(timesteps).to(device), torch.cat(texts), joined
    beside = NOTHING
    if first.guide is not None:
        pictures += pictures[:1] * padding
        net, memory_format = first.guide.net, first.weights.plan.memory_format
        beside = residuals(net, memory_format, *given, torch.cat(pictures), [*pulls, *pulls[:1] * padding])
    return forward(first.weights, *given, beside)


def advance_all(runs: Sequence[Run], out: torch.Tensor) -> list[bool]:
    """Advance each Run by its own rows of `out`; say which are sound. A sampler that fails, fails its Run alone."""
    place = 0
    for run in runs:
        rows = out[place : place + run.rows]
        place += run.rows
        try:
            run.state.advance(rows)
        except (RuntimeError, ValueError, IndexError) as error:
            run.error = PaintFailed(f"The sampler failed: {error}.", "Try another sampler.")
    finite = torch.stack([run.state.latent.isfinite().all() for run in runs]).tolist()
    return [fine and run.error is None for fine, run in zip(finite, runs, strict=True)]
