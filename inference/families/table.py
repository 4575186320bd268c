"""Which family a model folder is of: by the pipeline class it names, and where two share one by what lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from core.errors import ModelUnavailable
from inference.families import sd1, sd2, sd3, sdxl, whole
from inference.families.facts import is_distilled
from inference.families.folder import broken, read_json

FAMILIES = (sd1, sd2, sdxl, sd3, whole)
STEPPED = sorted({pipeline for family in FAMILIES if family is not whole for pipeline in family.PIPELINES})
"""The pipeline classes that are stepped; those of `whole` can be used too, and any other is refused."""
MASKED = frozenset(name for family in FAMILIES if family.MASKS for name in (family.FAMILY, family.DISTILLED))
"""The families that can paint a part of a Sketch alone."""
GUIDED = MASKED
"""The families a ControlNet can guide: those with a UNet."""


def module_of(folder: Path, index: Mapping[str, Any]) -> ModuleType:
    """Return the family module of a folder; raise ModelUnavailable where its pipeline class is none of ours."""
    pipeline = str(index.get("_class_name"))
    found = [family for family in FAMILIES if pipeline in family.PIPELINES]
    if not found:
        hint = f"It can use: {', '.join(STEPPED)}, and those that docs/models.md lists."
        raise broken(f"It is a {pipeline}, which Limner cannot use.", hint)
    return sd2 if sd2 in found and sd2.claims(folder) else found[0]


def check_family(folder: Path, name: str, family: str) -> None:
    """Raise ModelUnavailable where a Recipe names another family than its Model's: it may come from a file."""
    if family_of(folder) != family:
        raise ModelUnavailable(f"The model in {name} is not of the family {family}.", "Choose another model.")


def family_of(folder: Path) -> str:
    """Return the family id of a folder; raise ModelUnavailable where it is none of ours."""
    family = module_of(folder, read_json(folder / "model_index.json"))
    if family.FAMILY == family.DISTILLED:
        return str(family.FAMILY)
    distilled = is_distilled(read_json(folder / "unet" / "config.json"))
    return str(family.DISTILLED if distilled else family.FAMILY)
