"""Fingerprint: flat facts that name every switch, and a self-test that notices rows which depend on their number."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import torch

from core.picture import Fingerprint, Replay
from inference import fingerprint
from inference.run import Key
from tests.support.painting import recipe, registry, runs_of

CPU = torch.device("cpu")


def unet(channels: int = 4) -> Any:
    config = SimpleNamespace(sample_size=8, in_channels=channels)
    model = SimpleNamespace(config=config, device=CPU, dtype=torch.float32, named_modules=lambda: iter(()))
    return SimpleNamespace(unet=model, text_shape=(5, 16), added={})


def test_facts_are_flat_json_and_name_what_moves_pixels() -> None:
    facts = fingerprint.device_facts(CPU)
    assert json.loads(json.dumps(facts)) == facts
    assert all(isinstance(value, str | int | bool) for value in facts.values())
    assert facts["torch"].startswith(torch.__version__[:4])
    assert {"diffusers", "transformers", "pillow", "device", "machine", "cpu_capability"} <= set(facts)
    assert facts["device"]


def test_a_runs_fingerprint_has_its_trace_and_its_keys_switches() -> None:
    run = runs_of([recipe(registry().card("tiny"))])[0]
    for size in (8, 8, 2):
        run.stepped(size)
    key = Key(model="m", dtype="bfloat16", threads=3, memory_format="channels_last", attention="fused-qkv")
    found = fingerprint.of_run({"torch": "1"}, run, key, "fast", "equal")
    assert found.trace == ((8, 2), (2, 1))
    assert found.facts == {
        "torch": "1",
        "dtype": "bfloat16",
        "threads": 3,
        "memory_format": "channels_last",
        "attention": "fused-qkv",
        "profile": "high",
        "mode": "fast",
        "self_test": "equal",
    }
    assert Fingerprint.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_a_run_under_other_switches_than_the_self_test_is_untested() -> None:
    run = runs_of([recipe(registry().card("tiny"))])[0]
    assert fingerprint.of_run({}, run, Key("m", exclusive=True), "fast", "equal").facts["self_test"] == "untested"


def test_a_reproduce_has_the_mode_it_followed() -> None:
    run = runs_of([recipe(registry().card("tiny"))])[0]
    run.replay = Replay(Fingerprint(((8, 5),), {"mode": "exact"}), "0")
    assert fingerprint.of_run({}, run, Key("m"), "fast", "equal").facts["mode"] == "exact"
    run.replay = Replay(Fingerprint((), {"mode": "wild"}), "0")
    assert fingerprint.of_run({}, run, Key("m"), "fast", "equal").facts["mode"] == "fast"


def test_the_self_test_says_equal_where_rows_stand_alone() -> None:
    seen: list[int] = []

    def forward(latents: torch.Tensor, times: torch.Tensor, text: torch.Tensor, added: object) -> torch.Tensor:
        seen.append(len(latents))
        return latents * times[:, None, None, None] + text.mean(dim=(1, 2))[:, None, None, None]

    assert fingerprint.self_test(forward, unet(), (1, 2, 4, 8)) == "equal"
    assert seen == [1, 2, 4, 8]


def test_the_self_test_notices_one_bit_at_one_size() -> None:
    def forward(latents: torch.Tensor, times: torch.Tensor, text: torch.Tensor, added: object) -> torch.Tensor:
        return torch.nextafter(latents, latents + 1) if len(latents) == 4 else latents

    assert fingerprint.self_test(forward, unet(), (1, 2, 4, 8)) == "differs"
    assert fingerprint.self_test(forward, unet(), (1, 2, 8)) == "equal"


def test_the_self_test_looks_at_each_layer_that_reads_one_vector_a_row() -> None:
    class Rounding(torch.nn.Linear):
        """The planted mistake: a single row is rounded otherwise, and only where its first number is large."""

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            found = super().forward(rows)
            return found + 1e-4 if len(rows) == 1 and rows[0, 0] > 2.5 else found

    def whole(*given: Any) -> torch.Tensor:
        return torch.zeros(len(given[0]), 1)

    for kind, name, word in (
        (torch.nn.Linear, "time_emb_proj", "equal"),
        (Rounding, "time_emb_proj", "differs"),
        (Rounding, "to_q", "equal"),
    ):
        weights = unet()
        torch.manual_seed(0)
        layer = kind(64, 8).bfloat16().float()
        weights.unet.named_modules = lambda name=name, layer=layer: iter([(f"up.0.{name}", layer)])
        with torch.inference_mode():
            layer.weight.round_(decimals=1).clamp_(-1, 1)
            if kind is torch.nn.Linear:
                layer.weight.zero_()  # Whatever the kernels do, zeros add up to the same.
            assert fingerprint.self_test(whole, weights, (1, 2, 4)) == word
