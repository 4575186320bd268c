"""Samplers: resolved from the Model's own config, never from a class's defaults, and equal to the originals' maths."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import BadConfig
from core.recipe import SAMPLERS
from inference import samplers

SD = {
    "_class_name": "PNDMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
}
"""The scheduler_config.json of Stable Diffusion 1.5, which names neither a spacing nor what is predicted."""
Step = Callable[[np.ndarray[Any, Any], float], np.ndarray[Any, Any]]
ALPHAS = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2)


def eps(x: Any, t: float) -> Any:
    """Return a made-up model's noise, which bends with the Latent and the time."""
    squashed = torch.tanh(0.7 * x + t / 1000) if isinstance(x, torch.Tensor) else np.tanh(0.7 * x + t / 1000)
    return squashed * (0.5 + t / 2000)


def ours(sampler: str, steps: int, start: np.ndarray[Any, Any], **changed: Any) -> np.ndarray[Any, Any]:
    made = samplers.build({**samplers.resolve(SD)[sampler], **changed})
    made.set_timesteps(steps)
    latent = torch.from_numpy(start) * made.init_noise_sigma
    for now in made.timesteps:
        latent = made.step(eps(made.scale_model_input(latent, now), float(now)), now, latent, return_dict=False)[0]
    return latent.numpy()


def towards(x: Any, e: Any, a: float, before: float) -> Any:
    """Return the DDIM step from alpha `a` to alpha `before` along the noise `e` (Song et al. 2020, eta 0)."""
    clean = (x - math.sqrt(1 - a) * e) / math.sqrt(a)
    return math.sqrt(before) * clean + math.sqrt(1 - before) * e


def alphas_of(steps: int) -> tuple[list[int], list[float], list[float]]:
    times = list(range(1, 1001, 1000 // steps))
    here = [float(ALPHAS[t]) for t in times]
    return times, here, [float(ALPHAS[0]), *here[:-1]]


def original_ddim(steps: int, x: Any) -> Any:
    for t, a, before in reversed(list(zip(*alphas_of(steps), strict=True))):
        x = towards(x, eps(x, t), a, before)
    return x


def original_plms(steps: int, x: Any) -> Any:
    """Pseudo linear multistep as CompVis has it (Liu et al. 2022): the first step averages two evaluations."""
    times, here, before = alphas_of(steps)
    old: list[Any] = []
    for i in reversed(range(steps)):
        e = eps(x, times[i])
        if not old:
            guess = towards(x, e, here[i], before[i])
            mixed = (e + eps(guess, times[max(i - 1, 0)])) / 2
        elif len(old) == 1:
            mixed = (3 * e - old[-1]) / 2
        elif len(old) == 2:
            mixed = (23 * e - 16 * old[-1] + 5 * old[-2]) / 12
        else:
            mixed = (55 * e - 59 * old[-1] + 37 * old[-2] - 9 * old[-3]) / 24
        x = towards(x, mixed, here[i], before[i])
        old = [*old, e][-3:]
    return x


def original_dpm(steps: int, x: Any) -> Any:
    """DPM-Solver++ 2M with uniform time (Lu et al. 2022), from 1 to 1/1000, on the table's log-alphas interpolated."""
    knots, logs = np.arange(1, 1001) / 1000, 0.5 * np.log(ALPHAS)
    line = np.linspace(1.0, 1 / 1000, steps + 1)
    log_a = np.interp(line, knots, logs)
    a, s = np.exp(log_a), np.sqrt(1 - np.exp(2 * log_a))
    lam = log_a - np.log(s)
    last = None
    for i in range(steps):
        now = (line[i] - 1 / 1000) * 1000
        d = (x - s[i] * eps(x, now)) / a[i]
        h = lam[i + 1] - lam[i]
        mixed = d if last is None else d + h / (2 * (lam[i] - lam[i - 1])) * (d - last)
        x = s[i + 1] / s[i] * x - a[i + 1] * np.expm1(-h) * mixed
        last = d
    return x


@pytest.fixture
def start() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal((1, 4, 8, 8))


@pytest.mark.parametrize("steps", [20, 50])
@pytest.mark.parametrize(("sampler", "original"), [("ddim", original_ddim), ("plms", original_plms)])
def test_ddim_and_plms_are_the_originals(
    sampler: str, original: Callable[[int, Any], Any], steps: int, start: np.ndarray[Any, Any]
) -> None:
    assert np.abs(ours(sampler, steps, start) - original(steps, start)).max() < 2e-5


@pytest.mark.parametrize("steps", [20, 50])
def test_dpm_is_the_original_where_it_ends_at_sigma_min(steps: int, start: np.ndarray[Any, Any]) -> None:
    found = ours("dpmpp-2m", steps, start.astype(np.float32), final_sigmas_type="sigma_min")
    assert np.abs(found - original_dpm(steps, start)).max() < 1e-3


def test_plms_makes_the_calls_of_the_article() -> None:
    made = samplers.build(samplers.resolve(SD)["plms"])
    made.set_timesteps(50)
    assert made.timesteps.tolist()[:4] == [981, 961, 961, 941]
    assert (len(made.timesteps), int(made.timesteps[-1])) == (51, 1)


def test_every_sampler_is_resolved_and_built_with_its_spacing_named() -> None:
    found = samplers.resolve(SD)
    assert tuple(found) == SAMPLERS
    for name, config in found.items():
        assert config["timestep_spacing"] in ("leading", "linspace"), name
        assert config["prediction_type"] == "epsilon"
        assert json.loads(json.dumps(config, allow_nan=False)) == config
        made = samplers.build(config)
        assert type(made).__name__ == config["class"]
        for entry, value in config.items():
            assert entry == "class" or made.config[entry] == value, (name, entry)


def test_the_models_own_word_wins() -> None:
    own = {**SD, "prediction_type": "v_prediction", "timestep_spacing": "trailing", "beta_end": 0.02, "steps_offset": 0}
    for name, config in samplers.resolve(own).items():
        assert config["prediction_type"] == "v_prediction", name
        assert (config["timestep_spacing"], config["beta_end"]) == ("trailing", 0.02)
        assert config["steps_offset"] == 0


def test_a_zero_terminal_snr_model_has_only_samplers_that_can() -> None:
    found = samplers.resolve({**SD, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"})
    assert not {"plms", "heun", "lms"} & set(found)
    assert all(config["rescale_betas_zero_snr"] is True for config in found.values())


@pytest.mark.parametrize(
    "config", [{}, {"_class_name": "DDIMScheduler"}, {**SD, "beta_start": None}, {**SD, "beta_end": float("nan")}]
)
def test_a_model_that_does_not_say_its_noise_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadConfig, match="scheduler_config.json"):
        samplers.resolve(config)


@pytest.mark.parametrize(
    "change",
    [
        {"class": "FlaxDDIMScheduler"},
        {"class": "os"},
        {"timestep_spacing": None},
        {"beta_start": None},
        {"solver_p": 1},
        {"use_karras_sigmas": True},
        {"num_train_timesteps": 10**9},
        {"beta_schedule": "mine"},
    ],
)
def test_a_sampler_without_a_whole_config_is_refused(change: dict[str, Any]) -> None:
    config = {**samplers.resolve(SD)["ddim"], **change}
    with pytest.raises(BadConfig):
        samplers.build({name: value for name, value in config.items() if value is not None})


def test_resolving_needs_no_torch() -> None:
    code = (
        "import sys; from inference import models, samplers; "
        f"samplers.resolve({SD!r}); print('torch' in sys.modules or 'diffusers' in sys.modules)"
    )
    made = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert made.stdout.strip() == "False"
