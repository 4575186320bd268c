"""What a single file is, by its header alone; and the settings shipped for it, held against the published models."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from core.errors import ModelUnavailable
from inference.cards import SETTINGS
from inference.conditioning import Reader
from inference.families.header import Header, Tensor
from inference.families.single import CONV_IN, UNET, VAE, check_shapes, recognise

TEXT = {
    "sd1": "cond_stage_model.transformer.text_model.x",
    "sd2": "cond_stage_model.model.x",
    "sdxl": "conditioner.embedders.1.model.x",
}


def header(*names: str, metadata: dict[str, str] | None = None, **shapes: tuple[int, ...]) -> Header:
    tensors = {name: Tensor("F16", (1,)) for name in names} | {name: Tensor("F16", at) for name, at in shapes.items()}
    return Header(tensors, metadata or {})


def whole(text: str, channels: int = 4, *more: str, **metadata: str) -> Header:
    shapes = {CONV_IN: (320, channels, 3, 3)}
    said = {f"modelspec.{name}": value for name, value in metadata.items()}
    return header(f"{VAE}decoder.x", f"{VAE}encoder.x", TEXT[text], *more, metadata=said, **shapes)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (whole("sd1"), "sd1"),
        (whole("sd1", 9), "sd1-inpaint"),
        (whole("sd2"), "sd2-v"),
        (whole("sd2", prediction_type="epsilon"), "sd2"),
        (whole("sd2", prediction_type="v"), "sd2-v"),
        (whole("sd2", 9), "sd2-inpaint"),
        (whole("sdxl"), "sdxl"),
        (whole("sdxl", 9), "sdxl-inpaint"),
        (whole("sd1", 4, "model_ema.diffusion_modelinput_blocks00weight"), "sd1"),
    ],
)
def test_kinds(file: Header, kind: str) -> None:
    assert recognise(file).kind == kind


def test_what_a_file_does_not_say_is_told_and_may_be_said() -> None:
    assert "does not say" in recognise(whole("sd2")).note
    said = recognise(whole("sd2"), "epsilon")
    assert (said.kind, said.note) == ("sd2", "")


def test_a_files_own_noise_is_kept() -> None:
    assert recognise(whole("sdxl", 4, "v_pred")).scheduler == {"prediction_type": "v_prediction"}
    zero = recognise(whole("sdxl", 4, "v_pred", "ztsnr")).scheduler
    assert (zero["rescale_betas_zero_snr"], zero["timestep_spacing"]) == (True, "trailing")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (whole("sd2", 5), "It reads a depth map"),
        (whole("sd1", 8), "It edits pictures by words"),
        (whole("sd1", 6), "It takes 6 channels"),
        (whole("sdxl", 4, "conditioner.embedders.0.model.x"), "It is the refiner"),
        (whole("sdxl", 4, "edm_mean"), r"\(Playground\)"),
        (header("lora_unet_down_blocks_0.lora_up.weight"), "It is a LoRA, not a model"),
        (header("unet.down_blocks.0.to_k.lora_A.weight"), "It is a LoRA, not a model"),
        (header("emb_params"), "It is a textual inversion"),
        (header("clip_l", "clip_g"), "It is a textual inversion"),
        (header("control_model.input_blocks.0.0.weight"), "It is a ControlNet"),
        (header("controlnet_cond_embedding.conv_in.weight", "down_blocks.0"), "It is a ControlNet"),
        (header("model_ema.diffusion_modelinput_blocks00weight"), r"training average \(EMA\) alone"),
        (header("double_blocks.0.img_attn.norm.key_norm.scale"), "It is a Flux transformer"),
        (header(f"{UNET}joint_blocks.0.x"), "Stable Diffusion 3"),
        (header("input_blocks.0.0.weight"), "It is a UNet alone"),
        (header("decoder.conv_in.weight"), "It is a VAE alone"),
        (header("text_model.encoder.x"), "It is a text encoder alone"),
        (header("conv_in.weight", "down_blocks.0.resnets.0.x"), "one part of a folder in diffusers' layout"),
        (header("what.is.this"), "its first tensor is what.is.this"),
    ],
)
def test_what_is_no_model_says_what_it_is(file: Header, why: str) -> None:
    with pytest.raises(ModelUnavailable, match=why):
        recognise(file)


def test_a_variant_of_another_build_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match="not built like that of Stable Diffusion XL"):
        check_shapes(whole("sdxl"), SETTINGS / "sdxl")


DDCONFIG = {"ch": 128, "ch_mult": [1, 2, 4, 4], "in_channels": 3, "out_ch": 3, "z_channels": 4, "num_res_blocks": 2}
ORIGINAL = {
    "sd1": {"attention_resolutions": [4, 2, 1], "channel_mult": [1, 2, 4, 4], "num_heads": 8, "context_dim": 768},
    "sd2": {
        "attention_resolutions": [4, 2, 1],
        "channel_mult": [1, 2, 4, 4],
        "num_head_channels": 64,
        "use_linear_in_transformer": True,
        "context_dim": 1024,
    },
    "sdxl": {
        "attention_resolutions": [4, 2],
        "channel_mult": [1, 2, 4],
        "num_head_channels": 64,
        "use_linear_in_transformer": True,
        "transformer_depth": [1, 2, 10],
        "context_dim": 2048,
        "adm_in_channels": 2816,
        "num_classes": "sequential",
    },
}
"""What the makers' own yaml files say."""
PARAMETERS = {
    "sd1": (859_520_964, 123_060_480),
    "sd1-inpaint": (859_535_364, 123_060_480),
    "sd2": (865_910_724, 340_387_840),
    "sd2-v": (865_910_724, 340_387_840),
    "sd2-inpaint": (865_925_124, 340_387_840),
    "sdxl": (2_567_463_684, 123_060_480),
    "sdxl-inpaint": (2_567_478_084, 123_060_480),
}
"""How many numbers the published UNets and text encoders have."""


