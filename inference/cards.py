"""A Model's card, made from its folder or file without torch; what cannot be used is a card that says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.draft import GUIDANCE, STEPS, ModelCard
from inference.families import whole
from inference.families.facts import PARTS, check_weights_of
from inference.families.folder import NOTES, broken, files, read_json, refuse
from inference.families.formulas import resolve
from inference.families.gguf import SUFFIX
from inference.families.header import read_header
from inference.families.single import PREDICTIONS, check_shapes, recognise
from inference.families.table import module_of
from inference.licences import facts_of, licence
from inference.quantised import GGUF, PLAIN, How, how_of

SETTINGS = Path(__file__).parent / "configs"
"""The settings and tokenizers a single file comes without, a folder for each kind."""
WISHES: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "steps": (int,),
    "guidance": (int, float),
    "sampler": (str,),
    "width": (int,),
    "height": (int,),
    "multiple": (int,),
    "strength": (int, float),
    "negative": (bool,),
    "licence": (str,),
    "commercial": (bool,),
    "gated": (bool,),
    "note": (str,),
    "prediction": (str,),
}
"""What limner.json in a model's folder may say, and of which kind; `prediction` beside a single file alone."""
STRENGTH, DEPTH_STRENGTH = 0.75, 0.9
"""How much of a Sketch is painted over where nothing is said; more where its depth stays anyway."""
BOUNDS: Mapping[str, tuple[float, float]] = {"steps": STEPS, "guidance": GUIDANCE, "strength": (0.0, 1.0)}


@dataclass(frozen=True, slots=True)
class Source:
    """Say where a Model's settings and tokenizers lie, and the file its weights are in where they are not beside.

    how: it is loaded; a GGUF file stands there.
    """

    folder: Path
    file: Path | None = None
    how: How = PLAIN

    @property
    def name(self) -> str:
        """Return what people know it by."""
        return (self.file or self.folder).name


def card_of(
    name: str, path: Path, builtin: bool = False, settings: Path = SETTINGS, quantised: str = ""
) -> tuple[ModelCard, Source]:
    """Return a Model's card before its digest is known, and where it lies; raise ModelUnavailable where it is none.

    quantised: how the settings wish it to be loaded.
    """
    if path.is_file():
        if quantised:
            raise broken("A single file cannot be loaded quantised.", "Use its folder in diffusers' layout.")
        return _card_of_file(name, path, settings)
    for _ in files(path):  # refuses links, pickles and code before anything is read
        pass
    index = read_json(path / "model_index.json")
    card = _card(name, path, index, builtin)
    how = how_of(quantised, path)
    check_weights_of(path, index, index if card.whole else PARTS, but="transformer" if how.kind == GGUF else "")
    wishes = _wishes(path / NOTES)
    if "prediction" in wishes:
        raise broken(f"{NOTES} says prediction.", "A folder says it in scheduler/scheduler_config.json.")
    card = replace(card, quantised=how.kind, **facts_of(path / "README.md"))
    return _wished(card, wishes), Source(path, how=how)


def broken_card(name: str, builtin: bool, why: str) -> ModelCard:
    """Return the card of a Model that cannot be used."""
    return ModelCard(
        name=name,
        digest="",
        family="",
        width=512,
        height=512,
        multiple=64,
        steps=30,
        guidance=7.5,
        sampler="ddim",
        samplers={},
        builtin=builtin,
        state="broken",
        why=why,
    )


def notes_of(file: Path) -> Path:
    """Return where the owner's own words about a single file stand."""
    return file.with_name(f"{file.stem}.{NOTES}")


