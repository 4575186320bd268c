"""Write a small diffusers folder as one .safetensors file in the original layout, and its settings as a kind of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from inference.families.single import UNET, VAE

Tensors = dict[str, torch.Tensor]
UNET_PARTS = (
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("add_embedding.linear_1", "label_emb.0.0"),
    ("add_embedding.linear_2", "label_emb.0.2"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
    ("conv_in", "input_blocks.0.0"),
)
RESNET = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("time_emb_proj", "emb_layers.1"),
    ("conv_shortcut", "skip_connection"),
)
VAE_ATTENTION = (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out"))
OPENCLIP = (
    ("encoder.layers.", "transformer.resblocks."),
    ("layer_norm1", "ln_1"),
    ("layer_norm2", "ln_2"),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
    ("self_attn.out_proj", "attn.out_proj"),
    ("final_layer_norm", "ln_final"),
    ("embeddings.token_embedding", "token_embedding"),
    ("embeddings.position_embedding.weight", "positional_embedding"),
)


def as_single(folder: Path, file: Path, metadata: dict[str, str] | None = None, **changes: Any) -> Path:
    """Write a folder's weights as one file; changes: more tensors, or None for a start of names to leave out."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found = tensors_of(folder)
    for name, tensor in changes.items():
        if tensor is None:
            found = {each: value for each, value in found.items() if not each.startswith(name)}
        else:
            found[name] = tensor
    save_file({name: tensor.contiguous() for name, tensor in found.items()}, file, metadata)
    return file


def kind_of_file(folder: Path, settings: Path, kind: str) -> Path:
    """Write a folder's settings and tokenizers, without weights, as those of a kind of single file."""
    shutil.copytree(folder, settings / kind, ignore=shutil.ignore_patterns("*.safetensors"))
    return settings


def tensors_of(folder: Path) -> Tensors:
    """Return a folder's weights under the names of the original layout."""
    config = json.loads((folder / "unet" / "config.json").read_text())
    found = {
        UNET + _unet_name(name, config["layers_per_block"]): tensor for name, tensor in _load(folder / "unet").items()
    }
    blocks = len(json.loads((folder / "vae" / "config.json").read_text())["block_out_channels"])
    found |= {
        VAE + _vae_name(name, blocks): tensor[:, :, None, None] if _is_vae_matrix(name) else tensor
        for name, tensor in _load(folder / "vae").items()
    }
    text = _load(folder / "text_encoder")
    if (folder / "text_encoder_2").is_dir():
        found |= _clip(text, "conditioner.embedders.0.transformer.")
        return found | _openclip(_load(folder / "text_encoder_2"), "conditioner.embedders.1.model.")
    if json.loads((folder / "text_encoder" / "config.json").read_text()).get("hidden_act") == "gelu":
        return found | _openclip(text, "cond_stage_model.model.")
    return found | _clip(text, "cond_stage_model.transformer.")


def _load(part: Path) -> Tensors:
    (file,) = part.glob("*.safetensors")
    return load_file(file)


def _unet_name(name: str, layers: int) -> str:
    for ours, theirs in UNET_PARTS:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    if found := re.match(r"down_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)", name):
        block, kind, layer, rest = int(found[1]), found[2], int(found[3]), found[4]
        return f"input_blocks.{block * (layers + 1) + layer + 1}.{_inner(kind, rest)}"
    if found := re.match(r"down_blocks\.(\d+)\.downsamplers\.0\.conv\.(.*)", name):
        return f"input_blocks.{(int(found[1]) + 1) * (layers + 1)}.0.op.{found[2]}"
    if found := re.match(r"up_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)", name):
        block, kind, layer, rest = int(found[1]), found[2], int(found[3]), found[4]
        return f"output_blocks.{block * (layers + 1) + layer}.{_inner(kind, rest)}"
    if found := re.match(r"up_blocks\.(\d+)\.upsamplers\.0\.(.*)", name):
        # Of a block that attends, the third thing in its last layer; of one that does not, the second.
        return f"output_blocks.{(int(found[1]) + 1) * (layers + 1) - 1}.{2 if found[1] == '0' else 1}.{found[2]}"
    found = re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name)
    assert found, name
    place = 1 if found[1] == "attentions" else 2 * int(found[2])
    return f"middle_block.{place}." + _inner(found[1], found[3]).partition(".")[2]


def _inner(kind: str, rest: str) -> str:
    if kind == "attentions":
        return f"1.{rest}"
    for ours, theirs in RESNET:
        if rest.startswith(ours):
            return f"0.{theirs}{rest.removeprefix(ours)}"
    raise AssertionError(rest)


def _vae_name(name: str, blocks: int) -> str:
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.resnets\.(\d+)", r"encoder.down.\1.block.\2", name)
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.downsamplers\.0", r"encoder.down.\1.downsample", name)
    name = re.sub(
        r"decoder\.up_blocks\.(\d+)\.resnets\.(\d+)",
        lambda found: f"decoder.up.{blocks - 1 - int(found[1])}.block.{found[2]}",
        name,
    )
    name = re.sub(
        r"decoder\.up_blocks\.(\d+)\.upsamplers\.0",
        lambda found: f"decoder.up.{blocks - 1 - int(found[1])}.upsample",
        name,
    )
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    if "mid_block.attentions.0." in name:
        for ours, theirs in VAE_ATTENTION:
            name = name.replace(f"attentions.0.{ours}.", f"attentions.0.{theirs}.")
    return name.replace("mid_block.attentions.0", "mid.attn_1")


def _is_vae_matrix(name: str) -> bool:
    return "attentions" in name and name.endswith("weight") and "group_norm" not in name


def _clip(text: Tensors, start: str) -> Tensors:
    return {f"{start}text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in text.items()}


def _openclip(text: Tensors, start: str) -> Tensors:
    """Return OpenCLIP's names: query, key and value of a layer are one tensor there."""
    found: Tensors = {}
    for whole, tensor in text.items():
        name = whole.removeprefix("text_model.")
        if name == "text_projection.weight":
            found[f"{start}text_projection"] = tensor.T
            continue
        if "k_proj" in name or "v_proj" in name:
            continue
        for ours, theirs in OPENCLIP:
            name = name.replace(ours, theirs)
        if "self_attn.q_proj" in name:
            tensor = torch.cat([text[whole.replace("q_proj", each)] for each in ("q_proj", "k_proj", "v_proj")])
            name = name.replace("self_attn.q_proj.", "attn.in_proj_")
        found[start + name] = tensor
    return found
