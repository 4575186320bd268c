"""LoRAs laid over a loaded Model: fused into its weights set by set, the originals kept and put back bit for bit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

from core.errors import ModelUnavailable
from inference.weights import Weights

LoraSet = tuple[tuple[str, float], ...]
"""(digest, weight) of each LoRA, as a Key holds them."""

KEPT = 2
"""Sets a Model keeps fused, so that Runs of two sets take turns without any work."""

NAME = "lora"
"""What peft calls the one LoRA that is loaded."""

Fused = dict[torch.nn.Parameter, torch.Tensor]


@dataclass(slots=True)
class Wardrobe:
    """Hold the sets fused for one Model, the newest last, the originals of what they change, and which set is on."""

    on: LoraSet = ()
    originals: Fused = field(default_factory=dict)
    sets: OrderedDict[LoraSet, Fused] = field(default_factory=OrderedDict)


class Loras:
    """Lay LoRA sets over loaded Models; owned by the device's thread.

    A call under a fused set costs what it costs without one. peft does the sums, as the stock pipeline's `fuse_lora`
    does; only what it changed is kept, beside the Model's own weights.
    """

    def __init__(self, file: Callable[[str], Path]) -> None:
        """file: where the LoRA of a digest lies, or ModelUnavailable."""
        self._file = file
        self._wardrobes: WeakKeyDictionary[torch.nn.Module, Wardrobe] = WeakKeyDictionary()

    def wear(self, weights: Weights, wanted: LoraSet) -> Weights:
        """Lay a set over a Model, or its own weights again; what is returned knows whose words it encodes."""
        if wanted and weights.plan.quantised:
            kind = weights.plan.quantised
            raise ModelUnavailable(f"This model is loaded quantised ({kind}), which takes no LoRA.", "Leave it out.")
        if not wanted and weights.unet not in self._wardrobes:
            return weights
        wardrobe = self._wardrobes.setdefault(weights.unet, Wardrobe())
        if wardrobe.on != wanted:
            _put(wardrobe.originals, wardrobe.sets.get(wardrobe.on, ()))
            wardrobe.on = ()
            if wanted and wanted not in wardrobe.sets:
                self._fuse(weights, wardrobe, wanted)
            fused = wardrobe.sets.get(wanted, {})
            _put(fused, fused)
            wardrobe.on = wanted
        if not wanted:
            return weights
        wardrobe.sets.move_to_end(wanted)
        laid = tuple(f"{digest}:{scale:g}" for digest, scale in wanted)
        return replace(weights, beside=(*weights.beside, *laid), origin=weights)

    def spare(self) -> None:
        """Drop every set that is not on; for when memory ends."""
        for wardrobe in self._wardrobes.values():
            for each in [each for each in wardrobe.sets if each != wardrobe.on]:
                del wardrobe.sets[each]

    def _fuse(self, weights: Weights, wardrobe: Wardrobe, wanted: LoraSet) -> None:
        """Make a set of the Model's own weights, which must be on."""
        while len(wardrobe.sets) >= KEPT:
            wardrobe.sets.popitem(last=False)
        own = {param: param.data for part in _parts(weights) for param in part.parameters()}
        fused: Fused = {}
        try:
            for digest, scale in wanted:
                with _wrapped(weights):
                    self._load(weights, digest)
                    fused |= _merged(weights, scale)
            fused |= _joined(weights, fused)
        finally:
            _put(own, own)
        wardrobe.originals |= {param: param.data for param in fused if param not in wardrobe.originals}
        wardrobe.sets[wanted] = fused

    def _load(self, weights: Weights, digest: str) -> None:
        """Wrap the layers a LoRA changes; raise ModelUnavailable unless each of its layers found its place."""
        # Imported where it is needed: peft takes seconds, and most Models never meet a LoRA.
        from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin as Plain
        from diffusers.loaders.lora_pipeline import StableDiffusionXLLoraLoaderMixin as Large

        path = self._file(digest)
        kind: Any = Plain if weights.text_encoder_2 is None else Large
        options = {"unet_config": weights.unet.config} if kind is Large else {}
        try:
            state, alphas, metadata = kind.lora_state_dict(
                path, return_lora_metadata=True, use_safetensors=True, local_files_only=True, **options
            )
            how = {"adapter_name": NAME, "metadata": metadata, "low_cpu_mem_usage": True}
            kind.load_lora_into_unet(state, alphas, unet=weights.unet, **how)
            for part, encoder in _encoders(weights):
                kind.load_lora_into_text_encoder(state, alphas, text_encoder=encoder, prefix=part, **how)
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise ModelUnavailable(
                f"The LoRA {path.stem} cannot be laid over this model: {str(error).splitlines()[0]:.200}",
                "Use one that was made for it.",
            ) from error
        placed = sum(1 for _ in _layers(weights))
        held = sum(key.endswith((".down.weight", "lora_A.weight")) for key in state)
        if placed != held:
            raise ModelUnavailable(
                f"The LoRA {path.stem} fits this model in {placed} of its {held} layers.",
                "Use one that was made for it.",
            )


def _put(data: Fused, these: Iterable[torch.nn.Parameter]) -> None:
    for own in these:
        own.data = data[own].to(own.device)


def _encoders(weights: Weights) -> list[tuple[str, Any]]:
    both = [("text_encoder", weights.text_encoder), ("text_encoder_2", weights.text_encoder_2)]
    return [(part, encoder) for part, encoder in both if encoder is not None]


def _parts(weights: Weights) -> list[Any]:
    return [weights.unet, *(encoder for _, encoder in _encoders(weights))]


def _layers(weights: Weights) -> Iterator[Any]:
    """Yield the layers that are wrapped now."""
    from peft.tuners.lora import LoraLayer

    for part in _parts(weights):
        yield from (layer for layer in part.modules() if isinstance(layer, LoraLayer))


@contextmanager
def _wrapped(weights: Weights) -> Iterator[None]:
    """Take every wrapping off again; what was merged stays."""
    from diffusers.utils import peft_utils

    unwrap: Any = peft_utils.recurse_remove_peft_layers
    try:
        yield
    finally:
        weights.unet.unload_lora()
        for _, encoder in _encoders(weights):
            unwrap(encoder)
            if getattr(encoder, "peft_config", None) is not None:
                del encoder.peft_config
                encoder._hf_peft_config_loaded = None


def _merged(weights: Weights, scale: float) -> Fused:
    """Merge the LoRA that is loaded and return what each layer's weight has become, in new memory."""
    found: Fused = {}
    for layer in _layers(weights):
        param = layer.get_base_layer().weight
        layer.set_scale(NAME, scale)
        try:
            layer.merge(safe_merge=True, adapter_names=[NAME])
        except ValueError as error:
            raise ModelUnavailable("This LoRA holds numbers that are none (NaN).", "Copy it again.") from error
        found[param] = param.data
    return found


def _joined(weights: Weights, fused: Fused) -> Fused:
    """Return the one product's weight where query, key and value are joined and one of them has changed."""
    found: Fused = {}
    for module in weights.unet.modules():
        if not getattr(module, "fused_projections", False):
            continue
        for name, parts in (("to_qkv", ("to_q", "to_k", "to_v")), ("to_kv", ("to_k", "to_v"))):
            joined = getattr(module, name, None)
            own = [getattr(module, part).weight for part in parts]
            if joined is not None and any(param in fused for param in own):
                found[joined.weight] = torch.cat([fused.get(param, param.data) for param in own])
    return found
