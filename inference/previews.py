"""A small JPEG of a Latent without decoding it: a linear map to RGB, fitted from the Model's own VAE."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from inference.scaling import as_latent

LONGEST = 256
PICTURES = 12
SIDE = 128


@dataclass(frozen=True, slots=True)
class Colours:
    """Map a Latent's channels to RGB in -1..1: rgb = latent @ matrix + bias."""

    matrix: torch.Tensor  # [C, 3] float32, cpu
    bias: torch.Tensor  # [3] float32, cpu


@torch.inference_mode()
def fit(vae: Any) -> Colours:
    """Fit the map by least squares: Latents of colour fields, always the same, against their block means."""
    fields = _fields().to(vae.device, vae.dtype)
    latents = as_latent(vae, torch.cat([vae.encode(field[None]).latent_dist.mode() for field in fields]))
    means = torch.nn.functional.adaptive_avg_pool2d(fields.float().cpu(), latents.shape[-1])
    known = latents.float().cpu().permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    known = torch.cat([known, torch.ones(len(known), 1)], dim=1)
    wanted = means.permute(0, 2, 3, 1).reshape(-1, 3)
    # The normal equations with a little ridge: well posed for a VAE whose channels repeat each other, too.
    square = known.T @ known + 1e-3 * torch.eye(known.shape[1])
    found = torch.linalg.solve(square.double(), (known.T @ wanted).double()).float()
    return Colours(found[:-1], found[-1])


def heading(sampler: Any, read: torch.Tensor, found: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
    """Return the clean Latent a model call points at: `read` went in, `found` came out, `now` is the timestep.

    What a model is given has unit variance under every sampler, so one formula serves all.
    """
    table = getattr(sampler, "alphas_cumprod", None)
    if table is None:  # A flow: what came out points straight from the clean Latent to noise.
        return read - float(now) / float(sampler.config.num_train_timesteps) * found
    share = float(table[min(max(round(float(now)), 0), len(table) - 1)])
    kind = sampler.config.prediction_type
    if kind == "sample":
        return found
    signal, hidden = math.sqrt(max(share, 1e-6)), math.sqrt(1 - share)
    if kind == "v_prediction":
        return signal * read - hidden * found
    return (read - hidden * found) / signal


def jpeg(colours: Colours, latent: torch.Tensor) -> bytes:
    """Return a JPEG of about 256 px of a Latent [1, C, H/8, W/8]."""
    rows = latent[0].float().cpu().permute(1, 2, 0)
    rgb = ((rows @ colours.matrix + colours.bias + 1) / 2).nan_to_num(0.5).clamp(0, 1)
    image = Image.fromarray((rgb * 255).round().to(torch.uint8).numpy(), "RGB")
    grown = LONGEST / max(image.size)
    image = image.resize((round(image.width * grown), round(image.height * grown)), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


def _fields() -> torch.Tensor:
    """Return smooth colour fields [PICTURES, 3, SIDE, SIDE] in -1..1, coarse to fine, of a fixed generator."""
    generator = torch.Generator().manual_seed(0)
    fields = []
    for number in range(PICTURES):
        coarse = torch.rand(1, 3, 1 + number, 1 + number, generator=generator) * 2.4 - 1.2
        fields.append(torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear", align_corners=False))
    return torch.cat(fields).clamp(-1, 1)
