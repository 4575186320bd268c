"""Engines with a planted mistake each: a Reproduce must show it."""

from __future__ import annotations

from typing import Any

import torch

from core.picture import Fingerprint
from core.progress import Painted
from inference.local import LocalEngine
from inference.run import Run
from tests.support.painting import SKETCH, registry, sketch_png


class TracelessEngine(LocalEngine):
    """Planted mistake: the Fingerprint has lost its trace, so a Reproduce steps at whatever size it fits."""

    def wrap(self, run: Run, decoded: object) -> Painted:
        painted = super().wrap(run, decoded)
        bare = Fingerprint((), painted.fingerprint.facts)
        return Painted(painted.picture, painted.png, painted.pixels_digest, painted.width, painted.height, bare)


class CompanionVae:
    """Stand for a VAE that decodes two Latents in one call and gives the first back."""

    def __init__(self, vae: Any) -> None:
        self._vae = vae

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vae, name)

    def decode(self, latent: torch.Tensor, **options: Any) -> tuple[torch.Tensor]:
        both = torch.cat([latent, latent.flip(-1), latent.flip(-2)])
        return (self._vae.decode(both, **options)[0][:1],)


class BatchingVaeEngine(LocalEngine):
    """Planted mistake: in company a Latent is decoded together with others, in a Reproduce alone."""

    def decode(self, run: Run) -> Any:
        if run.replay is None:
            weights = run.state.weights
            fields = {name: getattr(weights, name) for name in type(weights).__dataclass_fields__}
            run.state.weights = type(weights)(**{**fields, "vae": CompanionVae(weights.vae)})
        return super().decode(run)


def sabotaged(kind: type[LocalEngine], dtype: str) -> LocalEngine:
    """Return such an Engine over the tiny model, on one CPU thread."""
    files = {SKETCH: sketch_png()}
    return kind(registry(), lambda digest, _: files[digest], threads=1, default="tiny", dtype=dtype)
