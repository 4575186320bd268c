"""Model folders of random weights in the shapes of published Models, made on the device: they paint nothing, fast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

SCHEDULER = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "clip_sample": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "prediction_type": "epsilon",
}
DOWN, DOWN_TEXT = "DownBlock2D", "CrossAttnDownBlock2D"
UP, UP_TEXT = "UpBlock2D", "CrossAttnUpBlock2D"


@dataclass(frozen=True, slots=True)
class Shape:
    """Describe a Model: `side` in pixels, configs by diffusers' own names; `texts` are one text encoder or two."""

    name: str
    side: int
    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    texts: tuple[Mapping[str, Any], ...]

    @property
    def is_sdxl(self) -> bool:
        """Say whether it has SDXL's added conditions."""
        return "addition_embed_type" in self.unet

    @property
    def pipeline(self) -> str:
        """Return the stock pipeline's class name."""
        return "StableDiffusionXLPipeline" if self.is_sdxl else "StableDiffusionPipeline"

    @property
    def latent(self) -> int:
        """Return the side of its Latent."""
        return int(self.unet["sample_size"])

    @property
    def text_width(self) -> int:
        """Return how wide an embedding of one token is."""
        return int(self.unet["cross_attention_dim"])


def _text(width: int, heads: int, layers: int, inner: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "intermediate_size": inner,
        "projection_dim": width,
    }


def _vae(side: int, blocks: tuple[int, ...], layers: int, groups: int, scaling: float) -> dict[str, Any]:
    return {
        "block_out_channels": blocks,
        "down_block_types": ("DownEncoderBlock2D",) * len(blocks),
        "up_block_types": ("UpDecoderBlock2D",) * len(blocks),
        "latent_channels": 4,
        "layers_per_block": layers,
        "norm_num_groups": groups,
        "sample_size": side,
        "scaling_factor": scaling,
    }


def _unet_sd1(latent: int, blocks: tuple[int, ...], layers: int, heads: int, groups: int, text: int) -> dict[str, Any]:
    attended = len(blocks) - 1
    return {
        "sample_size": latent,
        "block_out_channels": blocks,
        "layers_per_block": layers,
        "attention_head_dim": heads,
        "norm_num_groups": groups,
        "cross_attention_dim": text,
        "down_block_types": (DOWN_TEXT,) * attended + (DOWN,),
        "up_block_types": (UP,) + (UP_TEXT,) * attended,
    }


