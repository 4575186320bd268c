"""Textual inversion: vectors an owner's file holds, put in the place of the word that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from core.errors import ModelUnavailable
from core.recipe import Embedding
from inference.weights import Weights

BY_ENCODER = ("clip_l", "clip_g")
"""What the two lists of an embedding for SDXL are called; any other file holds one list."""
KEPT = 64


class Learned:
    """Teach a Model words for the time its Prompts are encoded; owned by the device's thread."""

    def __init__(self, file: Callable[[str], Path]) -> None:
        """file: where the embedding of a digest lies, or ModelUnavailable."""
        self._file = file
        self._read = lru_cache(maxsize=KEPT)(lambda digest: _vectors(self._file(digest)))

    @contextmanager
    def taught(self, weights: Weights, wanted: Sequence[Embedding]) -> Iterator[Weights]:
        """Give the Model with Readers that know the words and text encoders that know their vectors."""
        if not wanted:
            yield weights
            return
        found = [self._read(embedding.digest) for embedding in wanted]
        encoders = [each for each in (weights.text_encoder, weights.text_encoder_2) if each is not None]
        for embedding, vectors in zip(wanted, found, strict=True):
            _check(embedding, vectors, encoders)
        words = {embedding.token: len(vectors[0]) for embedding, vectors in zip(wanted, found, strict=True)}
        beside = tuple(f"{embedding.token}={embedding.digest}" for embedding in wanted)
        knowing = replace(weights, beside=(*weights.beside, *beside), reader=weights.reader.taught(words))
        if weights.reader_2 is not None:
            knowing = replace(knowing, reader_2=weights.reader_2.taught(words))
        with ExitStack() as stack:
            for place, (encoder, reader) in enumerate(zip(encoders, (weights.reader, weights.reader_2), strict=False)):
                rows = torch.cat([vectors[place] for vectors in found])
                stack.enter_context(_knowing(encoder.get_input_embeddings(), reader.size, rows))
            yield knowing


def _vectors(path: Path) -> tuple[torch.Tensor, ...]:
    """Return an embedding's vectors for each text encoder, [vectors, width]."""
    lists = load_file(path)
    names = BY_ENCODER if set(lists) == set(BY_ENCODER) else tuple(lists)
    return tuple(lists[name].reshape(-1, lists[name].shape[-1]) for name in names)


def _check(embedding: Embedding, vectors: Sequence[torch.Tensor], encoders: Sequence[Any]) -> None:
    # A Recipe may come from a file, so what is said at accept is not enough.
    wide = [encoder.get_input_embeddings().weight.shape[1] for encoder in encoders]
    if [rows.shape[1] for rows in vectors] != wide:
        raise ModelUnavailable(
            f"The embedding {embedding.token:.40} is not for this model.", "Use one that was made for it."
        )


@contextmanager
def _knowing(layer: torch.nn.Module, first: int, rows: torch.Tensor) -> Iterator[None]:
    """Let an encoder's first layer give `rows` for the tokens from `first` on."""
    asked: list[torch.Tensor] = []

    def known(_: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        asked[:] = given[:1]
        return (given[0].clamp(max=first - 1), *given[1:])

    def with_rows(_: torch.nn.Module, __: Any, out: torch.Tensor) -> torch.Tensor:
        new = asked[0] >= first
        out[new] = rows.to(out.device, out.dtype)[asked[0][new] - first]
        return out

    hooks = layer.register_forward_pre_hook(known), layer.register_forward_hook(with_rows)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
