"""The tools that write names with values: InvokeAI in three ages, Easy Diffusion as chunks, text or JSON, Fooocus."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from core.brought import KARRAS, Brought, left_out, named, real_number, text_of, whole

NEGATIVE = re.compile(r"\[([^\[\]]*)\]")

EASY = {
    "Prompt": "prompt",
    "Negative Prompt": "negative_prompt",
    "Seed": "seed",
    "Stable Diffusion model": "use_stable_diffusion_model",
    "Clip Skip": "clip_skip",
    "ControlNet model": "use_controlnet_model",
    "VAE model": "use_vae_model",
    "Sampler": "sampler_name",
    "Width": "width",
    "Height": "height",
    "Steps": "num_inference_steps",
    "Guidance Scale": "guidance_scale",
    "Prompt Strength": "prompt_strength",
    "LoRA model": "use_lora_model",
    "Hypernetwork model": "use_hypernetwork_model",
    "Embedding models": "use_embeddings_model",
    "Seamless Tiling": "tiling",
    "Use Face Correction": "use_face_correction",
    "Use Upscaling": "use_upscale",
}
"""Easy Diffusion's names for people, and those it uses itself."""


def invoke(data: Mapping[str, Any]) -> Brought:
    """Read `invokeai_metadata`."""
    model = data.get("model")
    known = model if isinstance(model, dict) else {}
    strength = real_number(data.get("strength"))
    sampler, schedule = _scheduler(text_of(data.get("scheduler")))
    kept = text_of(data.get("init_image")) or "2img" in text_of(data.get("generation_mode")).replace("txt2img", "")
    several = {"controlnets": "The ControlNet", "ipAdapters": "The IP-Adapter", "t2iAdapters": "The T2I-Adapter"}
    return Brought(
        "InvokeAI",
        _compel(text_of(data.get("positive_prompt"))),
        _compel(text_of(data.get("negative_prompt"))),
        whole(data.get("seed")),
        whole(data.get("steps")),
        real_number(data.get("cfg_scale")),
        sampler,
        schedule,
        whole(data.get("width")),
        whole(data.get("height")),
        strength if kept else None,
        named(known.get("name", known.get("model_name"))),
        text_of(known.get("hash")).removeprefix("sha256:"),
        max(whole(data.get("clip_skip")) or 0, 0),
        from_image=bool(kept),
        lost=(
            *left_out("The LoRA", [_called(each) for each in _listed(data.get("loras"))]),
            *left_out("The VAE", [_called(data.get("vae"))]),
            *(f"{what} is left out." for key, what in several.items() if _listed(data.get(key))),
            *(("Tiling is left out.",) if data.get("seamless_x") or data.get("seamless_y") else ()),
            *(("The refiner is left out.",) if data.get("refiner_model") else ()),
        ),
    )


def invoke_before(data: Mapping[str, Any]) -> Brought | None:
    """Read `sd-metadata`, of InvokeAI before 3.0."""
    image = data.get("image")
    if not isinstance(image, dict):
        return None
    told = image.get("prompt")
    parts = [each.get("prompt") for each in _listed(told) if isinstance(each, dict)]
    prompt, negative = _parted(" ".join(map(text_of, parts)) if parts else text_of(told))
    sampler, schedule = _scheduler(text_of(image.get("sampler")))
    kept = text_of(image.get("type")) == "img2img" or bool(text_of(image.get("init_image_path")))
    strength = real_number(image.get("strength", image.get("strength_steps"))) if kept else None
    return Brought(
        "InvokeAI",
        _compel(prompt),
        _compel(negative),
        whole(image.get("seed")),
        whole(image.get("steps")),
        real_number(image.get("cfg_scale")),
        sampler,
        schedule,
        whole(image.get("width")),
        whole(image.get("height")),
        strength,
        named(data.get("model_weights")),
        text_of(data.get("model_hash")),
        from_image=kept,
        lost=(
            *(("The variations it was blended from are left out.",) if _listed(image.get("variations")) else ()),
            *(("The upscaling or face fix is left out.",) if _listed(image.get("postprocessing")) else ()),
            *(("Tiling is left out.",) if image.get("seamless") else ()),
        ),
    )


def dream(line: str) -> Brought | None:
    """Read `Dream`: the line that was typed, `"a fox" -s 50 -S 42 -W 512 -H 512 -C 7.5 -A k_lms`."""
    try:
        parts = shlex.split(re.sub(r"""(?<=\s)-([sSWHCAfIG])(?=[^\s])""", r"-\1 ", line[:20_000]))
    except ValueError:
        return None
    flags = {name: value for name, value in zip(parts, parts[1:], strict=False) if re.fullmatch(r"-[A-Za-z]", name)}
    if "-S" not in flags and "-s" not in flags:
        return None
    words = parts[: min(place for place, part in enumerate(parts) if part in flags)]
    prompt, negative = _parted(" ".join(words))
    sampler, schedule = _scheduler(flags.get("-A", ""))
    return Brought(
        "InvokeAI",
        _compel(prompt),
        _compel(negative),
        whole(flags.get("-S")),
        whole(flags.get("-s")),
        real_number(flags.get("-C")),
        sampler,
        schedule,
        whole(flags.get("-W")),
        whole(flags.get("-H")),
        real_number(flags.get("-f")) if "-I" in flags else None,
        from_image="-I" in flags,
        lost=("The face fix is left out.",) if real_number(flags.get("-G")) else (),
    )


