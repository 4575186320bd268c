"""Other tools' recipes: each format gives the Draft it means, says what is lost, and nothing hostile gets through."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from core import foreign
from core.brought import Brought
from core.draft import Draft, ModelCard
from core.grammar import parse, words_of
from core.recipe import SAMPLERS
from core.words import LONGEST
from tests.support import foreign_files as files

CARD = ModelCard("builtin", "b" * 64, "limner", 64, 64, 8, 8, 5.0, "ddim", {name: {} for name in SAMPLERS})
DREAMER = replace(CARD, name="dreamer", digest="0123456789" + "a" * 54, family="sd1")


def drafted(texts: dict[str, str] | Any, size: tuple[int, int] = (512, 512)) -> tuple[Brought, Draft, str]:
    """Return what was read, its Draft, and all that is said of it."""
    found = foreign.read(texts)
    assert found is not None
    draft = foreign.draft(found, (CARD, DREAMER), "builtin", size)
    return found, draft, " ".join(draft.notes)


def test_a1111() -> None:
    found, draft, said = drafted(files.ALL["a1111"])
    assert draft == Draft(
        prompt="a (red:1.2) fox, snow\nsecond line", negative_prompt="blurry,\nbad anatomy", seed=42, steps=20,
        guidance=7.5, width=512, height=768, sampler="dpmpp-2m-karras", model="dreamer",
        clip_skip=1,
    )  # fmt: skip
    assert found.tool == "A1111"
    # The strength is that of the second pass: the picture began from no image.
    assert draft.strength is None
    for lost in ("hires fix", "LoRA paws", "VAE fine.pt", "not be the same picture"):
        assert lost in said, lost


@pytest.mark.parametrize(
    ("name", "schedule", "sampler"),
    [
        ("Euler a", "", "euler-a"),
        ("DPM++ 2M Karras", "", "dpmpp-2m-karras"),
        # Automatic is Karras for some and plain for others.
        ("DPM++ 2M", "Automatic", "dpmpp-2m-karras"),
        ("Euler", "Automatic", "euler"),
        ("PLMS", "", "plms"),
        ("UniPC", "", "unipc"),
        ("Euler a", "Karras", "euler-a"),
        ("Restart", "", None),
    ],
)
def test_a1111_samplers_with_and_without_their_schedule(name: str, schedule: str, sampler: str | None) -> None:
    kind = f", Schedule type: {schedule}" if schedule else ""
    _, draft, said = drafted({"parameters": f"x\nSteps: 9, Sampler: {name}{kind}, CFG scale: 7, Seed: 1, Size: 64x64"})
    assert draft.sampler == sampler
    assert ("is not here" in said) == (sampler is None or (schedule == "Karras" and not sampler.endswith("karras")))


@pytest.mark.parametrize("last", ["Steps: 20, Seed: 3", "a: b", ""])
def test_a_prompt_without_settings_is_none(last: str) -> None:
    assert foreign.read({"parameters": f"a fox\n{last}"}) is None


def test_a1111_prompts_that_look_like_settings() -> None:
    _, draft, _ = drafted(
        {"parameters": "ratio: 16, art: 9, by: me\nNegative prompt: no: 1\nSteps: 9, Seed: 1, CFG scale: 5"}
    )
    assert (draft.prompt, draft.negative_prompt) == ("ratio: 16, art: 9, by: me", "no: 1")


def test_comfyui_follows_the_links_to_the_first_pass() -> None:
    found, draft, said = drafted(files.ALL["comfy"])
    assert (draft.prompt, draft.negative_prompt) == ("a glass bottle", "text, watermark")
    assert (draft.steps, draft.guidance, draft.sampler) == (25, 8.0, "dpmpp-2m-sde-karras")
    assert (draft.width, draft.height, draft.model, draft.strength) == (768, 512, "dreamer", None)
    assert (draft.seed, draft.clip_skip) == (156680208700286 % 2**32, 1)
    assert found.tool == "ComfyUI"
    for lost in ("above 4294967295", "768x515", "LoRA paws", "ControlNet", "2 passes", "any of the 4"):
        assert lost in said, lost


def test_comfyui_as_it_was_drawn() -> None:
    _, draft, said = drafted(files.ALL["comfy drawn"], (640, 384))
    assert (draft.prompt, draft.negative_prompt, draft.seed, draft.steps) == ("a boat", "fog", 5, 12)
    assert (draft.guidance, draft.sampler, draft.strength, draft.model) == (6.5, "euler-a", 0.6, "dreamer")
    assert (draft.width, draft.height) == (640, 384)
    assert "began from an image" in said


def test_comfyui_in_parts() -> None:
    graph = {
        "1": {"class_type": "SamplerCustomAdvanced", "inputs": {
            "noise": ["2", 0], "guider": ["3", 0], "sampler": ["4", 0], "sigmas": ["5", 0], "latent_image": ["6", 0]}},
        "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 77}},
        "3": {"class_type": "BasicGuider", "inputs": {"model": ["7", 0], "conditioning": ["8", 0]}},
        "4": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "5": {"class_type": "BasicScheduler", "inputs": {"scheduler": "beta", "steps": 4, "denoise": 1}},
        "6": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 1024, "height": 1024, "batch_size": 1}},
        "7": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux.safetensors"}},
        "8": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["9", 0]}},
        "9": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lamp"}},
        "10": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    }  # fmt: skip
    _, draft, said = drafted({"prompt": json.dumps(graph)})
    assert (draft.prompt, draft.seed, draft.steps, draft.guidance) == ("a lamp", 77, 4, 3.5)
    assert (draft.sampler, draft.width, draft.model) == ("euler", 1024, None)
    assert "schedule beta" in said
    assert "The model flux is not here; builtin is taken." in said


def test_invokeai_in_its_three_ages() -> None:
    _, draft, said = drafted(files.ALL["invoke"])
    assert (draft.prompt, draft.negative_prompt) == ("a (fox:1.21) (in snow:1.3)", "blurry")
    assert (draft.seed, draft.steps, draft.guidance, draft.sampler) == (2508512321, 30, 7.5, "euler-a")
    assert (draft.width, draft.height, draft.model) == (512, 640, "dreamer")
    assert "LoRA paws" in said
    _, draft, said = drafted(files.ALL["invoke 2"])
    assert (draft.prompt, draft.negative_prompt, draft.seed) == ("a cat on a mat", "blurry, dark", 5)
    assert "The sampler dpm_2 is not here" in said
    _, draft, _ = drafted(files.ALL["invoke 1"])
    assert (draft.prompt, draft.negative_prompt, draft.seed, draft.sampler) == ("a cat,", "blurry", 4242, "euler-a")
    assert (draft.steps, draft.width, draft.height, draft.guidance) == (50, 640, 512, 7.5)


def test_easy_diffusion_as_chunks_text_and_json() -> None:
    _, draft, said = drafted(files.ALL["easy"])
    assert (draft.prompt, draft.negative_prompt, draft.seed) == ("a photograph of an astronaut", "clouds", 4242)
    assert (draft.sampler, draft.steps, draft.model) == ("euler-a", 25, "dreamer")
    assert "VAE fine" in said
    assert "LoRA" not in said
    _, draft, said = drafted({foreign.COMMENT: files.EASY_TEXT})
    assert (draft.prompt, draft.seed, draft.height, draft.strength) == ("a red kite", 9, 448, 0.8)
    assert "send it along as a sketch" in said
    _, draft, _ = drafted({foreign.COMMENT: json.dumps({**files.EASY, "seed": 4242, "use_lora_model": ["paws"]})})
    assert (draft.seed, draft.sampler) == (4242, "euler-a")


def test_fooocus_in_both_schemes() -> None:
    _, draft, said = drafted(files.ALL["fooocus"])
    assert (draft.prompt, draft.steps, draft.guidance, draft.sampler) == ("a cube", 30, 4.0, "dpmpp-2m-sde-karras")
    assert (draft.width, draft.height, draft.seed) == (1024, 960, 4159895726312427221 % 2**32)
    for lost in ("style Fooocus V2", "LoRA offset", "perhaps not the same weights"):
        assert lost in said, lost
    _, draft, _ = drafted(files.ALL["fooocus as a1111"])
    assert (draft.prompt, draft.seed, draft.sampler) == ("a cube", 3, "dpmpp-2m-sde-karras")


def test_nothing_in_range_is_told() -> None:
    _, draft, said = drafted(
        {"parameters": "x\nSteps: 900, Sampler: Euler, CFG scale: 99, Seed: -1, Size: 9000x30, Model hash: ffffffffff"}
    )
    assert (draft.steps, draft.guidance, draft.width, draft.height, draft.seed) == (150, 30.0, 2048, 64, None)
    for lost in ("Steps 900", "Guidance 99", "9000x30", "no seed", "(ffffffffff) is not here"):
        assert lost in said, lost


@pytest.mark.parametrize("name", files.ALL)
def test_its_words_give_the_same_draft(name: str) -> None:
    _, draft, _ = drafted(files.ALL[name])
    assert parse(words_of(draft), ["builtin", "dreamer"]) == (draft,)


def test_words_too_long_to_be_typed_are_cut_and_said() -> None:
    for prompt, avoided in (("x" * 9000, "y"), ("{a,b} --seed 3 " * 700, "z" * 3000), ("x", 'a "b" ' * 900)):
        _, draft, said = drafted(
            {"invokeai_metadata": json.dumps({"positive_prompt": prompt, "negative_prompt": avoided})}
        )
        assert len(words_of(draft)) <= LONGEST
        assert "too long" in said
        assert parse(words_of(draft), ["builtin"])[0].prompt == draft.prompt


def deep(levels: int) -> str:
    return '{"nodes":' + "[" * levels + "]" * levels + "}"


LOOP = {name: ["1", 0] for name in ("steps", "cfg", "positive", "model", "latent_image")}


def sampling(**inputs: object) -> dict[str, str]:
    """Return a graph of one sampler with these inputs."""
    return {"prompt": json.dumps({"1": {"class_type": "KSampler", "inputs": inputs}})}


HOSTILE: list[dict[str, str]] = [
    {},
    {"parameters": ""},
    {"parameters": "\x00\ud800\nSteps: 1, Seed: 2, Size: 3x4"},
    {"parameters": "x: " * 60_000},
    {"parameters": '"' * 100_000 + "\nA: \\\\\\"},
    {"prompt": deep(50_000)},
    {"prompt": "[" * 100_000},
    sampling(**LOOP),
    sampling(steps={}, cfg=[], positive=[[]], seed=[None]),
    sampling(steps="1e999", cfg="NaN", seed=10**400, positive=3),
    {"workflow": '{"nodes": [1, null, {"id": [], "type": {}, "widgets_values": "x", "inputs": 3}], "links": [[1], 2]}'},
    {"invokeai_metadata": '{"positive_prompt": ["x"], "seed": {}, "model": 3, "loras": [1, {"model": {"name": {}}}]}'},
    {"invokeai_metadata": '{"seed": ' + "9" * 5000 + "}"},
    {"sd-metadata": '{"image": {"prompt": [{"prompt": 3}, 4], "variations": 3}}'},
    {"Dream": "'unclosed -S 3"},
    {"Dream": "-S -S -s"},
    {"parameters": '{"prompt": 3, "base_model": [], "resolution": "__import__(0)", "loras": [[], 3], "styles": "[[["}'},
    {"num_inference_steps": "x" * 3_000_000},
    {"num_inference_steps": "25", "use_lora_model": "None", "seed": "0x10"},
]


@pytest.mark.parametrize("texts", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_give_a_draft_in_range_or_nothing(texts: dict[str, str]) -> None:
    found = foreign.read(texts)
    if found is None:
        return
    draft = foreign.draft(found, (CARD,), "builtin", (64, 64))
    assert len(words_of(draft)) <= LONGEST
    assert len(draft.notes) < 60
    assert all(len(note) < 300 for note in draft.notes)
    parse(words_of(draft) if draft.prompt else f"x {words_of(draft)}", ["builtin"])


def test_a_graph_of_circles_ends() -> None:
    ring = {
        str(k): {"class_type": "KSampler", "inputs": {
            "steps": [str((k + 1) % 900), 0], "cfg": [str((k + 1) % 900), 0], "model": [str((k + 1) % 900), 0],
            "positive": [str((k + 2) % 900), 0], "latent_image": [str((k + 3) % 900), 0]}}
        for k in range(900)
    }  # fmt: skip
    found = foreign.read({"prompt": json.dumps(ring)})
    assert found is None or found.seed is None
