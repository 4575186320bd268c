"""Which switches a Run is made under: the device's own, a Reproduce's logged ones, or those that spare memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.recipe import ModelRef, Paint, Recipe
from inference.device import PROFILES, SPARING
from inference.guiding import control_plan
from inference.quantised import FEW_SWITCHES, GGUF, KINDS, spared
from inference.run import Key, Run
from inference.weights import ATTENTIONS, DTYPES, FORMATS, Plan

MOST_THREADS = 256


def fitting(own: Key, kind: str) -> Key:
    """Return the device's own Key for a Model that is loaded in a kind: few switches go with its layers."""
    if not kind:
        return own
    memory, attention = FEW_SWITCHES["memory_format"], FEW_SWITCHES["attention"]
    return replace(own, quantised=kind, profile=spared(own.profile, kind), memory_format=memory, attention=attention)


def applied(own: Key, run: Run, recipe: Recipe, kind_of: Callable[[str], str]) -> Key:
    """Return the Key a Run is begun with: the device's own, in a Reproduce with what is logged and can be applied.

    kind_of: how a digest's Model is loaded here; the weights of one in GGUF are loaded in no other way.
    """
    kind = kind_of(run.model)
    own = fitting(own, kind)
    asked = replace(own, model=run.model)
    if isinstance(recipe, Paint):
        loras = tuple((lora.digest, lora.scale) for lora in recipe.loras)
        asked = replace(asked, loras=loras, control=recipe.control.digest if recipe.control else "")
    if run.sparing:
        return replace(asked, profile=spared(SPARING, kind), attention="sdpa", exclusive=True)
    if run.replay is None:
        return asked
    logged = run.replay.fingerprint.facts
    dtype, threads = logged.get("dtype"), logged.get("threads")
    memory, attention = logged.get("memory_format"), logged.get("attention")
    profile, few = logged.get("profile"), logged.get("quantised")
    found = replace(
        asked,
        dtype=str(dtype) if dtype in DTYPES else own.dtype,
        threads=threads if isinstance(threads, int) and 1 <= threads <= MOST_THREADS else own.threads,
        memory_format=str(memory) if memory in FORMATS else own.memory_format,
        attention=str(attention) if attention in ATTENTIONS else own.attention,
        profile=str(profile) if profile in PROFILES else own.profile,
    )
    found = (
        fitting(found, kind)
        if kind == GGUF
        else fitting(replace(found, quantised=""), str(few) if few in KINDS else "")
    )
    return found if found == asked else replace(found, exclusive=True)


def plan_of(model: ModelRef, key: Key) -> Plan:
    """Return how a Model is loaded for the Runs of a Key."""
    return Plan(model.digest, model.family, key.dtype, key.memory_format, key.attention, key.profile, key.quantised)


def plans_of(recipe: Paint, key: Key) -> tuple[Plan, ...]:
    """Return how all that a Run needs in memory is loaded."""
    model = plan_of(recipe.model, key)
    return (model, control_plan(key)) if key.control else (model,)
