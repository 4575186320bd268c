"""WholeEngine: a LocalEngine that lets every other diffusers pipeline paint a Picture by its own call, step by step."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import torch
from PIL.Image import Image

from core.cost import calls
from core.errors import BadInput, EmptyPicture, PaintFailed
from core.recipe import OWN, ModelRef, Paint, Recipe, Upscale
from inference import fingerprint, pipes, previews, profiles
from inference.applied import applied, fitting, plan_of
from inference.aside import Aside
from inference.device import PROFILES
from inference.engine import Loading
from inference.families import whole
from inference.finish.png import Pixels
from inference.finish.upscale import Enlarging, parent_of
from inference.local import Decoded, LocalEngine
from inference.owncall import OwnRecipe, call, parent_image, sketch_image
from inference.pipes import Pipe
from inference.quantised import as_loaded
from inference.run import Batch, Key, Run


@dataclass(slots=True, weakref_slot=True, eq=False)
class Painting:
    """Hold a Run whose pipeline paints by itself: where it stands, its own random numbers, its newest Latent.

    stock: the loaded one its own `pipe` has its parts of; while it is held here, that is in use.
    """

    stock: Pipe
    pipe: Any
    aside: Aside[Any]
    told: dict[str, Any]
    luck: torch.Tensor


class WholeEngine(LocalEngine):
    """Own one device; a Model of the family `whole` is painted by its own pipeline, all others as LocalEngine does.

    A pipeline runs in a thread of its own, which stands still but while `step` waits for its next callback: so it takes
    turns with everybody else's Runs, and ends where its Run is dropped.
    """

    def begin(self, run: Run) -> None:
        """Begin the Run; a whole one's first step reads its Prompt."""
        recipe = run.recipe
        if not _is_whole(recipe):
            super().begin(run)
            return
        _refuse(recipe)
        model = _model(recipe)
        self._heed(run)
        key = replace(self._key(run, recipe), latent=(recipe.width // 8, recipe.height // 8), text=0, shared=False)
        with self._under(key):
            plan = plan_of(model, key)
            if run.sparing:
                self._shelf.clear(but=(plan,))
            pipe = self._shelf.pipe(plan)
        if bool(pipe.way.enlarges) != isinstance(recipe, Upscale):
            raise BadInput("This model cannot make what the recipe asks for.", "Choose another model.")
        # Its calls are never shared, so rows do not matter.
        self._verdicts[as_loaded(model.digest, key.quantised)] = "equal"
        run.key, run.calls = key, calls(recipe)
        run.rows = min(2 if recipe.guided else 1, self.sizes[-1])
        run.state = self._painting(pipe, recipe, key)

    def load(self, model: ModelRef) -> None:
        """Load a Model, or the pipeline of one that is painted whole."""
        if model.family != whole.FAMILY:
            super().load(model)
            return
        own = _plain(fitting(self._own, self._registry.kind(model.digest)))
        with self._under(own):
            self._shelf.pipe(plan_of(model, own))

    def loading(self, run: Run, beside: Collection[str]) -> Loading:
        """Say what beginning the Run would load."""
        recipe = run.recipe
        if not _is_whole(recipe):
            return super().loading(run, beside)
        return self._shelf.loading([plan_of(_model(recipe), self._key(run, recipe))], beside)

    def step(self, batch: Batch) -> None:
        """Make one call; of a whole Run: let its pipeline go on to the end of its next step."""
        run = batch.runs[0]
        painting = run.state
        if not isinstance(painting, Painting):
            super().step(batch)
            return
        with self._under(batch.key):
            self._go(run, painting)
        run.stepped(1)
        steps = getattr(painting.pipe, "_num_timesteps", None)
        if painting.aside.over:
            run.calls = run.done
        elif isinstance(steps, int):
            run.calls = max(steps, run.done)

    def preview(self, run: Run) -> bytes | None:
        """Return a small JPEG of the Run's present state, None where its Latent says nothing by itself."""
        painting = run.state
        if not isinstance(painting, Painting):
            return super().preview(run)
        latent, colours = painting.told.get("latents"), painting.stock.colours
        if colours is None or not isinstance(latent, torch.Tensor) or latent.ndim != 4:
            return None
        if latent.shape[1] != len(colours.matrix):
            return None
        with torch.inference_mode():
            return previews.jpeg(colours, latent)

    def decode(self, run: Run) -> Decoded:
        """Decode the Run's Latent; a whole one's pipeline does it after its last step."""
        painting = run.state
        if not isinstance(painting, Painting):
            return super().decode(run)
        key = run.key
        assert key is not None
        with self._under(key), profiles.tiled(getattr(painting.pipe, "vae", None), run.tiled):
            while not painting.aside.over:
                self._go(run, painting)
        if not run.done:  # Its decoding broke, and it was painted anew.
            run.done, run.trace = run.calls, [[1, run.calls]]
        image = np.asarray(painting.aside.found, dtype=np.float32)
        if not np.isfinite(image).all():
            raise EmptyPicture("The model gave numbers that are no picture (NaN).", "Try another seed or fewer steps.")
        height, width = image.shape[:2]
        if (width, height) != (run.recipe.width, run.recipe.height):
            wanted = f"{run.recipe.width}x{run.recipe.height}"
            raise PaintFailed(f"The model painted {width}x{height} instead of {wanted}.", "Ask for that size.")
        made_by = fingerprint.of_run(self._facts, run, key, self._mode, "equal")
        return Decoded(Pixels(width, height, (image * 255).round().astype("uint8").tobytes()), made_by)

    def _key(self, run: Run, recipe: OwnRecipe) -> Key:
        """Return the Key a Run is begun with: a pipeline knows no switch but the dtype."""
        return _plain(applied(self._own, run, recipe, self._registry.kind))

    def _go(self, run: Run, painting: Painting) -> None:
        """Let the pipeline go on; where it fails, the Run starts anew if it is stepped again."""
        try:
            with _luck(painting):
                painting.aside.go()
        except Exception as error:
            run.done, run.trace = 0, []
            assert _is_whole(run.recipe) and run.key is not None
            run.state = self._painting(painting.stock, run.recipe, run.key)
            if isinstance(error, ValueError | NotImplementedError):
                raise PaintFailed(
                    f"The model's own pipeline refuses this: {error}", "Try another size or other words."
                ) from error
            raise

    def _painting(self, pipe: Pipe, recipe: OwnRecipe, key: Key) -> Painting:
        """Return a Recipe at its start."""
        return _painting(pipe, recipe, self._image(recipe), key.threads)

    def _image(self, recipe: OwnRecipe) -> Image | None:
        """Return what a Recipe starts from, None where it is words alone."""
        if isinstance(recipe, Upscale):
            return parent_image(parent_of(Enlarging(recipe, self._load(recipe.parent, "picture"))))
        return None if recipe.sketch is None else sketch_image(self._load(recipe.sketch.digest, "sketch"), recipe)


def _plain(key: Key) -> Key:
    return replace(key, memory_format="contiguous", attention="sdpa", profile=PROFILES[0])


def _is_whole(recipe: Recipe) -> TypeGuard[OwnRecipe]:
    return recipe.model is not None and recipe.model.family == whole.FAMILY


def _model(recipe: OwnRecipe) -> ModelRef:
    assert recipe.model is not None
    return recipe.model


def _painting(pipe: Pipe, recipe: OwnRecipe, image: Image | None, threads: int) -> Painting:
    over = isinstance(recipe, Paint) and recipe.sketch is not None
    own = pipes.own(pipe.stock, pipe.way.sketch if over else type(pipe.stock).__name__)
    told: dict[str, Any] = {}
    aside = Aside(partial(call, own, pipe.way, recipe, image, told, threads), "limner-whole")
    luck = torch.Generator().manual_seed(recipe.seed).get_state()
    painting = Painting(pipe, own, aside, told, luck)
    weakref.finalize(painting, aside.end)
    return painting


@contextmanager
def _luck(painting: Painting) -> Iterator[None]:
    """Give the pipeline random numbers of its own, should it draw any without asking its generator."""
    before = torch.get_rng_state()
    torch.set_rng_state(painting.luck)
    try:
        yield
    finally:
        painting.luck = torch.get_rng_state()
        torch.set_rng_state(before)


def _refuse(recipe: OwnRecipe) -> None:
    """Say what a Recipe asks for that a pipeline cannot do by its own call, rather than leave it out."""
    if isinstance(recipe, Upscale):
        return
    for asked, what in (
        (recipe.loras, "a LoRA"),
        (recipe.control, "a control"),
        (recipe.embeddings, "an embedding"),
        (recipe.mask, "a mask"),
        (recipe.vary, "a variation"),
        (recipe.clip_skip, "clip skip"),
        (recipe.eta, "eta"),
        (recipe.sampler != OWN, f"the sampler {recipe.sampler}"),
    ):
        if asked:
            raise BadInput(f"This model is painted by its own pipeline, which does not take {what}.", "Leave it out.")