def _card_of_file(name: str, file: Path, settings: Path) -> tuple[ModelCard, Source]:
    refuse(Path(file.name))
    if file.suffix.lower() == SUFFIX:
        raise broken(
            f"{file.name} holds a transformer alone.",
            "Name its model's folder, and this file under [models] quantised.",
        )
    if file.suffix.lower() != ".safetensors":
        raise broken(
            f"{file.name} is no safetensors file.", "A model is such a file, or a folder in diffusers' layout."
        )
    wishes = _wishes(notes_of(file))
    header = read_header(file)
    found = recognise(header, wishes.pop("prediction", ""))
    source = Source(settings / found.kind, file)
    check_shapes(header, source.folder)
    card = _card(name, source.folder, read_json(source.folder / "model_index.json"))
    scheduler = read_json(source.folder / "scheduler" / "scheduler_config.json")
    samplers = resolve({**scheduler, **found.scheduler})
    sampler = card.sampler if card.sampler in samplers else "ddim"
    return _wished(replace(card, sampler=sampler, samplers=samplers, note=found.note), wishes), source


def _card(name: str, folder: Path, index: Mapping[str, Any], builtin: bool = False) -> ModelCard:
    family = module_of(folder, index)
    facts = family.read(folder, index)
    return ModelCard(
        name=name,
        digest="",
        family=family.DISTILLED if facts.distilled else family.FAMILY,
        width=facts.width,
        height=facts.height,
        multiple=facts.multiple,
        steps=facts.steps,
        guidance=facts.guidance,
        sampler=facts.sampler,
        samplers=facts.samplers,
        latent_scale=facts.latent_scale,
        grid=facts.grid,
        negative=facts.negative and not facts.distilled,
        sketches=facts.sketches,
        enlarges=facts.enlarges,
        noise_levels=facts.noise_levels,
        whole=family is whole,
        masks=family.MASKS and not facts.depth,
        depth=facts.depth,
        strength=DEPTH_STRENGTH if facts.depth else STRENGTH,
        inpaint=facts.inpaint,
        text_widths=() if family is whole else _text_widths(folder),
        builtin=builtin,
        state="reading",
        why="its files are being read",
    )


def _text_widths(folder: Path) -> tuple[int, ...]:
    """Return how wide the tokens of each text encoder are, where a UNet reads them; nothing for a transformer."""
    places = [folder / part / "config.json" for part in ("text_encoder", "text_encoder_2")]
    found = tuple(int(read_json(place).get("hidden_size", 512)) for place in places if place.is_file())
    return found if (folder / "unet").is_dir() else ()


def _wishes(path: Path) -> dict[str, Any]:
    """Return what the owner's limner.json says; raise where it says what cannot be."""
    if not path.is_file():
        return {}
    wishes = read_json(path)
    for key, value in wishes.items():
        kinds = WISHES.get(key)
        if kinds is None:
            raise broken(f"{NOTES} has an unknown entry {key}.", f"It may have: {', '.join(WISHES)}.")
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise broken(f"{NOTES} says {key} = {value!r}.", f"It must be a {kinds[0].__name__}.")
    if wishes.get("prediction", PREDICTIONS[0]) not in PREDICTIONS:
        raise broken(f"{NOTES} says prediction = {wishes['prediction']}.", f"It can be: {', '.join(PREDICTIONS)}.")
    for key, (low, high) in BOUNDS.items():
        if not low <= wishes.get(key, low) <= high:  # NaN too, which JSON as Python reads it may hold.
            raise broken(f"{NOTES} says {key} = {wishes[key]}.", f"It must be {low:g} to {high:g}.")
    for side in ("width", "height", "multiple"):
        value = wishes.get(side, 8)
        if value < 8 or value % 8:
            raise broken(f"{NOTES} says {side} = {value}.", "It must be a multiple of 8.")
    return wishes


def _wished(card: ModelCard, wishes: Mapping[str, Any]) -> ModelCard:
    """Return the card as the owner wishes it; raise where the Model takes no such Sampler."""
    if wishes.get("sampler", card.sampler) not in card.samplers:
        raise broken(f"{NOTES} names a sampler {wishes['sampler']}.", f"It can be: {', '.join(card.samplers)}.")
    said = licence(wishes["licence"]) if "licence" in wishes else {}
    return replace(card, **{**said, **wishes, **({"licence": said["licence"]} if said else {})})
