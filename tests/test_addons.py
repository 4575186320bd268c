"""LoRAs and embeddings through the whole program: asked for by name, painted, told, and made again bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import CannotReproduce
from core.person import OWNER
from core.studio import Ask
from tests.support.program import PLACE, ask, done, running
from tests.support.tiny_addons import make_embedding, make_lora
from tests.support.tiny_model import shared_tiny_model

WORDS = "a fox <lora:ink:0.8> in a glow --model tiny --steps 2 --seed 5 --no glow"


async def test_by_name_into_the_recipe_and_again_from_the_log(tmp_path: Path) -> None:
    ink = make_lora(shared_tiny_model(), tmp_path / "loras" / "ink.safetensors", 1)
    make_embedding(tmp_path / "embeddings" / "glow.safetensors", (32,))
    environ = {"LIMNER__MODELS__FOLDERS": f'{{tiny = "{shared_tiny_model()}"}}', "LIMNER__MODELS__DEFAULT": "tiny"}
    async with running(tmp_path, environ=environ) as program:
        made = await done(program, WORDS)
        (picture,) = made["pictures"]
        assert picture["state"] == "stored", made
        assert picture["prompt"] == "a fox in a glow" and picture["command"].endswith("--lora ink:0.8")
        assert picture["recipe"]["loras"][0]["scale"] == 0.8
        assert [each["token"] for each in picture["recipe"]["embeddings"]] == ["glow"]
        assert "1 LoRA" in made["facts"]
        same = await done(program, "", kind="reproduce", parent=picture["id"])
        assert same["pictures"][0]["verdict"]["reproduce"]["word"] == "identical"
        found = await program.studio.addons()
        assert [(each["name"], each["state"]) for each in found["loras"]] == [("ink", "ready")]
        assert [(each["name"], each["vectors"]) for each in found["embeddings"]] == [("glow", 2)]
    async with running(tmp_path, environ=environ, start=False) as program:
        again = await ask(program, picture["command"])
        assert again["pictures"][0]["recipe_digest"] == picture["recipe_digest"]
        remixed = await ask(program, "a wolf", kind="remix", parent=picture["id"])
        assert remixed["pictures"][0]["recipe"]["loras"] == picture["recipe"]["loras"]
    ink.unlink()
    async with running(tmp_path, environ=environ, start=False) as program:
        with pytest.raises(CannotReproduce, match="The LoRA it was painted with"):
            await program.studio.ask(Ask(OWNER, PLACE, "gone", "", kind="reproduce", parent=picture["id"]))
        told = await program.studio.show(OWNER, PLACE, picture["id"])
        assert told["command"].endswith(f"--lora {picture['recipe']['loras'][0]['digest'][:10]}:0.8")
