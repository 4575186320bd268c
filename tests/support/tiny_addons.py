"""Make small LoRAs and embeddings of random numbers for a tiny model, in each form people save them in."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Literal

Form = Literal["peft", "kohya", "old"]
IN_UNET = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "proj_in", "conv1")
IN_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj")
KOHYA = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}


def make_lora(
    model: Path, path: Path, seed: int, form: Form = "peft", rank: int = 4, alpha: float = 2.0, text: bool = True
) -> Path:
    """Write a LoRA for the model in a folder; kohya's holds an alpha, diffusers' old form knows attention alone."""
    torch = import_module("torch")
    parts = _parts(model)
    chance = torch.Generator().manual_seed(seed)
    found: dict[str, Any] = {}
    for part, module in parts.items():
        if part != "unet" and not text:
            continue
        for name, layer in module.named_modules():
            if not name.endswith(IN_UNET if part == "unet" else IN_TEXT):
                continue
            if form == "old" and (part != "unet" or "attn" not in name):
                continue
            for key, tensor in _layer(torch, layer, rank, chance).items():
                found[_key(form, part, name, key, "text_encoder_2" in parts)] = tensor
            if form == "kohya":
                found[_key(form, part, name, "alpha", "text_encoder_2" in parts)] = torch.tensor(alpha)
    path.parent.mkdir(parents=True, exist_ok=True)
    import_module("safetensors.torch").save_file(found, path)
    return path


def make_embedding(path: Path, widths: tuple[int, ...], vectors: int = 2, seed: int = 0) -> Path:
    """Write an embedding: `emb_params` as A1111 saves it, or `clip_l` and `clip_g` for two text encoders."""
    torch = import_module("torch")
    chance = torch.Generator().manual_seed(seed)
    names = ("emb_params",) if len(widths) == 1 else ("clip_l", "clip_g")
    lists = {name: torch.randn(vectors, width, generator=chance) for name, width in zip(names, widths, strict=True)}
    path.parent.mkdir(parents=True, exist_ok=True)
    import_module("safetensors.torch").save_file(lists, path)
    return path


def _parts(model: Path) -> dict[str, Any]:
    diffusers, transformers = import_module("diffusers"), import_module("transformers")
    kinds = {
        "unet": diffusers.UNet2DConditionModel,
        "text_encoder": transformers.CLIPTextModel,
        "text_encoder_2": transformers.CLIPTextModelWithProjection,
    }
    here = {part: kind for part, kind in kinds.items() if (model / part).is_dir()}
    return {part: kind.from_pretrained(model / part, local_files_only=True) for part, kind in here.items()}


def _layer(torch: Any, layer: Any, rank: int, chance: Any) -> dict[str, Any]:
    """Return both halves of a layer's LoRA, large enough to be seen in every Picture."""
    shape = tuple(layer.weight.shape)
    down = torch.randn(rank, *shape[1:], generator=chance) * 0.3
    up = torch.randn(shape[0], rank, *(1,) * (len(shape) - 2), generator=chance) * 0.1
    return {"down": down, "up": up}


def _key(form: Form, part: str, name: str, key: str, two: bool) -> str:
    if form == "kohya":
        start = KOHYA[part] if two or part == "unet" else "lora_te"
        inner = f"text_model.{name.removeprefix('text_model.')}" if part != "unet" else name
        whole = f"{start}_{inner.replace('.', '_')}"
        return f"{whole}.alpha" if key == "alpha" else f"{whole}.lora_{key}.weight"
    if form == "old":
        place, _, projection = name.rpartition(".attn")
        number, _, which = projection.partition(".")
        return f"{part}.{place}.attn{number}.processor.{which.removesuffix('.0')}_lora.{key}.weight"
    return f"{part}.{name}.lora_{'A' if key == 'down' else 'B'}.weight"
