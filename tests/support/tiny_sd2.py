"""Make a small SD2-shaped model folder with random weights: OpenCLIP's text encoder, velocity or noise predicted."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from tests.support.tiny_model import byte_tokenizer, lasting, seeded, small_text, small_unet, small_vae


def make_tiny_sd2(
    folder: Path, prediction: str = "v_prediction", channels: int = 4, seed: int = 0, loud: float = 1.0
) -> Path:
    """Write a model of about 5 MB (96x96 px, 77 tokens, 4 latent channels) into `folder` and return it.

    channels: what its UNet reads; 9 is one for inpainting. loud: what its queries and keys are multiplied by.
    """
    torch, diffusers, transformers = (import_module(name) for name in ("torch", "diffusers", "transformers"))
    with seeded(seed):
        tokenizer = byte_tokenizer(pad="!")
        text = small_text(tokenizer, 48, intermediate_size=64, projection_dim=24, hidden_act="gelu")
        unet = small_unet(
            channels, 48, sample_size=12, attention_head_dim=(2, 4), use_linear_projection=True, upcast_attention=True
        )
        with torch.no_grad():
            for name, weight in unet.named_parameters():
                if name.endswith(("to_q.weight", "to_k.weight")):
                    weight.mul_(loud)
        kind = diffusers.StableDiffusionPipeline if channels == 4 else diffusers.StableDiffusionInpaintPipeline
        pipe = kind(
            vae=small_vae(sample_size=96),
            text_encoder=transformers.CLIPTextModel(text),
            tokenizer=tokenizer,
            unet=unet,
            scheduler=diffusers.DDIMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                num_train_timesteps=1000,
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
                prediction_type=prediction,
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipe.save_pretrained(folder, safe_serialization=True)
    return folder


@cache
def shared_tiny_sd2() -> Path:
    """Return one tiny SD2 that predicts velocity for all tests of this process, removed when it ends."""
    return make_tiny_sd2(lasting("tiny-sd2"))