def _unet_sdxl(
    latent: int, blocks: tuple[int, ...], layers: int, heads: tuple[int, ...], depth: tuple[int, ...], text: int
) -> dict[str, Any]:
    attended, pooled, time = len(blocks) - 1, 1280 if text == 2048 else text // 2, 256 if text == 2048 else 8
    return {
        "sample_size": latent,
        "block_out_channels": blocks,
        "layers_per_block": layers,
        "attention_head_dim": heads,
        "transformer_layers_per_block": depth,
        "norm_num_groups": min(32, blocks[0] // 4),
        "cross_attention_dim": text,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": time,
        "projection_class_embeddings_input_dim": 6 * time + pooled,
        "down_block_types": (DOWN,) + (DOWN_TEXT,) * attended,
        "up_block_types": (UP_TEXT,) * attended + (UP,),
    }


CLIP_L = _text(768, 12, 12, 3072)
BIG_G = {**_text(1280, 20, 32, 5120), "hidden_act": "gelu"}
SMALL_TEXT = _text(32, 4, 2, 37)

SD15 = Shape(
    "sd15",
    512,
    _unet_sd1(64, (320, 640, 1280, 1280), 2, 8, 32, 768),
    _vae(512, (128, 256, 512, 512), 2, 32, 0.18215),
    (CLIP_L,),
)
SDXL = Shape(
    "sdxl",
    1024,
    _unet_sdxl(128, (320, 640, 1280), 2, (5, 10, 20), (1, 2, 10), 2048),
    {**_vae(1024, (128, 256, 512, 512), 2, 32, 0.13025), "force_upcast": True},
    (CLIP_L, BIG_G),
)
NARROW = Shape(
    "narrow", 128, _unet_sd1(16, (64, 128, 256), 1, 8, 32, 64), _vae(128, (32, 64, 64, 64), 1, 16, 0.18215),
    (_text(64, 4, 2, 128),),
)  # fmt: skip
SMALL_SD15 = Shape(
    "small-sd15", 64, _unet_sd1(8, (32, 64), 1, 4, 8, 32), _vae(64, (16, 32, 32, 32), 1, 8, 0.18215), (SMALL_TEXT,)
)
SMALL_SDXL = Shape(
    "small-sdxl",
    64,
    _unet_sdxl(8, (32, 64), 1, (2, 4), (1, 2), 64),
    {**_vae(64, (16, 32, 32, 32), 1, 8, 0.13025), "force_upcast": True},
    (SMALL_TEXT, SMALL_TEXT),
)


def make_unet(shape: Shape, device: str, dtype: torch.dtype, seed: int = 0) -> Any:
    """Return the UNet with random weights, made where it will run."""
    diffusers: Any = import_module("diffusers")
    return _made(lambda: diffusers.UNet2DConditionModel(**shape.unet), device, dtype, seed)


def make_folder(shape: Shape, folder: Path, device: str, dtype: torch.dtype, seed: int = 0) -> Path:
    """Write the whole Model into `folder`, in diffusers' layout, and return it; one part in memory at a time."""
    diffusers: Any = import_module("diffusers")
    parts: dict[str, tuple[str, str]] = {"scheduler": ("diffusers", "DDIMScheduler")}
    diffusers.DDIMScheduler(**SCHEDULER).save_pretrained(folder / "scheduler")
    make_unet(shape, device, dtype, seed).save_pretrained(folder / "unet")
    _made(lambda: diffusers.AutoencoderKL(**shape.vae), device, dtype, seed).save_pretrained(folder / "vae")
    parts |= {"unet": ("diffusers", "UNet2DConditionModel"), "vae": ("diffusers", "AutoencoderKL")}
    for number, text in enumerate(shape.texts):
        parts |= _save_text(folder, text, "" if number == 0 else f"_{number + 1}", device, dtype, seed)
    index: dict[str, Any] = {"_class_name": shape.pipeline, **{name: list(part) for name, part in parts.items()}}
    if not shape.is_sdxl:
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
    else:
        index["force_zeros_for_empty_prompt"] = True
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def stock(folder: Path, shape: Shape, device: str, dtype: torch.dtype) -> Any:
    """Return the stock pipeline over a folder, silent."""
    pipe = getattr(import_module("diffusers"), shape.pipeline).from_pretrained(
        folder, dtype=dtype, local_files_only=True
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def _save_text(
    folder: Path, text: Mapping[str, Any], suffix: str, device: str, dtype: torch.dtype, seed: int
) -> dict[str, tuple[str, str]]:
    transformers: Any = import_module("transformers")
    symbols = list(import_module("transformers.convert_slow_tokenizer").bytes_to_unicode().values())
    words = [*symbols, *(f"{symbol}</w>" for symbol in symbols), "<|startoftext|>", "<|endoftext|>"]
    vocab = {word: number for number, word in enumerate(words)}
    pad = "!" if suffix else "<|endoftext|>"
    tokenizer = transformers.CLIPTokenizer(vocab=vocab, merges=[], model_max_length=77, pad_token=pad)
    tokenizer.save_pretrained(folder / f"tokenizer{suffix}")
    config = transformers.CLIPTextConfig(
        vocab_size=len(vocab),
        max_position_embeddings=77,
        bos_token_id=vocab["<|startoftext|>"],
        eos_token_id=vocab["<|endoftext|>"],
        pad_token_id=vocab[pad],
        **text,
    )
    kind = transformers.CLIPTextModelWithProjection if suffix else transformers.CLIPTextModel
    _made(lambda: kind(config), device, dtype, seed).save_pretrained(folder / f"text_encoder{suffix}")
    return {
        f"text_encoder{suffix}": ("transformers", kind.__name__),
        f"tokenizer{suffix}": ("transformers", "CLIPTokenizer"),
    }


def _made(make: Any, device: str, dtype: torch.dtype, seed: int) -> Any:
    torch.manual_seed(seed)
    with torch.device(device):
        return make().to(dtype).eval().requires_grad_(False)
