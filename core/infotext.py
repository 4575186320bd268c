"""A1111's text, which Forge, Fooocus and we ourselves write too: the prompt, what to avoid, a line of key: value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from core.brought import KARRAS, Brought, left_out, named, real_number, text_of, whole

PAIR = re.compile(r'\s*(\w[\w \-/]{1,60}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
LEAST_PAIRS = 3
NEGATIVE = "Negative prompt:"

EXTRA = re.compile(r"<(lora|lyco|hypernet):([^:<>]{1,200})[^<>]{0,200}>")
EXTRAS = {"lora": "The LoRA", "lyco": "The LoRA", "hypernet": "The hypernetwork"}

AUTOMATIC = {"DPM++ 2M": KARRAS, "DPM++ SDE": KARRAS, "DPM++ 2M SDE": "exponential", "DPM++ 2M SDE Heun": "exponential"}
"""What the schedule `Automatic` is for a sampler, where it is not the plain one."""

PLAIN = frozenset({"", "automatic", "uniform", "normal"})
SETTINGS: Mapping[str, str] = {
    "Hires upscale": "The second, larger pass (hires fix) is left out: upscale the picture instead.",
    "Hires resize-1": "The second, larger pass (hires fix) is left out: upscale the picture instead.",
    "Face restoration": "The face restoration is left out.",
    "Tiling": "Tiling is left out.",
    "Refiner": "The refiner is left out.",
    "ControlNet 0": "The ControlNet is left out.",
    "ADetailer model": "What ADetailer painted over is left out.",
    "FreeU": "FreeU is left out.",
    "ENSD": "The noise of its steps had a seed of its own, which is left out.",
    "Token merging ratio": "Token merging is left out.",
    "Mask blur": "Its mask is not in the file: send one along with the sketch.",
    "Sharpness": "The sharpening of its steps is left out.",
}
"""What is said where a key stands in the last line; the same sentence once."""


def read(text: str, tool: str = "A1111") -> Brought | None:
    """Return what the text says, None where its last line holds no settings."""
    *lines, last = text.strip().split("\n")
    pairs = PAIR.findall(last)
    if len(pairs) < LEAST_PAIRS:
        return None
    found = {key.strip(): _value(value.strip()) for key, value in pairs}
    prompt, negative = _prompts(lines)
    if tool == "Fooocus":
        prompt, negative = found.get("Raw prompt", prompt), found.get("Raw negative prompt", negative)
    extras = EXTRA.findall(prompt)
    prompt = re.sub(r" +(?=\n| )", "", EXTRA.sub("", prompt)).strip(" ,")
    sampler, schedule = _sampler(found)
    size = re.fullmatch(r"\(?'?([0-9]{1,6})'?\s*(?:x|, ?)\s*'?([0-9]{1,6})'?\)?", found.get("Size", ""))
    hires = "Hires upscale" in found or "Hires resize-1" in found
    strength = None if hires else real_number(found.get("Denoising strength"))
    return Brought(
        tool,
        prompt,
        negative,
        whole(found.get("Seed")),
        whole(found.get("Steps")),
        real_number(found.get("CFG scale")),
        sampler,
        schedule,
        int(size[1]) if size else None,
        int(size[2]) if size else None,
        strength,
        named(found.get("Model")),
        text_of(found.get("Model hash")),
        max((whole(found.get("Clip skip")) or 1) - 1, 0),
        _vary(found),
        from_image=strength is not None or "Init image hash" in found,
        lost=(
            *(sentence for kind in EXTRAS for sentence in left_out(EXTRAS[kind], [n for k, n in extras if k == kind])),
            *left_out("The LoRA", [] if extras else _hashed(found.get("Lora hashes", ""))),
            *left_out("The embedding", _hashed(found.get("TI hashes", ""))),
            *left_out("The VAE", [found.get("VAE")]),
            *dict.fromkeys(said for key, said in SETTINGS.items() if found.get(key) not in (None, "None")),
            *_odd_words(prompt + negative),
        ),
    )


def _prompts(lines: list[str]) -> tuple[str, str]:
    """Return the prompt and what to avoid; that begins at the first line that says so."""
    at = next((place for place, line in enumerate(lines) if line.strip().startswith(NEGATIVE)), len(lines))
    avoided = [lines[at].strip().removeprefix(NEGATIVE), *lines[at + 1 :]] if at < len(lines) else []
    return "\n".join(map(str.strip, lines[:at])).strip(), "\n".join(map(str.strip, avoided)).strip()


def _value(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return value.strip('"')
    return found if isinstance(found, str) else value


def _sampler(found: Mapping[str, str]) -> tuple[str, str]:
    """Return sampler and schedule: older files have the schedule at the end of the name."""
    name = found.get("Sampler", "")
    schedule = found.get("Schedule type", found.get("Scheduler", ""))
    if schedule == "Automatic":
        schedule = AUTOMATIC.get(name, "")
    for ending in (" Karras", " Exponential"):
        if name.endswith(ending):
            name, schedule = name.removesuffix(ending), ending.strip()
    schedule = schedule.lower()
    return name, "" if schedule in PLAIN else schedule


def _vary(found: Mapping[str, str]) -> tuple[int, float] | None:
    seed, amount = whole(found.get("Variation seed")), real_number(found.get("Variation seed strength"))
    return (seed, amount) if seed is not None and seed >= 0 and amount is not None and 0 < amount <= 1 else None


def _hashed(told: str) -> list[str]:
    """Return the names in `name: hash, name: hash`."""
    return [each.partition(":")[0] for each in told.split(",") if ":" in each]


def _odd_words(words: str) -> tuple[str, ...]:
    """Say which of A1111's prompt signs are read as plain words here."""
    said = []
    if re.search(r"\[[^\[\]]*(\||:[^\[\]]*:)[^\[\]]*\]", words):
        said.append("Words that change during the steps ([a:b:0.5], [a|b]) are read as they stand.")
    if re.search(r"\bAND\b", words):
        said.append("AND between prompts is read as a word.")
    return tuple(said)
