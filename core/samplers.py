"""The names other tools give to Samplers, read as our ids."""

from __future__ import annotations

import re

from core.errors import BadWords
from core.recipe import OWN, SAMPLERS
from core.words import nearest, shown

ALIASES = {
    # CompVis and stable-diffusion forks
    "dpm_solver": "dpmpp-2m",
    "dpm_solver++": "dpmpp-2m",
    "pndm": "plms",
    # k-diffusion, ComfyUI, InvokeAI
    "euler ancestral": "euler-a",
    "k_euler": "euler",
    "k_euler_a": "euler-a",
    "k_euler_ancestral": "euler-a",
    "k_heun": "heun",
    "k_lms": "lms",
    "k_dpmpp_2m": "dpmpp-2m",
    "k_dpmpp_2m_sde": "dpmpp-2m-sde",
    "uni_pc_bh2": "unipc",
    "euler_k": "euler-karras",
    "heun_k": "heun-karras",
    "lms_k": "lms-karras",
    "unipc_k": "unipc-karras",
    "dpmpp_2m_k": "dpmpp-2m-karras",
    "dpmpp_2m_sde_k": "dpmpp-2m-sde-karras",
    # diffusers
    "DDIMScheduler": "ddim",
    "PNDMScheduler": "plms",
    "DPMSolverMultistepScheduler": "dpmpp-2m",
    "EulerDiscreteScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler-a",
    "HeunDiscreteScheduler": "heun",
    "UniPCMultistepScheduler": "unipc",
    "LCMScheduler": "lcm",
    "LMSDiscreteScheduler": "lms",
}
"""Names that are not ours with other signs between; A1111's (`DPM++ 2M SDE Karras`, `Euler a`) are."""


def sampler_id(name: str) -> str:
    """Return the Sampler id meant by ours, A1111's, CompVis's, ComfyUI's, InvokeAI's or diffusers' name."""
    known = {_key(each): each for each in (*SAMPLERS, OWN)} | {_key(alias): each for alias, each in ALIASES.items()}
    found = known.get(_key(name))
    if found is not None:
        return found
    near = known[nearest(_key(name), known) or _key(SAMPLERS[0])]
    hint = f"The nearest is {near}. There are: {', '.join(SAMPLERS)}."
    raise BadWords(f"There is no sampler {shown(name)}.", hint, 0, name)


def _key(name: str) -> str:
    """Return a name without what tools write differently: case, blanks and dashes, `++` for `pp`."""
    return re.sub(r"[\s_\-.]+", "", name.lower()).replace("dpm++", "dpmpp").replace("solver++", "solverpp")
