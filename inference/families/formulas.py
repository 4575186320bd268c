"""What each Sampler id is: its diffusers class and what it is built from, resolved without importing diffusers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadConfig
from core.recipe import SAMPLERS

NEEDED = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule")
"""What a Model's own scheduler config must name: the classes' defaults are those of other families."""

NAMED = {
    "prediction_type": "epsilon",
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "clip_sample": False,
    "original_inference_steps": 50,
    "timestep_scaling": 10.0,
}
"""What Stable Diffusion 1.x means, and its Latent Consistency Models, where its config does not say."""


@dataclass(frozen=True, slots=True)
class Formula:
    """Describe one scheduler class: its spacing where none is named, the Model's entries it takes, its own."""

    name: str
    spacing: str = "linspace"
    takes: tuple[str, ...] = ("steps_offset",)
    own: Mapping[str, Any] = field(default_factory=dict)
    zero_snr: bool = False

    def with_own(self, **own: Any) -> Formula:
        """Return it with more entries of its own."""
        return Formula(self.name, self.spacing, self.takes, {**self.own, **own}, self.zero_snr)


DDIM = Formula("DDIMScheduler", "leading", ("steps_offset", "set_alpha_to_one", "clip_sample"), zero_snr=True)
PLMS = Formula("PNDMScheduler", "leading", ("steps_offset", "set_alpha_to_one"), {"skip_prk_steps": True})
MULTISTEP = {"solver_order": 2, "lower_order_final": True, "final_sigmas_type": "zero", "use_karras_sigmas": False}
DPMPP = Formula(
    "DPMSolverMultistepScheduler",
    own={"algorithm_type": "dpmsolver++", "solver_type": "midpoint", "euler_at_final": False, **MULTISTEP},
    zero_snr=True,
)
UNIPC = Formula("UniPCMultistepScheduler", own={"solver_type": "bh2", "predict_x0": True, **MULTISTEP}, zero_snr=True)
EULER = Formula("EulerDiscreteScheduler", own={"final_sigmas_type": "zero", "use_karras_sigmas": False}, zero_snr=True)
EULER_A = Formula("EulerAncestralDiscreteScheduler", zero_snr=True)
HEUN = Formula("HeunDiscreteScheduler", own={"use_karras_sigmas": False})
LMS = Formula("LMSDiscreteScheduler", own={"use_karras_sigmas": False})
LCM = Formula(
    "LCMScheduler",
    "leading",
    ("steps_offset", "set_alpha_to_one", "clip_sample", "original_inference_steps", "timestep_scaling"),
    zero_snr=True,
)
KARRAS = {"use_karras_sigmas": True}

FORMULAS: Mapping[str, Formula] = {
    "ddim": DDIM,
    "plms": PLMS,
    "dpmpp-2m": DPMPP,
    "dpmpp-2m-karras": DPMPP.with_own(**KARRAS),
    "dpmpp-2m-sde": DPMPP.with_own(algorithm_type="sde-dpmsolver++"),
    "dpmpp-2m-sde-karras": DPMPP.with_own(algorithm_type="sde-dpmsolver++", **KARRAS),
    "euler": EULER,
    "euler-karras": EULER.with_own(**KARRAS),
    "euler-a": EULER_A,
    "heun": HEUN,
    "heun-karras": HEUN.with_own(**KARRAS),
    "unipc": UNIPC,
    "unipc-karras": UNIPC.with_own(**KARRAS),
    "lcm": LCM,
    "lms": LMS,
    "lms-karras": LMS.with_own(**KARRAS),
}

BY_CLASS = {
    "DDIMScheduler": "ddim",
    "PNDMScheduler": "plms",
    "DPMSolverMultistepScheduler": "dpmpp-2m",
    "UniPCMultistepScheduler": "unipc",
    "EulerDiscreteScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler-a",
    "HeunDiscreteScheduler": "heun",
    "LMSDiscreteScheduler": "lms",
    "LCMScheduler": "lcm",
}


def resolve(model_scheduler_config: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return for each Sampler id a Model takes the resolved, JSON-able config its scheduler object is built from.

    Raises BadConfig where the Model's scheduler_config.json does not say which noise it was trained on.
    """
    common = _common(model_scheduler_config)
    zero_snr = model_scheduler_config.get("rescale_betas_zero_snr") is True
    return {
        sampler: _resolved(FORMULAS[sampler], common, model_scheduler_config)
        for sampler in SAMPLERS
        if FORMULAS[sampler].zero_snr or not zero_snr
    }


def own_sampler(model_scheduler_config: Mapping[str, Any]) -> str:
    """Return the Sampler id of the class a Model's config names, `ddim` where we have none for it."""
    sampler = BY_CLASS.get(str(model_scheduler_config.get("_class_name", "")), "ddim")
    karras = f"{sampler}-karras"
    if model_scheduler_config.get("use_karras_sigmas") is True and karras in FORMULAS:
        return karras
    return sampler


def _common(config: Mapping[str, Any]) -> dict[str, Any]:
    missing = [name for name in NEEDED if config.get(name) is None]
    if missing:
        raise BadConfig(
            f"The model's scheduler_config.json does not say {', '.join(missing)}.",
            "Take the file from where the model came from: a sampler is never built from another family's defaults.",
        )
    common = {name: config[name] for name in NEEDED}
    common["prediction_type"] = config.get("prediction_type", NAMED["prediction_type"])
    if config.get("trained_betas") is not None:
        common["trained_betas"] = list(config["trained_betas"])
    for name, value in common.items():
        _finite(name, value)
    return common


def _resolved(formula: Formula, common: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return one Sampler's config: the Model's word first, else what Stable Diffusion means; all spacings named."""
    found = {"class": formula.name, **common}
    found["timestep_spacing"] = config.get("timestep_spacing", formula.spacing)
    for name in formula.takes:
        found[name] = config.get(name, NAMED[name])
    if formula.zero_snr and config.get("rescale_betas_zero_snr") is True:
        found["rescale_betas_zero_snr"] = True
    return {**found, **formula.own}


def _finite(name: str, value: Any) -> None:
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if isinstance(number, bool) or (isinstance(number, int | float) and not math.isfinite(number)):
            raise BadConfig(f"The model's scheduler_config.json says {name} = {value}.", "It must be a finite number.")
