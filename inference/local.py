"""LocalEngine: paints on one device with diffusers' models and samplers; it alone calls the UNet and decodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from core.errors import EmptyPicture, PaintFailed
from core.picture import CompanionRole, Fingerprint, pixels_digest
from core.progress import Painted
from core.recipe import ModelRef, Paint, Upscale
from inference import fingerprint, guiding, previews, profiles, samplers
from inference.adapters.table import embed, forward
from inference.addons import AddOnFiles
from inference.applied import applied, fitting, plan_of, plans_of
from inference.conditioning import Conditioning
from inference.engine import Loading
from inference.finish.png import Pixels, encode, handed
from inference.finish.upscale import Enlarging, enlarge, enlarged_by
from inference.finish.watermark import marked
from inference.guiding import Guide, control_plan
from inference.learned import Learned
from inference.loras import Loras
from inference.making import Making, advance_all, call
from inference.models import Registry
from inference.prepare import prepared
from inference.quantised import as_loaded
from inference.quiet import hush
from inference.run import Batch, Key, Run
from inference.scaling import as_given
from inference.shelf import Shelf
from inference.starts import Load, first_latent, fits, refuse
from inference.weights import Weights, widened

Mode = Literal["fast", "exact"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Hold a decoded Picture on no device, with what made it, and what is kept beside it by role."""

    source: Pixels | Enlarging
    made_by: Fingerprint
    beside: tuple[tuple[CompanionRole, Pixels], ...] = ()


