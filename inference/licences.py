"""What a Model's licence is called and whether it lets its Pictures be sold, as its card says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KNOWN: Mapping[str, tuple[str, bool | None]] = {
    "creativeml-openrail-m": ("CreativeML OpenRAIL-M", True),
    "bigscience-openrail-m": ("BigScience OpenRAIL-M", True),
    "openrail": ("OpenRAIL", True),
    "openrail++": ("CreativeML OpenRAIL++-M", True),
    "apache-2.0": ("Apache-2.0", True),
    "mit": ("MIT", True),
    "cc0-1.0": ("CC0-1.0", True),
    "cc-by-4.0": ("CC-BY-4.0", True),
    "sai-nc-community": ("Stability AI Non-Commercial Community", False),
    "stabilityai-nc-research-community": ("Stability AI Non-Commercial Research Community", False),
    "stabilityai-non-commercial-research-community": ("Stability AI Non-Commercial Research Community", False),
    "stabilityai-ai-community": ("Stability AI Community: commercial below 1 M $ a year", None),
    "flux-1-dev-non-commercial-license": ("FLUX.1 [dev] Non-Commercial", False),
    "flux-dev-non-commercial-license": ("FLUX [dev] Non-Commercial", False),
    "qwen-research": ("Qwen Research: non-commercial", False),
}
"""The names model cards write -> what people read, and whether it allows commercial use (None: it depends)."""
NOT_FOR_SALE = re.compile(r"non-?commercial|\bnc\b|research", re.IGNORECASE)
HEAD_BYTES = 20_000
LINE = re.compile(r"^(license|license_name|extra_gated_\w+)\s*:\s*(.*?)\s*$", re.MULTILINE)


def licence(name: str) -> dict[str, Any]:
    """Return how a card field says a licence, and `commercial` where its name is known or tells."""
    readable, commercial = KNOWN.get(name.lower(), (name, False if NOT_FOR_SALE.search(name) else None))
    return {"licence": readable, "commercial": commercial}


def facts_of(readme: Path) -> dict[str, Any]:
    """Return licence, commercial and gated as the front matter of a model card says them; nothing where it does not."""
    if not readme.is_file():
        return {}
    with readme.open("rb") as file:
        text = file.read(HEAD_BYTES).decode("utf-8", "replace")
    if not text.startswith("---"):
        return {}
    said = {name: value.strip("\"'") for name, value in LINE.findall(text[3:].partition("\n---")[0])}
    name = said.get("license_name") or said.get("license", "")
    gated = any(key.startswith("extra_gated_") for key in said)
    return {**(licence(name) if name else {}), **({"gated": True} if gated else {})}
