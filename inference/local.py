"""LocalEngine: paints on one device with diffusers' models and samplers; it alone calls the UNet and decodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from core.errors import BadInput, EmptyPicture, OutOfMemory, PaintFailed
from core.picture import Fingerprint, pixels_digest
from core.progress import Painted
from core.recipe import ModelRef, Paint, Upscale
from inference import fingerprint, noise, previews, samplers
from inference.conditioning import Conditioning
from inference.finish.png import Pixels, encode
from inference.finish.upscale import Enlarging, enlarge
from inference.models import Registry
from inference.quiet import hush
from inference.run import Batch, Key, Run
from inference.weights import DTYPES, FORMATS, Plan, Shelf, Weights

Mode = Literal["fast", "exact"]
MOST_THREADS = 256


@dataclass(slots=True)
class Making:
    """Hold a Run's state between calls; read, now and found are the newest call's input, timestep and output."""

    weights: Weights
    text: torch.Tensor  # [rows, tokens, width]
    guidance: float
    sampler: Any
    timesteps: torch.Tensor  # [calls], cpu
    arguments: dict[str, Any]
    latent: torch.Tensor  # [1, C, H/8, W/8]
    read: torch.Tensor
    now: torch.Tensor
    found: torch.Tensor | None = None

    def ask(self, call: int) -> None:
        """Set what the next call is to read: the Latent in the sampler's scale, and its timestep."""
        self.now = self.timesteps[call]
        self.read = self.sampler.scale_model_input(self.latent, self.now)

    def advance(self, rows: torch.Tensor) -> None:
        """Combine its own rows, [negative, positive] or [positive], and let the sampler make the next Latent."""
        self.found = rows[:1]
        if len(rows) == 2:
            self.found = rows[:1] + self.guidance * (rows[1:] - rows[:1])
        self.latent = self.sampler.step(self.found, self.now, self.latent, return_dict=False, **self.arguments)[0]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Hold a decoded Picture on no device, with what made it."""

    source: Pixels | Enlarging
    made_by: Fingerprint


class LocalEngine:
    """Own one device; every method but `wrap` is called on that device's thread alone."""

    def __init__(
        self,
        registry: Registry,
        load: Callable[[str, Literal["sketch", "picture"]], bytes],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        threads: int = 1,
        sizes: Sequence[int] = (1, 2, 4, 8),
        mode: Mode = "fast",
        memory_format: str = "contiguous",
        default: str = "builtin",
        loaded: int = 2,
        verdict: str | None = None,
    ) -> None:
        """Prepare; nothing is loaded yet.

        load: bytes of a Sketch by file digest, or of a Picture by its pixels_digest. default: name of the Model `warm`
        loads. loaded: Models kept in memory. verdict: the self-test's last word on this device, None to test again.
        """
        self._tried = tuple(sorted(sizes))
        self.sizes = self._tried[-1:] if mode == "exact" else self._tried
        self.verdict = verdict
        self._load = load
        self._registry = registry
        self._device = torch.device(device)
        self._own = Key(model="", dtype=dtype, threads=threads, memory_format=memory_format)
        self._mode = mode
        self._default = default
        self._shelf = Shelf(registry.folder, self._device, loaded)
        self._conditioning = Conditioning()
        self._facts: dict[str, Any] = {}

    def warm(self) -> None:
        """Fix the device's switches, load the default Model where it is ready, run the self-test if none is known."""
        hush()
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        self._facts = fingerprint.device_facts(self._device)
        card = self._registry.card(self._default)
        if card.state != "ready":
            return
        with self._under(self._own):
            self._weights(ModelRef(card.family, card.digest), self._own)

    def begin(self, run: Run) -> None:
        """Set the Run's key, calls, rows and state; raise a StudioError where it cannot be painted."""
        if isinstance(run.recipe, Upscale):
            run.key, run.calls, run.rows = self._own, 0, 1
            run.state = Enlarging(run.recipe, self._load(run.recipe.parent, "picture"))
            return
        _refuse(run.recipe)
        key = self._applied(run, run.recipe)
        with self._under(key):
            made = self._begin(run.recipe, key)
        run.key = replace(key, latent=(made.latent.shape[-1], made.latent.shape[-2]), text=made.text.shape[1])
        run.rows, run.calls, run.state = len(made.text), len(made.timesteps), made

    def step(self, batch: Batch) -> None:
        """Make one model call of `batch.size` rows and advance its Runs; one whose Latent is not finite fails alone."""
        with self._under(batch.key):
            for run in batch.runs:
                run.state.ask(run.done)
            alive = _advance_all(batch.runs, self._call(batch))
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
        made_by = fingerprint.of_run(self._facts, run, key, self._mode, self.verdict or "untested")
        if isinstance(run.state, Enlarging):
            return Decoded(run.state, made_by)
        making: Making = run.state
        with self._under(key):
            vae = making.weights.vae
            image = vae.decode(making.latent / vae.config.scaling_factor, return_dict=False)[0]
            if not bool(image.isfinite().all()):
                raise _empty()
            # As diffusers' VaeImageProcessor.postprocess, in its order: the bits depend on it.
            rows = (image * 0.5 + 0.5).clamp(0, 1).cpu().permute(0, 2, 3, 1).float().numpy()[0]
            rgb = (rows * 255).round().astype("uint8")
        return Decoded(Pixels(rgb.shape[1], rgb.shape[0], rgb.tobytes()), made_by)

    def wrap(self, run: Run, decoded: object) -> Painted:
        """Make the PNG and the digest; no model call, on any thread."""
        if not isinstance(decoded, Decoded):
            raise TypeError(f"wrap takes what decode gave, not {type(decoded).__name__}")
        pixels = decoded.source if isinstance(decoded.source, Pixels) else enlarge(decoded.source)
        return Painted(
            picture=run.picture,
            png=encode(pixels),
            pixels_digest=pixels_digest(pixels.width, pixels.height, pixels.rgb),
            width=pixels.width,
            height=pixels.height,
            fingerprint=decoded.made_by,
        )

    def close(self) -> None:
        """Drop every loaded Model."""
        self._shelf.clear()

    def _weights(self, model: ModelRef, key: Key) -> Weights:
        """Return a loaded Model; the first one under the device's own switches answers the self-test."""
        weights = self._shelf.get(Plan(model.digest, model.family, key.dtype, key.memory_format))
        if self.verdict is None and not key.exclusive:
            self.verdict = fingerprint.self_test(lambda *rows: _forward(weights, *rows), weights, self._tried)
        return weights

    def _begin(self, recipe: Paint, key: Key) -> Making:
        weights = self._weights(recipe.model, key)
        prompts = (recipe.negative_prompt, recipe.prompt) if recipe.guided else (recipe.prompt,)
        text = self._conditioning.rows(
            weights.text_key, weights.reader, weights.text_encoder, prompts, recipe.clip_skip
        )
        sampler = samplers.build(recipe.sampler_config)
        try:
            sampler.set_timesteps(recipe.steps)
        except ValueError as error:
            raise PaintFailed(
                f"The sampler {recipe.sampler} cannot make {recipe.steps} steps: {error}", "Ask for fewer steps."
            ) from error
        generator = torch.Generator().manual_seed(recipe.seed)
        first_call = recipe.first_step * sampler.order
        timesteps = sampler.timesteps[first_call:]
        if recipe.sketch is None:
            shape = (1, weights.channels, recipe.height // weights.latent_scale, recipe.width // weights.latent_scale)
            drawn = noise.first(generator, shape, weights.unet.dtype, recipe.vary)
            latent = drawn.to(self._device) * sampler.init_noise_sigma
        else:
            if hasattr(sampler, "set_begin_index"):
                sampler.set_begin_index(first_call)
            raw = self._load(recipe.sketch.digest, "sketch")
            pixels = noise.sketch_pixels(raw, recipe.width, recipe.height, weights.unet.dtype).to(self._device)
            clean, drawn = noise.from_sketch(generator, weights.vae, pixels, recipe.vary)
            latent = sampler.add_noise(clean, drawn, timesteps[:1])
        arguments = samplers.step_arguments(sampler, generator, recipe.eta)
        return Making(
            weights, text, recipe.guidance, sampler, timesteps, arguments, latent, read=latent, now=timesteps[0]
        )

    def _call(self, batch: Batch) -> torch.Tensor:
        """Make one call of each Run's rows, padded with copies of row 0."""
        latents, timesteps, texts = [], [], []
        for run in batch.runs:
            making: Making = run.state
            latents += [making.read] * run.rows
            timesteps += [making.now.reshape(1).float()] * run.rows
            texts.append(making.text)
        padding = batch.size - len(latents)
        if padding < 0:
            raise ValueError(f"a batch of {len(latents)} rows does not fit batch size {batch.size}")
        latents += latents[:1] * padding
        timesteps += timesteps[:1] * padding
        texts += [texts[0][:1]] * padding
        weights = batch.runs[0].state.weights
        return _forward(weights, torch.cat(latents), torch.cat(timesteps).to(self._device), torch.cat(texts))

    def _applied(self, run: Run, recipe: Paint) -> Key:
        """Return the switches the Run is made under: the device's own, in a Reproduce the logged ones it can apply."""
        own = self._own
        logged = {} if run.replay is None else run.replay.fingerprint.facts
        dtype, threads, memory = logged.get("dtype"), logged.get("threads"), logged.get("memory_format")
        found = replace(
            own,
            model=recipe.model.digest,
            dtype=str(dtype) if dtype in DTYPES else own.dtype,
            threads=threads if isinstance(threads, int) and 1 <= threads <= MOST_THREADS else own.threads,
            memory_format=str(memory) if memory in FORMATS else own.memory_format,
        )
        return found if replace(found, model=own.model) == own else replace(found, exclusive=True)

    @contextmanager
    def _under(self, key: Key) -> Iterator[None]:
        """Apply a Key's switches, without gradients; say in words where memory ends."""
        if torch.get_num_threads() != key.threads:
            torch.set_num_threads(key.threads)
        try:
            with torch.inference_mode():
                yield
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
                torch.cuda.empty_cache()
                raise OutOfMemory("The picture is too large for this device.", "Ask for a smaller size.") from error
            raise


def _forward(weights: Weights, latents: torch.Tensor, timesteps: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """Make the one model call: [rows, C, H/8, W/8], [rows], [rows, tokens, width] -> [rows, C, H/8, W/8]."""
    latents = latents.contiguous(memory_format=FORMATS[weights.plan.memory_format])
    return weights.unet(latents, timesteps, encoder_hidden_states=text, return_dict=False)[0]  # type: ignore[no-any-return]


def _advance_all(runs: Sequence[Run], out: torch.Tensor) -> list[bool]:
    """Advance each Run by its own rows of `out`; say which are sound. A sampler that fails, fails its Run alone."""
    place = 0
    for run in runs:
        rows = out[place : place + run.rows]
        place += run.rows
        try:
            run.state.advance(rows)
        except (RuntimeError, ValueError, IndexError) as error:
            run.error = PaintFailed(f"The sampler failed: {error}.", "Try another sampler.")
    finite = torch.stack([run.state.latent.isfinite().all() for run in runs]).tolist()
    return [fine and run.error is None for fine, run in zip(finite, runs, strict=True)]


def _refuse(recipe: Paint) -> None:
    """Say what a Recipe asks for that cannot be painted yet, rather than leave it out."""
    if recipe.loras:
        raise BadInput("This picture was painted with a LoRA, which Limner cannot load yet.", "Leave it out.")
    if recipe.watermark:
        raise BadInput("This recipe asks for a watermark, which Limner cannot write yet.", "Leave it out.")


def _empty() -> EmptyPicture:
    return EmptyPicture(
        "The model gave numbers that are no picture (NaN).", "Try another seed, fewer steps or less guidance."
    )
