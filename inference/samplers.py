"""Sampler config -> a new diffusers scheduler object for one Run; nothing is ever built from a class's own defaults."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import BadConfig
from inference.families.flow import FLOW_EULER
from inference.families.formulas import FORMULAS, NEEDED, resolve

if TYPE_CHECKING:
    import torch

__all__ = ["build", "resolve", "step_arguments"]

MOST_TIMESTEPS = 10_000
KNOWN = {
    *NEEDED,
    "prediction_type",
    "trained_betas",
    "timestep_spacing",
    "rescale_betas_zero_snr",
    *(name for formula in FORMULAS.values() for name in (*formula.takes, *formula.own)),
}


def build(config: Mapping[str, Any]) -> Any:
    """Return a new scheduler object (diffusers) of a Recipe's sampler_config; raise BadConfig where it is not whole.

    The config may come from a file somebody brought along, so classes and entries outside our table are refused.
    """
    if config.get("class") == FLOW_EULER:
        from inference.flow import build_flow

        return build_flow(config)
    _check(config)
    import diffusers

    scheduler_class = getattr(diffusers, config["class"])
    taken = {name: value for name, value in config.items() if name != "class"}
    unknown = set(taken) - set(inspect.signature(scheduler_class.__init__).parameters)
    if unknown:
        raise BadConfig(f"The sampler {config['class']} has no {', '.join(sorted(unknown))}.", "Check sampler_config.")
    try:
        return scheduler_class(**taken)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise BadConfig(f"The sampler {config['class']} cannot be built: {error}.", "Check sampler_config.") from error


def step_arguments(sampler: Any, generator: torch.Generator, eta: float) -> dict[str, Any]:
    """Return what `sampler.step` takes beside tensors: the Run's own generator and eta, where the class knows them."""
    known = inspect.signature(sampler.step).parameters
    offered = {"generator": generator, "eta": eta}
    return {name: value for name, value in offered.items() if name in known}


def _check(config: Mapping[str, Any]) -> None:
    if config.get("class") not in {formula.name for formula in FORMULAS.values()}:
        raise BadConfig("The recipe does not say which sampler made it.", "Its sampler_config needs a known class.")
    missing = [name for name in (*NEEDED, "prediction_type", "timestep_spacing") if name not in config]
    unknown = sorted(set(config) - KNOWN - {"class"})
    if missing or unknown:
        wrong = f"lacks {', '.join(missing)}" if missing else f"has an unknown {', '.join(unknown)}"
        raise BadConfig(
            f"The recipe's sampler_config {wrong}.", "A sampler is never built from a class's own defaults."
        )
    steps = config["num_train_timesteps"]
    if not isinstance(steps, int) or not 1 <= steps <= MOST_TIMESTEPS:
        raise BadConfig(
            f"The recipe's sampler_config says num_train_timesteps = {steps}.", f"Use 1 to {MOST_TIMESTEPS}."
        )
