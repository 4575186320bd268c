"""Files of other tools, made by code from their formats: what each writes beside the pixels."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image, PngImagePlugin

USER_COMMENT = 0x9286
MAKER_NOTE = 0x927C

A1111 = """a (red:1.2) fox, snow <lora:paws:0.8>
second line
Negative prompt: blurry,
bad anatomy
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 42, Size: 512x768, \
Model hash: 0123456789, Model: dreamer, VAE hash: 1, VAE: fine.pt, Denoising strength: 0.4, Clip skip: 2, \
Hires upscale: 2, Hires steps: 10, Hires upscaler: Latent, Lora hashes: "paws: 12ab", Version: v1.10.1"""

COMFY: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 156680208700286, "steps": 25, "cfg": 8.0, "sampler_name": "dpmpp_2m_sde_gpu",
            "scheduler": "karras", "denoise": 1.0, "model": ["10", 0], "positive": ["12", 0], "negative": ["12", 1],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sub/dreamer.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": ["20", 0], "height": 515, "batch_size": 4}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["21", 0], "clip": ["11", 0]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "text, watermark", "clip": ["11", 0]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["30", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}, "is_changed": [float("nan")]},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {"lora_name": "paws.safetensors", "strength_model": 0.8, "model": ["4", 0], "clip": ["4", 1]},
    },
    "11": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["10", 1]}},
    "12": {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["6", 0], "negative": ["7", 0]}},
    "20": {"class_type": "PrimitiveInt", "inputs": {"value": 768}},
    "21": {"class_type": "String Literal", "inputs": {"string": "a glass bottle"}},
    "30": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 7, "steps": 5, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 0.5,
            "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["31", 0],
        },
    },
    "31": {"class_type": "LatentUpscale", "inputs": {"samples": ["3", 0], "width": 1536, "height": 1024}},
}  # fmt: skip

WORKFLOW: dict[str, Any] = {
    "nodes": [
        {"id": 1, "type": "KSampler", "widgets_values": [5, "fixed", 12, 6.5, "euler_ancestral", "normal", 0.6],
         "inputs": [{"name": "model", "link": 1}, {"name": "positive", "link": 2}, {"name": "negative", "link": 3},
                    {"name": "latent_image", "link": 4}]},
        {"id": 2, "type": "CheckpointLoaderSimple", "widgets_values": ["dreamer.ckpt"], "inputs": []},
        {"id": 3, "type": "CLIPTextEncode", "widgets_values": ["a boat"], "inputs": [{"name": "clip", "link": None}]},
        {"id": 4, "type": "CLIPTextEncode", "widgets_values": ["fog"], "inputs": []},
        {"id": 5, "type": "VAEEncode", "inputs": [{"name": "pixels", "link": 5}]},
        {"id": 6, "type": "LoadImage", "widgets_values": ["boat.png", "image"], "inputs": []},
        {"id": 7, "type": "SaveImage", "inputs": [{"name": "images", "link": 6}]},
        {"id": 8, "type": "VAEDecode", "inputs": [{"name": "samples", "link": 7}]},
    ],
    "links": [[1, 2, 0, 1, 0, "MODEL"], [2, 3, 0, 1, 1, "CONDITIONING"], [3, 4, 0, 1, 2, "CONDITIONING"],
              [4, 5, 0, 1, 3, "LATENT"], [5, 6, 0, 5, 0, "IMAGE"], [6, 8, 0, 7, 0, "IMAGE"], [7, 1, 0, 8, 0, "LATENT"]],
}  # fmt: skip

INVOKE: dict[str, Any] = {
    "generation_mode": "txt2img", "positive_prompt": "a fox++ (in snow)1.3", "negative_prompt": "blurry", "width": 512,
    "height": 640, "seed": 2508512321, "rand_device": "cpu", "cfg_scale": 7.5, "steps": 30, "scheduler": "euler_a",
    "clip_skip": 0, "model": {"key": "k", "hash": "blake3:ab", "name": "dreamer", "base": "sd-1", "type": "main"},
    "loras": [{"model": {"name": "paws"}, "weight": 0.75}], "controlnets": [], "app_version": "6.0.0",
}  # fmt: skip

INVOKE_2: dict[str, Any] = {
    "model": "stable diffusion", "model_weights": "dreamer", "model_hash": "cc6cb27103417325ff94f52b7a5d2dde45a7515b",
    "app_id": "invoke-ai/InvokeAI", "app_version": "2.2.4",
    "image": {"prompt": [{"prompt": "a cat on a mat [blurry] [dark]", "weight": 1.0}], "steps": 50, "cfg_scale": 7.5,
              "threshold": 0, "perlin": 0, "height": 512, "width": 512, "seed": 5, "seamless": False,
              "postprocessing": None, "sampler": "k_dpm_2", "variations": [], "type": "txt2img"},
}  # fmt: skip

DREAM = '"a cat, [blurry]" -s50 -S4242 -W640 -H512 -C7.5 -Ak_euler_a'

EASY = {
    "prompt": "a photograph of an astronaut", "negative_prompt": "clouds", "seed": "4242",
    "use_stable_diffusion_model": "models/dreamer", "clip_skip": "True", "use_vae_model": "fine",
    "sampler_name": "euler_a", "width": "512", "height": "512", "num_inference_steps": "25", "guidance_scale": "7.5",
    "use_lora_model": "None", "tiling": "None",
}  # fmt: skip

EASY_TEXT = """Prompt: a red kite
Negative Prompt:
Seed: 9
Stable Diffusion model: dreamer
Sampler: plms
Width: 512
Height: 448
Steps: 25
Guidance Scale: 7.5
Prompt Strength: 0.8"""

FOOOCUS: dict[str, Any] = {
    "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "dreamer", "base_model_hash": "aeb7e9e689", "clip_skip": 2,
    "full_prompt": ["a cube", "detailed"], "guidance_scale": 4, "loras": [["offset", 0.1, "4852686128"]],
    "metadata_scheme": "fooocus", "negative_prompt": "", "performance": "Speed", "prompt": "a cube",
    "refiner_model": "None", "resolution": "(1024, 960)", "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras",
    "seed": "4159895726312427221", "sharpness": 2, "steps": 30, "styles": "['Fooocus V2', 'Fooocus Sharp']",
    "vae": "Default (model)", "version": "Fooocus v2.5.5",
}  # fmt: skip

FOOOCUS_TEXT = """a cube, detailed
Negative prompt: dull
Raw prompt: a cube, Raw negative prompt: , Steps: 30, Styles: "['Fooocus V2']", Sampler: DPM++ 2M SDE, \
Scheduler: karras, Seed: 3, Size: 1024x960, CFG scale: 4, Model: dreamer, Version: Fooocus v2.5.5"""


def png(texts: Mapping[str, str], size: tuple[int, int] = (64, 64)) -> bytes:
    """Return a PNG with texts, as every tool but ours writes them."""
    info = PngImagePlugin.PngInfo()
    for keyword, words in texts.items():
        info.add_text(keyword, words)
    out = io.BytesIO()
    Image.new("RGB", size, (90, 40, 20)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def with_comment(words: str, form: str = "JPEG", order: str = "utf-16-be", maker: str = "") -> bytes:
    """Return a JPEG or WebP with EXIF: A1111's comment, whose bytes some write the other way round."""
    exif = Image.Exif()
    inner = exif.get_ifd(0x8769)
    inner[USER_COMMENT] = b"UNICODE\0" + words.encode(order)
    if maker:
        inner[MAKER_NOTE] = maker.encode()
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 40, 20)).save(out, form, exif=exif.tobytes())
    return out.getvalue()


ALL: Mapping[str, Mapping[str, str]] = {
    "a1111": {"parameters": A1111},
    "comfy": {"prompt": json.dumps(COMFY), "workflow": "{}"},
    "comfy drawn": {"workflow": json.dumps(WORKFLOW)},
    "invoke": {"invokeai_metadata": json.dumps(INVOKE)},
    "invoke 2": {"sd-metadata": json.dumps(INVOKE_2), "Dream": DREAM},
    "invoke 1": {"Dream": DREAM},
    "easy": EASY,
    "fooocus": {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"},
    "fooocus as a1111": {"parameters": FOOOCUS_TEXT, "fooocus_scheme": "a1111"},
}
"""The texts of one file of each kind."""
