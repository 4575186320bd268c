"""Stable Diffusion 3: a transformer that follows a flow, read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import BadConfig
from inference.families.facts import PARTS, Facts, Part, check_parts, tokens_read
from inference.families.flow import resolve_flow
from inference.families.folder import broken, read_json

FAMILY = DISTILLED = "sd3"
PIPELINES = ("StableDiffusion3Pipeline",)
MASKS = False
OWN_PARTS: Mapping[str, Part] = {**PARTS, "text_encoder": PARTS["text_encoder_2"]}
"""Its first text encoder is of the second one's class."""
READERS = frozenset({"T5Tokenizer", "T5TokenizerFast"})
T5_TOKENS = 256
"""How many tokens the third text encoder reads at once, as the stock pipeline has it."""
STEPS, GUIDANCE = 28, 7.0


def read(folder: Path, index: Mapping[str, Any]) -> Facts:
    """Return what a folder of this family says; raise ModelUnavailable where it is not whole or not of our kind."""
    check_parts(
        folder, index, ("transformer", "vae", "text_encoder", "text_encoder_2"), ("tokenizer", "tokenizer_2"), OWN_PARTS
    )
    if has_t5(index):
        _check_t5(folder, index)
    net, vae = read_json(folder / "transformer" / "config.json"), read_json(folder / "vae" / "config.json")
    for name, part, needed in (("transformer", net, "sample_size"), ("vae", vae, "block_out_channels")):
        if not part.get(needed):
            raise broken(f"{name}/config.json does not say {needed}.", "Copy the model again.")
    latent = int(vae.get("latent_channels", 4))
    if net.get("in_channels", 16) != latent or net.get("out_channels", 16) != latent:
        raise broken(f"Its transformer does not read and write {latent} channels.", "Use a text-to-image model.")
    _check_text(folder, index, net)
    try:
        samplers = resolve_flow(read_json(folder / "scheduler" / "scheduler_config.json"))
    except BadConfig as error:
        raise broken(error.sentence, error.hint) from error
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    side, grid = int(net["sample_size"]) * scale, scale * int(net.get("patch_size", 2))
    return Facts(
        width=side,
        height=side,
        multiple=64 if side >= 512 else grid,
        grid=grid,
        latent_scale=scale,
        distilled=False,
        steps=STEPS,
        guidance=GUIDANCE,
        sampler="euler",
        samplers=samplers,
        tokens=tokens_read(folder),
        inpaint=False,
    )


def has_t5(index: Mapping[str, Any]) -> bool:
    """Say whether a folder has the third text encoder, which may be left out: zeros stand in its place."""
    part = index.get("text_encoder_3")
    return isinstance(part, list) and len(part) == 2 and part[1] is not None


def _check_t5(folder: Path, index: Mapping[str, Any]) -> None:
    check_parts(folder, index, ("text_encoder_3",), ())
    tokenizer = index.get("tokenizer_3")
    if not isinstance(tokenizer, list) or len(tokenizer) != 2 or tokenizer[1] not in READERS:
        raise broken(f"Its tokenizer_3 is {tokenizer}, which Limner cannot use.", "It must be a T5Tokenizer.")
    if not (folder / "tokenizer_3" / "tokenizer.json").is_file():
        raise broken("tokenizer_3/tokenizer.json is missing.", "Copy the whole model folder again.")


def _check_text(folder: Path, index: Mapping[str, Any], net: Mapping[str, Any]) -> None:
    """Refuse text encoders that are not as wide as the transformer reads them."""
    clips = [read_json(folder / f"text_encoder{part}" / "config.json") for part in ("", "_2")]
    if tokens_read(folder) != tokens_read(folder, "_2"):
        raise broken("Its CLIP encoders do not read as many tokens at once.", "Copy the whole model folder again.")
    wide = int(net.get("joint_attention_dim", 4096))
    given = sum(int(clip.get("hidden_size", 512)) for clip in clips)
    pooled = sum(int(clip.get("projection_dim", 512)) for clip in clips)
    wanted = int(net.get("pooled_projection_dim", 2048))
    t5 = int(read_json(folder / "text_encoder_3" / "config.json").get("d_model", 512)) if has_t5(index) else wide
    if given > wide or t5 != wide or pooled != wanted:
        raise broken(
            f"Its transformer reads tokens of {wide} numbers and {wanted} beside them; "
            f"its text encoders give {given}, {t5} and {pooled}.",
            "These parts are of two models: copy the whole model folder again.",
        )
