"""The Samplers of flow-matching Models: what each id means to them, resolved without importing diffusers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from core.errors import BadConfig

FLOW_EULER = "FlowMatchEulerDiscreteScheduler"
NEEDED = ("num_train_timesteps", "shift")
"""What a Model's own scheduler config must name: models of one class differ in it."""
NAMED: Mapping[str, Any] = {
    "use_dynamic_shifting": False,
    "base_shift": 0.5,
    "max_shift": 1.15,
    "base_image_seq_len": 256,
    "max_image_seq_len": 4096,
    "invert_sigmas": False,
    "shift_terminal": None,
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
    "time_shift_type": "exponential",
    "stochastic_sampling": False,
}
"""What diffusers means where a config does not say."""
KNOWN = frozenset({*NEEDED, *NAMED})


def resolve_flow(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return for each Sampler id that means the same for a flow the config its scheduler object is built from.

    Raises BadConfig where the Model's scheduler_config.json is of another class or does not say how it shifts time.
    """
    if config.get("_class_name") != FLOW_EULER:
        raise BadConfig(
            f"The model's scheduler is {config.get('_class_name')}, not {FLOW_EULER}.",
            "Take the folder from where the model came from.",
        )
    missing = [name for name in NEEDED if config.get(name) is None]
    if missing:
        raise BadConfig(
            f"The model's scheduler_config.json does not say {', '.join(missing)}.",
            "Take the file from where the model came from: a sampler is never built from another family's defaults.",
        )
    found = {name: config[name] for name in NEEDED} | {name: config.get(name, NAMED[name]) for name in NAMED}
    for name, value in found.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise BadConfig(f"The model's scheduler_config.json says {name} = {value}.", "It must be a finite number.")
    return {"euler": {"class": FLOW_EULER, **found}}
