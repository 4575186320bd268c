"""Make a small random Stable Diffusion 2 that follows the depth of a Sketch, with the estimator beside it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from tests.support.tiny_model import byte_tokenizer, lasting, seeded, small_text, small_unet, small_vae


def make_tiny_depth(folder: Path, seed: int = 0) -> Path:
    """Write the model (64x64 px, v-prediction) into `folder` and return it."""
    diffusers, transformers = (import_module(name) for name in ("diffusers", "transformers"))
    with seeded(seed):
        tokenizer = byte_tokenizer(pad="!")
        settings = transformers.DPTConfig(
            image_size=32, patch_size=16, num_channels=3, hidden_size=32, num_hidden_layers=4, num_attention_heads=4,
            intermediate_size=37, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[16, 32, 32, 32],
            fusion_hidden_size=32, is_hybrid=False,
        )  # fmt: skip
        size = {"height": 32, "width": 32}
        pipe = diffusers.StableDiffusionDepth2ImgPipeline(
            vae=small_vae(),
            text_encoder=transformers.CLIPTextModel(small_text(tokenizer, 32, hidden_act="gelu")),
            tokenizer=tokenizer,
            unet=small_unet(5, 32),
            scheduler=diffusers.PNDMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                set_alpha_to_one=False,
                skip_prk_steps=True,
                steps_offset=1,
                prediction_type="v_prediction",
            ),  # fmt: skip
            depth_estimator=transformers.DPTForDepthEstimation(settings),
            feature_extractor=transformers.DPTImageProcessor(size=size),
        )
        pipe.save_pretrained(folder, safe_serialization=True)
    return folder


@cache
def shared_tiny_depth() -> Path:
    """Return one such model for all tests of this process, removed when it ends."""
    return make_tiny_depth(lasting("depth"))