def easy(data: Mapping[str, Any]) -> Brought:
    """Read Easy Diffusion's names, those for people or its own."""
    found = {EASY.get(key, key): value for key, value in data.items()}
    sampler = re.sub(r"^k_", "", text_of(found.get("sampler_name")))
    strength = real_number(found.get("prompt_strength"))
    return Brought(
        "Easy Diffusion",
        _compel(text_of(found.get("prompt"))),
        _compel(text_of(found.get("negative_prompt"))),
        whole(found.get("seed")),
        whole(found.get("num_inference_steps")),
        real_number(found.get("guidance_scale")),
        re.sub(r"_karras$", "", sampler),
        KARRAS if sampler.endswith("_karras") else "",
        whole(found.get("width")),
        whole(found.get("height")),
        strength,
        named(found.get("use_stable_diffusion_model")),
        clip_skip=int(str(found.get("clip_skip")).lower() == "true"),
        from_image=strength is not None,
        lost=(
            *left_out("The LoRA", _names(found.get("use_lora_model"))),
            *left_out("The VAE", _names(found.get("use_vae_model"))),
            *left_out("The hypernetwork", _names(found.get("use_hypernetwork_model"))),
            *left_out("The embedding", _names(found.get("use_embeddings_model"))),
            *left_out("The ControlNet", _names(found.get("use_controlnet_model"))),
            *left_out("The face fix", _names(found.get("use_face_correction"))),
            *left_out("The upscaling by", _names(found.get("use_upscale"))),
            *(("Tiling is left out.",) if text_of(found.get("tiling")) not in ("", "none") else ()),
        ),
    )


def easy_text(text: str) -> Brought | None:
    """Read the text Easy Diffusion writes beside a picture: a line for each name."""
    found = dict(re.findall(r"^([A-Z][\w ]{1,40}): (.*)$", text, re.M))
    return easy(found) if {"Prompt", "Seed", "Steps"} <= set(found) else None


def fooocus(data: Mapping[str, Any]) -> Brought:
    """Read Fooocus's own JSON."""
    size = re.fullmatch(r"\(?'?([0-9]{1,6})'?, ?'?([0-9]{1,6})'?\)?", text_of(data.get("resolution")))
    loras = [each[0] for each in _listed(data.get("loras")) if isinstance(each, list) and each]
    combined = [value.split(" : ")[-2] for key, value in data.items() if _is_lora(key, value)]
    styles = re.findall(r"'([^']{1,60})'", text_of(data.get("styles")))
    schedule = text_of(data.get("scheduler"))
    return Brought(
        "Fooocus",
        text_of(data.get("prompt")),
        text_of(data.get("negative_prompt")),
        whole(data.get("seed")),
        whole(data.get("steps")),
        real_number(data.get("guidance_scale")),
        text_of(data.get("sampler")).removesuffix("_gpu"),
        "" if schedule in ("normal", "simple") else schedule,
        int(size[1]) if size else None,
        int(size[2]) if size else None,
        None,
        named(data.get("base_model")),
        text_of(data.get("base_model_hash")),
        max((whole(data.get("clip_skip")) or 1) - 1, 0),
        lost=(
            *left_out("The style", styles),
            *left_out("The LoRA", map(named, [*loras, *combined])),
            *left_out("The refiner", [named(data.get("refiner_model"))]),
            *(("Fooocus's own sharpening and guidance are left out.",) if data.get("sharpness") else ()),
        ),
    )


def is_easy(data: Mapping[str, Any]) -> bool:
    """Say whether names with values are Easy Diffusion's."""
    return "num_inference_steps" in data or {"Guidance Scale", "Steps", "Seed"} <= set(data)


def _is_lora(key: str, value: object) -> bool:
    return key.startswith("lora_combined_") and isinstance(value, str) and " : " in value


def _scheduler(name: str) -> tuple[str, str]:
    """Return InvokeAI's sampler and schedule: `_k` is Karras."""
    plain = re.sub(r"^k_", "", name)
    return (plain.removesuffix("_k"), KARRAS) if plain.endswith("_k") else (plain, "")


def _parted(prompt: str) -> tuple[str, str]:
    """Return the prompt, and what stands in brackets in it: what to avoid."""
    avoided = ", ".join(each.strip() for each in NEGATIVE.findall(prompt) if each.strip())
    return re.sub(r" {2,}", " ", NEGATIVE.sub("", prompt)).strip(), avoided


def _compel(prompt: str) -> str:
    """Return a prompt with compel's weights as we read them: `(a b)1.3` is `(a b:1.3)`, `word++` is `(word:1.21)`."""
    numbered = re.sub(r"\(([^()]{1,500})\)([0-9]{1,2}\.?[0-9]{0,3})(?![0-9])", r"(\1:\2)", prompt)
    return re.sub(r"(?<![\w-])(\w{1,80})(\+{1,8}|-{1,8})(?=[\s,.]|$)", _signed, numbered)


def _signed(found: re.Match[str]) -> str:
    signs = found[2]
    weight = (1.1 if signs[0] == "+" else 0.9) ** len(signs)
    return f"({found[1]}:{weight:.3g})"


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _names(value: object) -> list[str]:
    """Return names: one, a list, or a list as text."""
    several = value if isinstance(value, list) else [value]
    return [named(each) for each in several]


def _called(value: object) -> str:
    """Return the name of a model that InvokeAI describes; ages differ in where it stands."""
    for _ in range(3):
        if not isinstance(value, dict):
            break
        value = value.get("name", value.get("model_name", value.get("model", value.get("lora"))))
    return text_of(value)
