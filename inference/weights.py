"""A Model's weights in memory: its parts loaded from this disk, with an explicit dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel

from core.recipe import Paint
from inference.conditioning import Reader
from inference.families.facts import MODEL, PARTS, TENSORS
from inference.families.folder import weights_file
from inference.flow import time_shift
from inference.previews import Colours
from inference.profiles import home
from inference.quantised import quantises
from inference.quantising import arguments, from_gguf
from inference.unpack import from_file

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
GUIDANCE = "timestep_cond"
"""diffusers' name for the row a distilled UNet reads its guidance in."""
ATTENTIONS = ("sdpa", "fused-qkv")
"""How a UNet attends: query, key and value each by a product of its own, or by one for all that read the same."""
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


@dataclass(frozen=True, slots=True)
class Plan:
    """Say which Model is wanted and how; two Plans are two copies in memory.

    file: the one all its weights are in. quantised: in which kind it is loaded; gguf: the file of its transformer.
    """

    digest: str
    family: str
    dtype: str
    memory_format: str = "contiguous"
    attention: str = "sdpa"
    profile: str = "high"
    quantised: str = ""
    file: Path | None = None
    gguf: Path | None = None


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Weights:
    """Hold one loaded Model: what the Engine calls, its Prompts' reader, and the map from Latent to preview colours.

    unet: or the transformer in its place. text_shape: tokens and width of a short Prompt's text rows. added: the width
    of each row its UNet reads beside the text. patch: how many of a Latent's squares a side make one of its tokens.
    upcast: its VAE overflows in float16. zero_negative: an empty negative Prompt is zeros. beside: what is laid over it
    now, as far as its Prompts' reader knows. origin: what these were made from by laying it over; held, so that those
    stay known as in use.
    """

    plan: Plan
    unet: Any
    vae: Any
    text_encoder: Any
    reader: Reader
    colours: Colours
    latent_scale: int
    text_shape: tuple[int, int]
    text_encoder_2: Any = None
    reader_2: Any = None
    added: Mapping[str, int] = field(default_factory=dict)
    text_encoder_3: Any = None
    reader_3: Any = None
    depth_estimator: Any = None
    depth_prepare: Any = None
    patch: int = 0
    upcast: bool = False
    zero_negative: bool = False
    beside: tuple[str, ...] = ()
    origin: Weights | None = None

    @property
    def channels(self) -> int:
        """Return how many channels a Latent has."""
        return int(self.vae.config.latent_channels)

    @property
    def knows_depth(self) -> bool:
        """Say whether the UNet reads the depth of a Sketch under the Latent."""
        return self.depth_estimator is not None

    @property
    def knows_masks(self) -> bool:
        """Say whether the UNet reads a mask and what stays of a Sketch under the Latent."""
        return int(self.unet.config.in_channels) == 2 * self.channels + 1

    def time_shift(self, sampler: Any, recipe: Paint) -> dict[str, float]:
        """Return what the sampler of a flow is told of a Picture's size, nothing for any other."""
        if not self.patch:
            return {}
        side = self.latent_scale
        return time_shift(sampler.config, (recipe.height // side // self.patch) * (recipe.width // side // self.patch))

    @property
    def text_key(self) -> tuple[str, ...]:
        """Return what tells its embeddings from another Model's; the digest stands first."""
        return (self.plan.digest, self.plan.dtype, self.plan.quantised, *self.beside)

    @property
    def dtype(self) -> torch.dtype:
        """Return the dtype it is computed in; of what is quantised, other parameters are of others."""
        return DTYPES[self.plan.dtype]


def distilled(unet: Any) -> dict[str, int]:
    """Return the width of the row a distilled UNet reads its guidance in, nothing for any other."""
    width = unet.config.time_cond_proj_dim
    return {} if width is None else {GUIDANCE: int(width)}


def load_unet(folder: Path, plan: Plan, device: torch.device) -> Any:
    """Load a folder's UNet, attending as the Plan says."""
    unet = load_part(UNet2DConditionModel, folder, "unet", plan, device)
    if plan.attention == "fused-qkv":
        unet.fuse_qkv_projections()
    return unet


def load_part(kind: Any, folder: Path, name: str, plan: Plan, device: torch.device) -> Any:
    """Load one part of a folder in the Plan's dtype; all but a text encoder in its memory format, too."""
    few = quantised_part(kind, folder, name, plan, device)
    if few is not None:
        return few
    if plan.file is None:
        found = from_folder(kind, folder / name, PARTS[name][2], plan)
    else:
        found = from_file(kind, plan.file, folder, name, DTYPES[plan.dtype])
    found = found.to(home(plan.profile, name, device)).eval().requires_grad_(False)
    return found if name.startswith("text_encoder") else found.to(memory_format=FORMATS[plan.memory_format])


def quantised_part(kind: Any, folder: Path, name: str, plan: Plan, device: torch.device) -> Any | None:
    """Load one part in fewer bits, to stay on the device; return None where the Plan has it loaded as it lies."""
    if plan.gguf is not None and name == "transformer":
        found = from_gguf(kind, plan.gguf, folder, name, DTYPES[plan.dtype])
    elif quantises(plan.quantised, name, kind.__name__):
        library = kind.__module__.partition(".")[0]
        few = arguments(plan.quantised, library, DTYPES[plan.dtype], device)
        found = from_folder(kind, folder / name, MODEL if library == "diffusers" else TENSORS, plan, **few)
    else:
        return None
    return found.to(device).eval().requires_grad_(False)


def from_folder(kind: Any, part: Path, stem: str, plan: Plan, **more: Any) -> Any:
    """Load safetensors of this disk in the Plan's dtype; stem: how their files' names begin."""
    variant = "fp16" if ".fp16." in weights_file(part, stem).name else None
    return kind.from_pretrained(
        part, dtype=DTYPES[plan.dtype], local_files_only=True, use_safetensors=True, variant=variant, **more
    )


@contextmanager
def widened(vae: Any, needed: bool) -> Iterator[Any]:
    """Give the VAE, in float32 where needed (SDXL's overflows in float16), and put its own dtype back."""
    own = vae.dtype
    if needed and own != torch.float32:
        vae.to(torch.float32)
    try:
        yield vae
    finally:
        if vae.dtype != own:
            vae.to(own)


Load = Callable[[Path, Plan, torch.device], Weights]
"""How a Model's folder becomes its Weights."""
