"""What every family reads from its folder: parts of the right classes, whole weights, tokenizers, samplers, sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import BadConfig
from inference.families.folder import broken, check_weights, read_json, weights_file
from inference.families.formulas import own_sampler, resolve

Part = tuple[str, frozenset[str], str]
"""The library a part is of, the classes it may have, and what its weights are called."""
MODEL, TENSORS = "diffusion_pytorch_model", "model"
PARTS: Mapping[str, Part] = {
    "unet": ("diffusers", frozenset({"UNet2DConditionModel"}), MODEL),
    "vae": ("diffusers", frozenset({"AutoencoderKL"}), MODEL),
    "text_encoder": ("transformers", frozenset({"CLIPTextModel"}), TENSORS),
    "text_encoder_2": ("transformers", frozenset({"CLIPTextModelWithProjection"}), TENSORS),
    "text_encoder_3": ("transformers", frozenset({"T5EncoderModel"}), TENSORS),
    "depth_estimator": ("transformers", frozenset({"DPTForDepthEstimation"}), TENSORS),
    "transformer": ("diffusers", frozenset({"SD3Transformer2DModel"}), MODEL),
}
TOKENIZERS = frozenset({"CLIPTokenizer", "CLIPTokenizerFast"})
EXTRAS = ("class_embed_type", "addition_embed_type", "num_class_embeds", "time_cond_proj_dim", "encoder_hid_dim")
"""What a UNet may ask for beside a Latent, a timestep and text."""
LONG = 77
"""How many tokens CLIP reads at once; encoders of this length read several chunks."""
GUIDANCE_ROW = "time_cond_proj_dim"
"""What says that a UNet was distilled with its guidance: it reads it in each row, and runs no negative one."""
LCM_STEPS, LCM_GUIDANCE = 4, 8.0
TURBO_STEPS, TURBO_GUIDANCE = 1, 0.0
TURBO_CLASSES = ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the family's files say of a Model: sizes in pixels; `tokens` is how many its text encoder reads.

    grid: what its sides must be a multiple of. negative, sketches: whether it takes them. distilled: its UNet reads the
    guidance itself, so words to avoid mean nothing to it. inpaint: it reads a mask and what stays of a Sketch, and must
    be given them. enlarges: it paints nothing but enlarges a Picture so many times; noise_levels: the most noise
    it lays over that. depth: it reads how deep a Sketch is, and must be given one.
    """

    width: int
    height: int
    multiple: int
    latent_scale: int
    distilled: bool
    steps: int
    guidance: float
    sampler: str
    samplers: Mapping[str, Mapping[str, Any]]
    tokens: int
    inpaint: bool
    grid: int = 8
    negative: bool = True
    sketches: bool = True
    depth: bool = False
    enlarges: int = 0
    noise_levels: int = 0


def check_parts(
    folder: Path,
    index: Mapping[str, Any],
    parts: tuple[str, ...],
    tokenizers: tuple[str, ...],
    kinds: Mapping[str, Part] | None = None,
) -> None:
    """Raise ModelUnavailable where a part is of another class than ours, or its tokenizer's files are missing."""
    for name in parts:
        library, classes, _ = (kinds or PARTS)[name]
        _check_class(index, name, library, classes)
    for name in tokenizers:
        _check_class(index, name, "transformers", TOKENIZERS)
        _check_tokenizer(folder / name)


def check_weights_of(folder: Path, index: Mapping[str, Any], parts: Iterable[str], but: str = "") -> None:
    """Raise ModelUnavailable where the weights of a part the index names are missing or cut off.

    parts: those that are loaded, if they have weights. but: the one whose weights lie elsewhere.
    """
    for name in parts:
        found = index.get(name)
        if name != but and isinstance(found, list) and any(found) and (folder / name / "config.json").is_file():
            check_weights(weights_file(folder / name, MODEL if found[0] == "diffusers" else TENSORS))


