"""Which family a model folder is of: by the pipeline class it names, and where two share one by what lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from inference.families import sd1, sd2, sdxl
from inference.families.facts import is_distilled
from inference.families.folder import broken, read_json

FAMILIES = (sd1, sd2, sdxl)
PIPELINES = sorted({pipeline for family in FAMILIES for pipeline in family.PIPELINES})
"""The pipeline classes Limner can use; any other is refused."""
MASKED = frozenset(name for family in FAMILIES if family.MASKS for name in (family.FAMILY, family.DISTILLED))
"""The families that can paint a part of a Sketch alone."""


def module_of(folder: Path, index: Mapping[str, Any]) -> ModuleType:
    """Return the family module of a folder; raise ModelUnavailable where its pipeline class is none of ours."""
    pipeline = str(index.get("_class_name"))
    found = [family for family in FAMILIES if pipeline in family.PIPELINES]
    if not found:
        raise broken(f"It is a {pipeline}, which Limner cannot use.", f"It can use: {', '.join(PIPELINES)}.")
    return sd2 if sd2 in found and sd2.claims(folder) else found[0]


def family_of(folder: Path) -> str:
    """Return the family id of a folder; raise ModelUnavailable where it is none of ours."""
    family = module_of(folder, read_json(folder / "model_index.json"))
    distilled = is_distilled(read_json(folder / "unet" / "config.json"))
    return str(family.DISTILLED if distilled else family.FAMILY)