def _config(kind: str, part: str) -> Any:
    return json.loads((SETTINGS / kind / part / "config.json").read_text())


@pytest.mark.parametrize("kind", ORIGINAL)
def test_shipped_settings_are_what_diffusers_makes_of_the_originals(kind: str) -> None:
    convert: Any = single_file_utils.create_unet_diffusers_config_from_ldm
    more = {"in_channels": 4, "out_channels": 4, "model_channels": 320, "num_res_blocks": 2, "transformer_depth": 1}
    unet = {**more, **ORIGINAL[kind]}
    params = {"first_stage_config": {"params": {"ddconfig": DDCONFIG}}, "unet_config": {"params": unet}}
    made = convert({"model": {"params": params}}, {})
    made.pop("sample_size")  # it guesses 64 where it does not know the family
    own = _config(kind, "unet")
    defaults = {"use_linear_projection": False, "transformer_layers_per_block": 1, "num_class_embeds": None}
    ours = {name: own.get(name, defaults.get(name)) for name in made}
    assert json.loads(json.dumps(made)) == ours


@pytest.mark.parametrize("kind", PARAMETERS)
def test_shipped_settings_build_the_published_models(kind: str) -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(_config(kind, "unet"))
        vae = AutoencoderKL.from_config(_config(kind, "vae"))
        text = CLIPTextModel(CLIPTextConfig.from_pretrained(SETTINGS / kind / "text_encoder"))
        count = [sum(each.numel() for each in part.parameters()) for part in (unet, text, vae)]
    assert count == [*PARAMETERS[kind], 83_653_863]


def test_the_second_encoder_of_sdxl_is_the_published_one() -> None:
    with torch.device("meta"):
        text = CLIPTextModelWithProjection(CLIPTextConfig.from_pretrained(SETTINGS / "sdxl" / "text_encoder_2"))
    assert sum(each.numel() for each in text.parameters()) == 694_659_840


@pytest.mark.parametrize(("kind", "part", "pad"), [("sd1", "", 49407), ("sd2-v", "", 0), ("sdxl", "_2", 0)])
def test_the_shipped_vocabulary_is_clips(kind: str, part: str, pad: int) -> None:
    """The ids are those the original program gives (openai/CLIP, `tokenize`)."""
    (chunk,) = Reader(SETTINGS / kind, part).chunks("a photo of a cat")
    assert chunk.ids[:7] == (49406, 320, 1125, 539, 320, 2368, 49407)
    assert set(chunk.ids[7:]) == {pad}