class LocalEngine:
    """Own one device; every method but `wrap` is called on that device's thread alone."""

    def __init__(
        self,
        registry: Registry,
        load: Load,
        *,
        device: str = "cpu",
        dtype: str = "float32",
        threads: int = 1,
        sizes: Sequence[int] = (1, 2, 4, 8),
        mode: Mode = "fast",
        memory_format: str = "contiguous",
        attention: str = "sdpa",
        profile: str = "high",
        default: str = "builtin",
        loaded: int = 2,
        budget: int | None = None,
        verdicts: MutableMapping[str, str] | None = None,
        addons: AddOnFiles | None = None,
    ) -> None:
        """Prepare; nothing is loaded yet.

        load: reads Sketches, masks and Pictures. default: name of the Model `warm` loads. loaded, budget: Models kept
        in memory, and bytes their weights may take. verdicts: the self-test's word on each Model by digest; missing:
        test it. addons: LoRAs, embeddings and ControlNets.
        """
        self._tried = tuple(sorted(sizes))
        self.sizes = self._tried[-1:] if mode == "exact" else self._tried
        self._verdicts: MutableMapping[str, str] = {} if verdicts is None else verdicts
        self._load = load
        self._registry = registry
        self._device = torch.device(device)
        self._own = Key(
            model="",
            dtype=dtype,
            threads=threads,
            memory_format=memory_format,
            attention=attention,
            profile=profile,
        )
        self._mode = mode
        self._default = default
        files = addons or AddOnFiles()
        self._shelf = Shelf(registry.source, files.control, self._device, loaded, budget)
        self._conditioning = Conditioning()
        self._loras, self._learned = Loras(files.file), Learned(files.file)
        self._facts: dict[str, Any] = {}

    def warm(self) -> None:
        """Fix the device's switches, load the default Model where it is ready, run the self-test if none is known."""
        hush()
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        profiles.say(self._own.profile, self._device)
        self._facts = fingerprint.device_facts(self._device)
        card = self._registry.card(self._default)
        if card.state != "ready":
            return
        self.load(ModelRef(card.family, card.digest))

    def begin(self, run: Run) -> None:
        """Set the Run's key, calls, rows and state; raise a StudioError where it cannot be painted."""
        if isinstance(run.recipe, Upscale):
            run.key, run.calls, run.rows = self._own, 0, 1
            run.state = Enlarging(run.recipe, self._load(run.recipe.parent, "picture"))
            return
        refuse(run.recipe)
        self._heed(run)
        key = applied(self._own, run, run.recipe, self._registry.kind)
        with self._under(key):
            if run.sparing:
                self._shelf.clear(but=plans_of(run.recipe, key))
            weights = self._weights(run.recipe.model, key)
            with profiles.present(weights, self._device):
                made = self._begin(
                    run.recipe, self._loras.wear(weights, key.loras), self._guide(run.recipe, key, weights)
                )
        run.key = replace(key, latent=(made.latent.shape[-1], made.latent.shape[-2]), text=made.text.shape[1])
        run.rows, run.calls, run.state = len(made.text), len(made.timesteps), made

    def _heed(self, run: Run) -> None:
        """Decode in tiles what its log says was."""
        logged = {} if run.replay is None else run.replay.fingerprint.facts
        run.tiled = run.tiled or logged.get(fingerprint.TILED) is True

    def loading(self, run: Run, beside: Collection[str]) -> Loading:
        """Say what beginning the Run would load."""
        if isinstance(run.recipe, Upscale):
            return "none"
        key = applied(self._own, run, run.recipe, self._registry.kind)
        return self._shelf.loading(plans_of(run.recipe, key), beside)

    def step(self, batch: Batch) -> None:
        """Make one model call of `batch.size` rows and advance its Runs; one whose Latent is not finite fails alone."""
        with self._under(batch.key):
            self._loras.wear(batch.runs[0].state.weights, batch.key.loras)
            for run in batch.runs:
                run.state.ask(run.done)
            alive = advance_all(batch.runs, call(batch, self._device))
        for run, fine in zip(batch.runs, alive, strict=True):
            if fine:
                run.stepped(batch.size)
            elif run.error is None:
                run.error = _empty()

    def preview(self, run: Run) -> bytes | None:
        """Return a small JPEG of what the Run is heading for, None before its first call."""
        making = run.state
        if not isinstance(making, Making) or making.found is None:
            return None
        with torch.inference_mode():
            heading = previews.heading(making.sampler, making.read, making.found, making.now)
            return previews.jpeg(making.weights.colours, heading)

    def decode(self, run: Run) -> Decoded:
        """Decode the Run's Latent at batch 1; raise EmptyPicture where the VAE gives NaN."""
        key = run.key or self._own
        tested = self._verdicts.get(as_loaded(key.model, key.quantised), "untested")
        made_by = fingerprint.of_run(self._facts, run, key, self._mode, tested)
        if isinstance(run.state, Enlarging):
            return Decoded(run.state, made_by)
        making: Making = run.state
        vae = making.weights.vae
        with self._under(key), profiles.present(making.weights, self._device), profiles.tiled(vae, run.tiled):
            with widened(vae, making.weights.upcast and making.latent.dtype is torch.float16):
                image = vae.decode(as_given(vae, making.latent.to(vae.dtype)), return_dict=False)[0]
            if not bool(image.isfinite().all()):
                raise _empty()
            # As diffusers' VaeImageProcessor.postprocess, in its order: the bits depend on it.
            rows = (image * 0.5 + 0.5).clamp(0, 1).cpu().permute(0, 2, 3, 1).float().numpy()[0]
            rgb = (rows * 255).round().astype("uint8")
        pixels = Pixels(rgb.shape[1], rgb.shape[0], rgb.tobytes())
        return Decoded(pixels, made_by, making.kept)

    def wrap(self, run: Run, decoded: object) -> Painted:
        """Make the PNG and the digest; no model call, on any thread."""
        if not isinstance(decoded, Decoded):
            raise TypeError(f"wrap takes what decode gave, not {type(decoded).__name__}")
        pixels = decoded.source if isinstance(decoded.source, Pixels) else enlarge(decoded.source, run.pause)
        pixels = marked(pixels, run.recipe)
        return Painted(
            picture=run.picture,
            png=encode(pixels),
            pixels_digest=pixels_digest(pixels.width, pixels.height, pixels.rgb),
            width=pixels.width,
            height=pixels.height,
            fingerprint=enlarged_by(decoded.made_by, run.recipe),
            companions=tuple(handed(role, each) for role, each in decoded.beside),
        )

    def load(self, model: ModelRef) -> None:
        """Load a Model under the device's own switches."""
        with self._under(self._own):
            self._weights(model, fitting(self._own, self._registry.kind(model.digest)))

    def unload(self, digest: str) -> None:
        """Drop a Model, however it was loaded."""
        self._shelf.drop(digest)

    def held(self) -> frozenset[str]:
        """Return the digests of the Models that are loaded."""
        return self._shelf.held()

    def close(self) -> None:
        """Drop every loaded Model."""
        self._shelf.clear()

    def _weights(self, model: ModelRef, key: Key) -> Weights:
        """Return a loaded Model; under the device's own switches each answers the self-test once."""
        weights = self._shelf.get(plan_of(model, key))
        named = as_loaded(model.digest, key.quantised)
        if not key.exclusive and named not in self._verdicts:
            told = fingerprint.self_test(lambda *rows: forward(weights, *rows), weights, self._tried)
            self._verdicts[named] = told
        return weights

    def _guide(self, recipe: Paint, key: Key, weights: Weights) -> Guide | None:
        """Return what guides a Run, its ControlNet loaded now where it is not yet."""
        control, sketch = recipe.control, recipe.sketch
        if control is None or sketch is None:
            return None
        pixels = prepared(self._load(sketch.digest, "sketch"), recipe.width, recipe.height, control.kind)
        return guiding.guide(self._shelf.net(control_plan(key)), weights, control, pixels)

    def _begin(self, recipe: Paint, weights: Weights, guide: Guide | None) -> Making:
        fits(recipe, weights)
        with self._learned.taught(weights, recipe.embeddings) as knowing:
            embedded = embed(self._conditioning, knowing, recipe)
        sampler = samplers.build(recipe.sampler_config)
        try:
            sampler.set_timesteps(recipe.steps, **weights.time_shift(sampler, recipe))
        except ValueError as error:
            raise PaintFailed(
                f"The sampler {recipe.sampler} cannot make {recipe.steps} steps: {error}", "Ask for fewer steps."
            ) from error
        generator = torch.Generator().manual_seed(recipe.seed)
        first_call = recipe.first_step * sampler.order
        timesteps = sampler.timesteps[first_call:]
        if recipe.sketch is not None and hasattr(sampler, "set_begin_index"):
            sampler.set_begin_index(first_call)
        latent, masked = first_latent(recipe, weights, generator, sampler, timesteps, self._load)
        arguments = samplers.step_arguments(sampler, generator, recipe.eta)
        return Making(
            weights,
            embedded.text,
            recipe.guidance,
            sampler,
            timesteps,
            arguments,
            latent,
            read=latent,
            now=timesteps[0],
            added=embedded.added,
            masked=masked,
            guide=guide,
        )

    @contextmanager
    def _under(self, key: Key) -> Iterator[None]:
        """Apply a Key's switches, without gradients; free what is cached where memory ends."""
        if torch.get_num_threads() != key.threads:
            torch.set_num_threads(key.threads)
        try:
            with torch.inference_mode():
                yield
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
                self._loras.spare()
                torch.cuda.empty_cache()
            raise


def _empty() -> EmptyPicture:
    return EmptyPicture(
        "The model gave numbers that are no picture (NaN).", "Try another seed, fewer steps or less guidance."
    )
