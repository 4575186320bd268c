"""What a single .safetensors file is, told by its header alone: a kind of Model in the original layout, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.families.folder import broken, read_json
from inference.families.header import Header

UNET, VAE, EMA = "model.diffusion_model.", "first_stage_model.", "model_ema."
CONV_IN = f"{UNET}input_blocks.0.0.weight"
ATTENDS = "attn2.to_k.weight"
"""What each layer that reads the words has once; its second side is the words' width."""
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
PREDICTIONS = ("epsilon", "v_prediction")
FOLDER = "Use its folder in diffusers' layout."
TEXTS = {
    "conditioner.embedders.1.": "sdxl",
    "cond_stage_model.model.": "sd2",
    "cond_stage_model.transformer.": "sd1",
}
"""Where each family's files keep their text encoder."""
NAMES = {"sd1": "Stable Diffusion 1", "sd2": "Stable Diffusion 2", "sdxl": "Stable Diffusion XL"}
CHANNELS = {5: "reads a depth map", 7: "enlarges pictures", 8: "edits pictures by words"}
OTHERS = (
    ("control_model.", "is a ControlNet, not a model", "It goes beside a model."),
    ("controlnet_cond_embedding.", "is a ControlNet, not a model", "It goes beside a model."),
    ("input_hint_block.", "is a ControlNet, not a model", "It goes beside a model."),
    ("emb_params", "is a textual inversion, not a model", "It goes beside a model."),
    (f"{UNET}joint_blocks.", "is a Stable Diffusion 3 transformer", FOLDER),
    ("joint_blocks.", "is a Stable Diffusion 3 transformer", FOLDER),
    (f"{UNET}double_blocks.", "is a Flux transformer", FOLDER),
    ("double_blocks.", "is a Flux transformer", FOLDER),
    (EMA, "holds the training average (EMA) alone", "Use the file that was made for painting."),
    ("input_blocks.", "is a UNet alone", "Use the whole model: UNet, VAE and text encoder in one file."),
    ("down_blocks.", "is one part of a folder in diffusers' layout", "Name the folder that holds model_index.json."),
    (VAE, "is a VAE alone", "Use the whole model: UNet, VAE and text encoder in one file."),
    ("decoder.", "is a VAE alone", "Use the whole model: UNet, VAE and text encoder in one file."),
    ("text_model.", "is a text encoder alone", "Use the whole model: UNet, VAE and text encoder in one file."),
)
"""What else people take for a model, by how its tensors are called."""
LORA = ("lora_", ".lora", ".hada_", ".lokr_", ".oft_", ".alpha")


@dataclass(frozen=True, slots=True)
class Found:
    """Say what a file is: `kind` names its settings under inference/configs; scheduler: what it says of its own noise.

    note: what had to be assumed.
    """

    kind: str
    scheduler: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def recognise(header: Header, prediction: str = "") -> Found:
    """Return what a file is; raise ModelUnavailable where it is no Model that can be used alone.

    prediction: what the owner says the UNet predicts, over what the header says.
    """
    if not header.has(f"{UNET}input_blocks."):
        raise _other(header)
    text = next((family for start, family in TEXTS.items() if header.has(start)), None)
    if header.has("conditioner.embedders.0.model."):
        raise broken("It is the refiner of Stable Diffusion XL.", "Use the base model.")
    if header.has("edm_mean"):
        raise broken("Its VAE moves Latents by a mean (Playground), which Limner does not do.", "Use another model.")
    if header.has(f"{UNET}time_embed.cond_proj."):
        raise broken("It is distilled with its guidance, which a single file does not tell enough of.", FOLDER)
    if any(each.dtype not in FLOATS for name, each in header.tensors.items() if name.startswith(UNET)):
        raise broken("Its weights are quantised in a way a single file does not tell enough of.", FOLDER)
    if text is None:
        raise broken("It holds no text encoder.", "Use the whole model: UNet, VAE and text encoder in one file.")
    if not (header.has(f"{VAE}decoder.") and header.has(f"{VAE}encoder.")):
        raise broken("It holds no whole VAE.", "Use a file with its VAE inside (`baked VAE`).")
    return _variant(header, text, prediction)


def check_shapes(header: Header, settings: Path) -> None:
    """Raise ModelUnavailable where a file's UNet is not built as its settings say: a pruned or merged variant."""
    unet = read_json(settings / "unet" / "config.json")
    conv_in = header.shape(CONV_IN)
    blocks = {name.split(".")[3] for name in header.tensors if name.startswith(f"{UNET}input_blocks.")}
    reads = [each.shape for name, each in header.tensors.items() if name.startswith(UNET) and name.endswith(ATTENDS)]
    found = (conv_in[:2], len(blocks), len(reads), {shape[-1] for shape in reads if shape})
    channels, layers = unet["block_out_channels"], int(unet["layers_per_block"])
    wanted = (
        (channels[0], unet["in_channels"]),
        len(channels) * (layers + 1),
        _attends(unet, layers),
        {unet["cross_attention_dim"]},
    )
    if found != wanted:
        family = NAMES[settings.name.partition("-")[0]]
        raise broken(f"Its UNet is not built like that of {family}: a smaller or changed variant.", FOLDER)


def _variant(header: Header, text: str, prediction: str) -> Found:
    conv_in = header.shape(CONV_IN)
    channels = conv_in[1] if len(conv_in) == 4 else 0
    if channels == 9:
        return Found(f"{text}-inpaint")
    if channels != 4:
        what = CHANNELS.get(channels, f"takes {channels} channels")
        raise broken(f"It {what}, which Limner cannot do.", "Use a text-to-image model.")
    said = prediction or _said(header)
    if text != "sd2":
        scheduler: dict[str, Any] = {"prediction_type": said} if said else {}
        if header.has("ztsnr"):
            scheduler |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
        return Found(text, scheduler)
    note = "" if said else "Taken for the 768 px model, whose UNet predicts v: the file does not say."
    return Found("sd2" if said == "epsilon" else "sd2-v", note=note)


def _said(header: Header) -> str:
    """Return what a file says its UNet predicts, as its makers write it, empty where it does not."""
    words = header.metadata.get("modelspec.prediction_type", "").lower().replace("-", "_")
    if "v_pred" in header.tensors or words in ("v", "v_pred", "v_prediction"):
        return "v_prediction"
    return "epsilon" if words in ("epsilon", "eps") else ""


def _attends(unet: Mapping[str, Any], layers: int) -> int:
    """Return how many layers of a UNet read the words."""
    depth = unet.get("transformer_layers_per_block", 1)
    depths = depth if isinstance(depth, list) else [depth] * len(unet["block_out_channels"])
    down = sum(layers * deep for kind, deep in zip(unet["down_block_types"], depths, strict=True) if "Cross" in kind)
    up = sum(
        (layers + 1) * deep
        for kind, deep in zip(unet["up_block_types"], reversed(depths), strict=True)
        if "Cross" in kind
    )
    return int(down + depths[-1] + up)


def _other(header: Header) -> Exception:
    names = list(header.tensors)
    if any(sign in name for name in names for sign in LORA):
        return broken("It is a LoRA, not a model.", "It goes beside a model.")
    if {"clip_l", "clip_g"} & set(names):
        return broken("It is a textual inversion, not a model.", "It goes beside a model.")
    for start, what, hint in OTHERS:
        if header.has(start):
            return broken(f"It {what}.", hint)
    return broken(f"It is of no kind Limner knows: its first tensor is {names[0]}.", FOLDER)
