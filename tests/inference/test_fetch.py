"""Fetching a Model from a hub on loopback: only what is safe comes, it goes on after a cut, and lands whole or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from build import HOME
from core.errors import BadInput, Damaged, DiskFull, NotFound, StudioError, Unavailable
from core.supply import Wanted
from inference.fetch import Hub, chosen, remove
from inference.models import Registry
from tests.support.hub_double import HubDouble, hub
from tests.support.single_file import as_single
from tests.support.tiny_model import shared_tiny_model

UNET = "unet/diffusion_pytorch_model.safetensors"
WANTED = Wanted("acme/tiny")
ROOM = 10**12


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library speak to loopback: tests import it offline."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)  # it writes whole chunks; the tiny files have less


@pytest.fixture
def double() -> Iterator[HubDouble]:
    """Return a hub with the tiny model, and beside it what must never come."""
    folder = shared_tiny_model()
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files |= {
        "README.md": b"---\nlicense: openrail++\n---\n",
        "pipeline.py": b"import os",
        "unet/diffusion_pytorch_model.bin": b"pickle",
        "unet/diffusion_pytorch_model.fp16.safetensors": files[UNET],
        "unet/diffusion_pytorch_model.non_ema.safetensors": files[UNET],
        "whole.ckpt": b"pickle",
        "vae_decoder/model.onnx": b"onnx",
        "../escape.json": b"{}",
    }
    with hub() as found:
        found.files["acme/tiny"] = files
        found.cards["acme/tiny"] = {"license": "openrail++"}
        yield found


def shop(double: HubDouble, into: Path, token: str = "", room: int = ROOM) -> Hub:
    return Hub(into, token, lambda folder: room, double.base)


def silent(here: int, whole: int) -> None:
    """Hear of no progress."""


def test_a_model_comes_whole_and_nothing_else(double: HubDouble, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    seller = shop(double, tmp_path)
    offer = seller.offer(WANTED)
    place = seller.get(offer, lambda here, whole: told.append((here, whole)))
    assert place == tmp_path / "tiny" and [path.name for path in tmp_path.iterdir()] == ["tiny"]
    names = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert names == {*offer.files, "limner.json"}
    assert not any(name.endswith((".py", ".bin", ".ckpt", ".onnx")) or "fp16" in name for name in names)
    assert told[-1] == (offer.whole, offer.whole) and told == sorted(told)
    models = Registry({"data": tmp_path})
    models.read({})
    card = models.card("tiny")
    assert (card.state, card.licence, card.commercial) == ("ready", "CreativeML OpenRAIL++-M", True)


def test_it_goes_on_where_it_was_cut(double: HubDouble, tmp_path: Path) -> None:
    size = len(double.files["acme/tiny"][UNET])
    double.cut[UNET] = size // 2
    seller = shop(double, tmp_path)
    seller.get(seller.offer(WANTED), silent)
    ranges = [wanted for path, wanted in double.asked if path == UNET]
    assert ranges[0] == "" and 0 < int(ranges[1].removeprefix("bytes=").rstrip("-")) <= size // 2
    assert (tmp_path / "tiny" / UNET).read_bytes() == double.files["acme/tiny"][UNET]


def test_a_process_that_ended_is_gone_on_with_and_was_never_a_model(double: HubDouble, tmp_path: Path) -> None:
    class Ended(Exception):
        pass

    def end(here: int, whole: int) -> None:
        if here > whole // 2:
            raise Ended

    first = shop(double, tmp_path)
    with pytest.raises(Ended):
        first.get(first.offer(WANTED), end)
    assert not (tmp_path / "tiny").exists()
    before = len(double.asked)
    second = shop(double, tmp_path)
    second.get(second.offer(WANTED), silent)
    asked_again = {path for path, _ in double.asked[:before]} & {path for path, _ in double.asked[before:]}
    assert len(asked_again) <= 1
    assert (tmp_path / "tiny" / "model_index.json").is_file()


def test_a_file_with_another_digest_is_thrown_away(double: HubDouble, tmp_path: Path) -> None:
    double.spoil.add(UNET)
    seller = shop(double, tmp_path)
    with pytest.raises(Damaged, match="its digest differs"):
        seller.get(seller.offer(WANTED), silent)
    assert not (tmp_path / "tiny").exists() and not list(tmp_path.rglob(Path(UNET).name))
    double.spoil.clear()
    assert seller.get(seller.offer(WANTED), silent).is_dir()


def test_a_gate_wants_a_token_which_is_never_told(double: HubDouble, tmp_path: Path) -> None:
    double.gated.add("acme/tiny")
    with pytest.raises(Unavailable, match="is gated") as caught:
        shop(double, tmp_path).offer(WANTED)
    assert "HF_TOKEN" in caught.value.hint
    offer = shop(double, tmp_path, "hf_secretsecret").offer(WANTED)
    assert offer.gated and "Bearer hf_secretsecret" in double.tokens


@pytest.mark.parametrize(
    ("wanted", "kind", "why"),
    [
        (Wanted("acme/none"), NotFound, "has no model acme/none"),
        (Wanted("none"), BadInput, "is no model's id"),
        (Wanted("../../etc/x"), BadInput, "is no model's id"),
        (Wanted("acme/tiny", name=".."), BadInput, "is no model's id"),
        (Wanted("acme/tiny", file="gone.safetensors"), NotFound, "There is no gone.safetensors"),
    ],
)
def test_what_cannot_be_had_is_said(
    double: HubDouble, tmp_path: Path, wanted: Wanted, kind: type[StudioError], why: str
) -> None:
    with pytest.raises(kind, match=why):
        shop(double, tmp_path).offer(wanted)


def test_no_room_is_said_before_anything_large_comes(double: HubDouble, tmp_path: Path) -> None:
    seller = shop(double, tmp_path, room=1000)
    with pytest.raises(DiskFull, match="GB are missing"):
        seller.get(seller.offer(WANTED), silent)
    assert {path for path, _ in double.asked} == {"model_index.json"}


def test_a_pipeline_that_cannot_be_used_is_refused_before_it_comes(double: HubDouble, tmp_path: Path) -> None:
    index = {"_class_name": "NobodysPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    double.files["acme/tiny"]["model_index.json"] = json.dumps(index).encode()
    with pytest.raises(StudioError, match="NobodysPipeline"):
        shop(double, tmp_path).offer(WANTED)


def test_one_of_several_single_files_is_said(double: HubDouble, tmp_path: Path) -> None:
    whole = as_single(shared_tiny_model(), tmp_path / "a.safetensors").read_bytes()
    double.files["acme/files"] = {"a.safetensors": whole, "b.safetensors": whole, "c.ckpt": b"x"}
    seller = shop(double, tmp_path / "models")
    with pytest.raises(BadInput, match="several files") as caught:
        seller.offer(Wanted("acme/files"))
    assert caught.value.hint == "Say which: --file a.safetensors"
    offer = seller.offer(Wanted("acme/files", file="b.safetensors"))
    assert list(offer.files) == ["b.safetensors"]
    # Its UNet is small, which the shipped settings are not: it is there all the same, and said to be no use.
    with pytest.raises(Unavailable, match=r"files.safetensors is there, but cannot be used: Its UNet is not built"):
        seller.get(offer, silent)
    assert (tmp_path / "models" / "files.safetensors").read_bytes() == whole


SHARDS = ["text_encoder/model-00001-of-00002.safetensors", "text_encoder/model-00002-of-00002.safetensors"]


@pytest.mark.parametrize(
    ("half", "kept"),
    [
        (False, {UNET, *SHARDS, "text_encoder/model.safetensors.index.json"}),
        (True, {"unet/diffusion_pytorch_model.fp16.safetensors", "text_encoder/model.fp16.safetensors"}),
    ],
)
def test_one_kind_of_weights_is_chosen(half: bool, kept: set[str]) -> None:
    names = [
        "model_index.json", UNET, "unet/diffusion_pytorch_model.fp16.safetensors", "unet/config.json", *SHARDS,
        "text_encoder/model.safetensors.index.json", "text_encoder/model.fp16.safetensors",
        "safety_checker/model.safetensors",
        "tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/spiece.model", "tokenizer/added.model",
        "big.safetensors",
    ]  # fmt: skip
    index = {name: ["library", "Class"] for name in ("unet", "text_encoder", "tokenizer", "safety_checker")}
    found = set(chosen(dict.fromkeys(names, 1), index, half=half, file=""))
    rest = {"model_index.json", "unet/config.json", *(f"tokenizer/{name}" for name in ("vocab.json", "merges.txt"))}
    assert found == kept | rest | {"tokenizer/spiece.model"}


def test_a_part_that_is_a_pickle_alone_is_refused() -> None:
    names = {"model_index.json": 1, "unet/diffusion_pytorch_model.bin": 1}
    with pytest.raises(Unavailable, match="unet is there as a pickle alone"):
        chosen(names, {"unet": ["diffusers", "UNet2DConditionModel"]}, half=False, file="")


@pytest.mark.soak
def test_a_hub_that_does_not_answer_is_said(tmp_path: Path) -> None:
    """Its library tries again for some twenty seconds."""
    with pytest.raises(Unavailable, match="The hub cannot be reached"):
        Hub(tmp_path, "", lambda folder: ROOM, "http://127.0.0.1:9").offer(WANTED)


def test_the_verb_fetches_in_a_process_of_its_own_and_says_when_it_is_offline(
    double: HubDouble, tmp_path: Path
) -> None:
    environ = {**os.environ, "LIMNER_DATA": str(tmp_path), "HF_ENDPOINT": double.base, "HF_TOKEN": "hf_secretsecret"}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        environ.pop(name, None)

    def type_in(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "main.py", "models", *(words or ("get", "acme/tiny"))]
        return subprocess.run(argv, cwd=HOME, env={**environ, **more}, capture_output=True, text=True, timeout=120)

    offline = type_in(HF_HUB_OFFLINE="1")
    assert offline.returncode == 2 and "HF_HUB_OFFLINE is set: nothing is fetched" in offline.stderr
    fetched = type_in()
    assert fetched.returncode == 0 and "knows it as tiny" in fetched.stdout, fetched.stderr
    assert "secretsecret" not in "".join(each.stdout + each.stderr for each in (offline, fetched))
    assert (tmp_path / "models" / "tiny" / UNET).is_file()
    gone = type_in("remove", "tiny")
    assert gone.returncode == 0 and "tiny is removed" in gone.stdout, gone.stderr
    assert not list((tmp_path / "models").iterdir())


def test_what_was_fetched_is_removed_whole_or_in_part_and_nothing_else(tmp_path: Path) -> None:
    models, mine = tmp_path / "models", tmp_path / "mine"
    mine.mkdir()
    (mine / "w.safetensors").write_bytes(b"mine")
    for name in ("fox", ".get-fox", "other"):
        (models / name / "unet").mkdir(parents=True)
        (models / name / "unet" / "w.safetensors").write_bytes(b"12345")
    (models / "one.safetensors").write_bytes(b"123")
    (models / "one.limner.json").write_text("{}")
    (models / "linked").symlink_to(mine)
    assert remove(models, "fox") == 10 and remove(models, "one") == 5
    remove(models, "linked")
    assert [path.name for path in models.iterdir()] == ["other"] and (mine / "w.safetensors").is_file()
    with pytest.raises(NotFound, match="holds no model fox"):
        remove(models, "fox")
    for name in ("../mine", "..", "", "a/b"):
        with pytest.raises(BadInput, match="no model's name"):
            remove(models, name)