def configs(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the UNet's and the VAE's config; raise where they do not say the size."""
    unet, vae = read_json(folder / "unet" / "config.json"), read_json(folder / "vae" / "config.json")
    for name, part, needed in (("unet", unet, "sample_size"), ("vae", vae, "block_out_channels")):
        if not part.get(needed):
            raise broken(f"{name}/config.json does not say {needed}.", "Copy the model again.")
    return unet, vae


def channels(index: Mapping[str, Any], vae: Mapping[str, Any], inpaint: str) -> tuple[int, ...]:
    """Return how many channels a UNet may read; one for `inpaint` pipelines reads the mask and what stays, too."""
    latent = int(vae.get("latent_channels", 4))
    return (latent, 2 * latent + 1) if index.get("_class_name") == inpaint else (latent,)


def check_unet(unet: Mapping[str, Any], channels: tuple[int, ...], given: tuple[str, ...] = ()) -> None:
    """Refuse a UNet that reads other channels, or more beside them than the family gives."""
    found = unet.get("in_channels", 4)
    if found not in channels:
        raise broken(
            f"Its UNet takes {found} channels, not {' or '.join(str(count) for count in channels)}: "
            "a model for inpainting, depth or upscaling.",
            "Use a text-to-image model.",
        )
    for extra in EXTRAS:
        if extra not in (GUIDANCE_ROW, *given) and unet.get(extra) is not None:
            raise broken(f"Its UNet needs {extra}, which Limner does not give.", "Use a plain text-to-image model.")


def tokens_read(folder: Path, part: str = "") -> int:
    """Return how many tokens a text encoder reads at once, start and end among them; part: `_2` for the second."""
    settings = folder / f"tokenizer{part}" / "tokenizer_config.json"
    longest = int(read_json(folder / f"text_encoder{part}" / "config.json").get("max_position_embeddings", LONG))
    return min(int(read_json(settings).get("model_max_length", longest)) if settings.is_file() else longest, longest)


def check_text(folder: Path, unet: Mapping[str, Any], parts: tuple[str, ...] = ("",)) -> None:
    """Refuse text encoders whose tokens are not as wide as the UNet reads them."""
    given = sum(
        int(read_json(folder / f"text_encoder{part}" / "config.json").get("hidden_size", 512)) for part in parts
    )
    wanted = unet.get("cross_attention_dim", 1280)
    if wanted != given:
        raise broken(
            f"Its UNet reads tokens of {wanted} numbers, its text encoders give {given}.",
            "These parts are of two models: copy the whole model folder again.",
        )


def is_distilled(unet: Mapping[str, Any]) -> bool:
    """Say whether a UNet reads its guidance in each row, as Latent Consistency Models do."""
    return unet.get(GUIDANCE_ROW) is not None


def gather(folder: Path, unet: Mapping[str, Any], vae: Mapping[str, Any], guidance: float) -> Facts:
    """Return the Facts of a checked folder; `guidance` is the family's own default."""
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json")
    try:
        samplers = resolve(scheduler)
    except BadConfig as error:
        raise broken(error.sentence, error.hint) from error
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    side = int(unet["sample_size"]) * scale
    distilled = is_distilled(unet)
    sampler = "lcm" if distilled else own_sampler(scheduler)
    steps = 20 if sampler.startswith(("dpmpp", "unipc")) else 30
    if sampler == "lcm":
        steps, guidance = LCM_STEPS, LCM_GUIDANCE if distilled else 1.0
    elif _is_turbo(scheduler):
        steps, guidance = TURBO_STEPS, TURBO_GUIDANCE
    return Facts(
        width=side,
        height=side,
        multiple=64 if side >= 512 else scale,
        latent_scale=scale,
        distilled=distilled,
        steps=steps,
        guidance=guidance,
        sampler=sampler if sampler in samplers else "ddim",
        samplers=samplers,
        tokens=tokens_read(folder),
        inpaint=int(unet.get("in_channels", 4)) == 2 * int(vae.get("latent_channels", 4)) + 1,
        depth=int(unet.get("in_channels", 4)) == int(vae.get("latent_channels", 4)) + 1,
    )


def _is_turbo(scheduler: Mapping[str, Any]) -> bool:
    """Say whether a Model was distilled to one step (SD-Turbo, SDXL-Turbo): told by its sampler's spacing alone.

    A Model of zero terminal SNR has the same spacing and wants many steps.
    """
    return (
        scheduler.get("_class_name") in TURBO_CLASSES
        and scheduler.get("timestep_spacing") == "trailing"
        and scheduler.get("prediction_type", "epsilon") == "epsilon"
        and scheduler.get("rescale_betas_zero_snr") is not True
    )


def _check_class(index: Mapping[str, Any], name: str, library: str, classes: frozenset[str]) -> None:
    found = index.get(name)
    if not isinstance(found, list) or len(found) != 2 or found[0] != library or found[1] not in classes:
        given = found[1] if isinstance(found, list) and len(found) == 2 else found
        raise broken(
            f"Its {name} is {given}, which Limner cannot use.",
            f"A {index.get('_class_name')} needs {' or '.join(sorted(classes))} there.",
        )


def _check_tokenizer(folder: Path) -> None:
    whole = (folder / "tokenizer.json").is_file()
    parts = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
    if not (whole or parts):
        raise broken(f"{folder.name}/vocab.json and merges.txt are missing.", "Copy the whole model folder again.")
