"""Which switches a Run is made under: the device's own, a Reproduce's logged ones, or those that spare memory."""

from __future__ import annotations

from dataclasses import replace

from core.recipe import ModelRef, Paint
from inference.device import PROFILES, SPARING
from inference.guiding import control_plan
from inference.run import Key, Run
from inference.weights import ATTENTIONS, DTYPES, FORMATS, Plan

MOST_THREADS = 256


def applied(own: Key, run: Run, recipe: Paint) -> Key:
    """Return the Key a Run is begun with: the device's own, in a Reproduce with what is logged and can be applied."""
    loras = tuple((lora.digest, lora.scale) for lora in recipe.loras)
    control = recipe.control.digest if recipe.control else ""
    asked = replace(own, model=recipe.model.digest, loras=loras, control=control)
    if run.sparing:
        return replace(asked, profile=SPARING, attention="sdpa", exclusive=True)
    logged = {} if run.replay is None else run.replay.fingerprint.facts
    dtype, threads = logged.get("dtype"), logged.get("threads")
    memory, attention = logged.get("memory_format"), logged.get("attention")
    profile = logged.get("profile")
    found = replace(
        asked,
        dtype=str(dtype) if dtype in DTYPES else own.dtype,
        threads=threads if isinstance(threads, int) and 1 <= threads <= MOST_THREADS else own.threads,
        memory_format=str(memory) if memory in FORMATS else own.memory_format,
        attention=str(attention) if attention in ATTENTIONS else own.attention,
        profile=str(profile) if profile in PROFILES else own.profile,
    )
    return found if found == asked else replace(found, exclusive=True)


def plan_of(model: ModelRef, key: Key) -> Plan:
    """Return how a Model is loaded for the Runs of a Key."""
    return Plan(model.digest, model.family, key.dtype, key.memory_format, key.attention, key.profile)


def plans_of(recipe: Paint, key: Key) -> tuple[Plan, ...]:
    """Return how all that a Run needs in memory is loaded."""
    model = plan_of(recipe.model, key)
    return (model, control_plan(key)) if key.control else (model,)
