"""Models in fewer bits: GGUF paints as the stock pipeline does with it; what cannot be had is refused in words."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from core.addons import AddOns, LoraCard, LoraWish
from core.draft import Draft, fill
from core.errors import BadConfig, BadWords, ModelUnavailable
from core.picture import Fingerprint, Replay
from core.recipe import OWN, Lora, Paint
from core.sheet import model_sheet
from core.telling import model_lines
from inference import memory
from inference.adapters.table import load
from inference.addons import AddOnFiles
from inference.applied import applied, fitting
from inference.device import DeviceChoice
from inference.estimates import Estimates
from inference.families.folder import read_json
from inference.models import Registry
from inference.quantised import KINDS, How, as_loaded, check_device, facts, how_of, quantises, spared
from inference.quantising import arguments
from inference.run import Key
from inference.selftests import SelfTests
from inference.shapes import painting, shape
from inference.weights import Plan, load_part
from inference.whole import WholeEngine
from tests.support.painting import paint_alone, recipe, runs_of
from tests.support.tiny_gguf import make_gguf, shared_tiny_gguf
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_sd3 import shared_tiny_sd3
from tests.support.tiny_whole import shared_tiny_whole

CPU, GPU = torch.device("cpu"), torch.device("cuda")
FAMILIES = {"sd3": "euler", "flux": OWN}


@cache
def models() -> Registry:
    folders = {family: shared_tiny_gguf(family) for family in FAMILIES}
    found = Registry(
        {family: folder for family, (folder, _) in folders.items()},
        quantised={family: str(file) for family, (_, file) in folders.items()},
    )
    found.read({})
    return found


def engine(**settings: Any) -> WholeEngine:
    return WholeEngine(models(), lambda name, _: b"", default="sd3", loaded=4, **settings)


def asked(family: str, **fields: Any) -> Paint:
    return recipe(models().card(family), FAMILIES[family], **{"guidance": 4.0, "steps": 3, **fields})


def stock(family: str, wanted: Paint, dtype: torch.dtype) -> np.ndarray[Any, Any]:
    """Return what diffusers' own pipeline paints with the same file."""
    torch.set_num_threads(1)
    folder, file = shared_tiny_gguf(family)
    kind = {"sd3": diffusers.SD3Transformer2DModel, "flux": diffusers.FluxTransformer2DModel}[family]
    few = diffusers.GGUFQuantizationConfig(compute_dtype=dtype)
    net: Any = kind.from_single_file(
        str(file), config=str(folder), subfolder="transformer", quantization_config=few, dtype=dtype
    )
    pipe = diffusers.DiffusionPipeline.from_pretrained(folder, transformer=net, dtype=dtype, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    size = {"width": wanted.width, "height": wanted.height}
    seed = torch.Generator().manual_seed(wanted.seed)
    steps = {"num_inference_steps": wanted.steps, "guidance_scale": wanted.guidance}
    return np.asarray(pipe(wanted.prompt, generator=seed, **steps, **size).images[0])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_gguf_paints_as_the_stock_pipeline_does_with_it(family: str, dtype: str) -> None:
    wanted = asked(family)
    painted = paint_alone(engine(dtype=dtype, verdicts={wanted.model.digest: "equal"}), runs_of([wanted])[0])
    found = np.asarray(Image.open(io.BytesIO(painted.png)))
    assert np.array_equal(found, stock(family, wanted, getattr(torch, dtype)))
    assert painted.fingerprint.facts["quantised"] == "gguf"
    assert painted.fingerprint.facts["gguf"]


def test_its_layers_stay_in_few_bits_and_weigh_what_was_estimated() -> None:
    folder, file = shared_tiny_gguf("sd3")
    loaded = load(folder, Plan("m", "sd3", "bfloat16", quantised="gguf", gguf=file), CPU)
    assert type(loaded.unet.transformer_blocks[0].attn.to_q).__name__ == "GGUFLinear"
    held = sum(each.numel() * each.element_size() for each in loaded.unet.state_dict().values())
    few = memory.weight(folder, "bfloat16", How("gguf", file))
    assert few.stepped == held < 0.6 * memory.weight(shared_tiny_sd3(), "bfloat16").stepped
    assert few.rest == memory.weight(shared_tiny_sd3(), "bfloat16").rest
    other = replace(loaded, plan=replace(loaded.plan, quantised=""))
    assert loaded.text_key != other.text_key, "large text encoders may be quantised, and their words are remembered"


DOUBLES = {
    "bitsandbytes-0.50.2.dist-info/METADATA": "Name: bitsandbytes\nVersion: 0.50.2\n",
    "torchao-0.18.0.dist-info/METADATA": "Name: torchao\nVersion: 0.18.0\n",
    "torchao/__init__.py": "",
    "torchao/quantization/quant_api.py": "class AOBaseConfig: pass\n",
    "torchao/quantization/__init__.py": "from .quant_api import AOBaseConfig\n"
    "class Int8WeightOnlyConfig(AOBaseConfig): pass\n"
    "class Float8WeightOnlyConfig(AOBaseConfig): pass\n",
}
"""As much of both packages as the libraries' own config objects look at."""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let both packages seem installed."""
    for name, text in DOUBLES.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text)
    known = import_module("transformers.utils.import_utils").is_torchao_available
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "torchao"}
    monkeypatch.syspath_prepend(tmp_path / "site")
    known.cache_clear()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchao"]:
        del sys.modules[name]
    sys.modules.update(before)
    known.cache_clear()


class Given(torch.nn.Module):
    """Take down what it is loaded with."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__()
        self.given = given

    @classmethod
    def from_pretrained(cls, path: Path, **given: Any) -> Given:
        return cls({"path": path, **given})


class Net(Given):
    __module__ = "diffusers.models"


class CLIPTextModelWithProjection(Given):
    __module__ = "transformers.models"


class T5EncoderModel(Given):
    __module__ = "transformers.models"


SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "bnb-nf4": ("BitsAndBytesConfig", {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}),
    "bnb-fp4": ("BitsAndBytesConfig", {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"}),
    "bnb-int8": ("BitsAndBytesConfig", {"load_in_8bit": True, "load_in_4bit": False}),
    "torchao-int8wo": ("TorchAoConfig", {}),
    "torchao-float8wo": ("TorchAoConfig", {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_handed_to_both_libraries_as_their_own_config(packages: None, kind: str) -> None:
    """The doubles stand for packages alone: the config objects are those of diffusers and transformers."""
    plan = Plan("m", "sd3", "bfloat16", quantised=kind)
    name, wanted = SETTINGS[kind]
    parts = (("transformer", Net, diffusers), ("text_encoder_3", T5EncoderModel, transformers))
    for part, model, library in parts:
        given = load_part(model, shared_tiny_sd3(), part, plan, CPU).given
        made = given["quantization_config"]
        assert type(made) is getattr(library, name)
        assert {key: getattr(made, key) for key in wanted} == wanted
        assert (given["dtype"], given["use_safetensors"], given["local_files_only"]) == (torch.bfloat16, True, True)
        assert given["path"] == shared_tiny_sd3() / part and "device_map" not in given
        if "load_in_4bit" in wanted and wanted["load_in_4bit"]:
            assert made.bnb_4bit_compute_dtype is torch.bfloat16, "else it computes in float32"
        if kind.startswith("torchao"):
            class_name = {"torchao-int8wo": "Int8WeightOnlyConfig", "torchao-float8wo": "Float8WeightOnlyConfig"}[kind]
            assert type(made.quant_type).__name__ == class_name
        on_gpu = arguments(kind, library.__name__, torch.bfloat16, GPU)
        assert on_gpu["device_map"] == {"": "cuda"}, "it is made small on its way there"
    for part in ("text_encoder", "text_encoder_2"):
        given = load_part(CLIPTextModelWithProjection, shared_tiny_sd3(), part, plan, CPU).given
        assert "quantization_config" not in given


@pytest.mark.parametrize(
    ("folder", "parts"),
    [
        (shared_tiny_model, {"unet"}),
        (shared_tiny_sd3, {"transformer", "text_encoder_3"}),
        (lambda: shared_tiny_whole("flux"), {"transformer", "text_encoder_2"}),
        (lambda: shared_tiny_whole("aura"), {"transformer", "text_encoder"}),
    ],
)
def test_what_is_stepped_and_large_text_encoders_are_quantised(folder: Any, parts: set[str]) -> None:
    index = read_json(folder() / "model_index.json")
    named = {name: part[1] for name, part in index.items() if isinstance(part, list) and part[1]}
    assert {name for name, kind in named.items() if quantises("bnb-nf4", name, kind)} == parts
    assert not any(quantises(kind, name, part) for name, part in named.items() for kind in ("", "gguf"))


def test_fewer_bits_weigh_less_and_stay_on_the_device() -> None:
    """Only layers have fewer bits, and what is quantised is not moved, so `low` is `balanced` for it."""
    plain = memory.weight(shared_tiny_sd3(), "float32")
    eight, four = (memory.weight(shared_tiny_sd3(), "float32", How(kind)) for kind in ("bnb-int8", "bnb-nf4"))
    assert four.whole < eight.whole < plain.whole
    assert eight.rest < plain.rest, "the large text encoder stays, too"
    assert 0.25 < eight.stepped / (plain.stepped + plain.rest - eight.rest) < 0.3
    assert (spared("low", "bnb-nf4"), spared("low", ""), spared("high", "gguf")) == ("balanced", "low", "high")
    look = shape(shared_tiny_sd3())
    free = round((four.whole + painting(look, "float32", look.native, 2, "high")) / (1 - memory.KEPT_FREE)) + 9
    found = [memory.choose_profile(shared_tiny_sd3(), "float32", "cuda", free, How(kind)) for kind in ("bnb-nf4", "")]
    assert found[0] == "high" != found[1]
    wanted = asked("sd3")
    room = Estimates(models().source, AddOnFiles().control, "float32", 10**9)(wanted)
    assert room is not None and room.weights == memory.weight(*_here("sd3")).stepped > 0


def _here(family: str) -> tuple[Path, str, How]:
    source = models().source(models().card(family).digest)
    return source.folder, "float32", source.how


def spoiled(wish: str = "net.gguf", folder: Path | None = None) -> str:
    """Return why a Model loaded as wished cannot be used, empty where it can."""
    return Registry({"mine": folder or shared_tiny_sd3()}, quantised={"mine": wish}).card("mine").why


def test_a_gguf_that_is_cut_missing_or_no_gguf_is_named(tmp_path: Path) -> None:
    folder, file = shared_tiny_gguf("sd3")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(file.read_bytes()[:-100])
    assert "cut.gguf is cut off or damaged" in spoiled(str(cut))
    (tmp_path / "page.gguf").write_bytes(b"<!doctype html>")
    assert "page.gguf is a web page" in spoiled(str(tmp_path / "page.gguf"))
    assert "There is no file" in spoiled("none.gguf")
    assert "has no transformer" in spoiled(str(file), shared_tiny_model())
    assert "diffusion_pytorch_model.safetensors is missing" in Registry({"mine": folder}).card("mine").why
    inside = Path(shutil.copytree(folder, tmp_path / "mine"))
    shutil.copy(file, inside / "transformer" / "net.gguf")
    assert spoiled("transformer/net.gguf", inside) == "its files are being read", "beside the folder's own files"
    (inside / "transformer" / "evil.py").touch()
    assert "evil.py" in spoiled("transformer/net.gguf", inside)
    assert "holds a transformer alone" in Registry({"mine": file}).card("mine").why
    single = tmp_path / "one.safetensors"
    single.touch()
    assert "single file cannot be loaded quantised" in spoiled("bnb-nf4", single)


def test_a_gguf_of_another_model_says_so_where_it_is_loaded(tmp_path: Path) -> None:
    other = make_gguf(shared_tiny_whole("flux"), tmp_path / "other.gguf")
    found = Registry({"mine": shared_tiny_sd3()}, quantised={"mine": str(other)})
    found.read({})
    local = WholeEngine(found, lambda name, _: b"", default="mine")
    with pytest.raises(ModelUnavailable, match="does not load: other.gguf is of another kind of model"):
        local.begin(runs_of([recipe(found.card("mine"), "euler")])[0])


def test_settings_that_name_no_model_or_no_kind_are_refused() -> None:
    for wish, why in (({"other": "bnb-nf4"}, "other, which is no model"), ({"mine": "int3"}, "bnb-nf4, bnb-fp4")):
        with pytest.raises(BadConfig) as told:
            Registry({"mine": shared_tiny_sd3()}, quantised=wish)
        assert why in told.value.whole()


def test_without_its_package_or_a_gpu_a_kind_is_refused(packages: None, tmp_path: Path) -> None:
    check_device("", "m", "cpu")
    check_device("torchao-int8wo", "m", "cpu")
    check_device("bnb-nf4", "m", "cuda")
    with pytest.raises(ModelUnavailable, match="bnb-nf4, which needs a GPU; this device is cpu"):
        check_device("bnb-nf4", "m", "cpu")
    assert facts("bnb-nf4") == {"quantised": "bnb-nf4", "bitsandbytes": "0.50.2"}
    assert Registry({"mine": shared_tiny_sd3()}, quantised={"mine": "bnb-nf4"}).card("mine").quantised == "bnb-nf4"
    for name in ("bitsandbytes", "torchao"):
        shutil.rmtree(next((tmp_path / "site").glob(f"{name}-*.dist-info")))
    if "bitsandbytes" not in {each.name for each in import_module("importlib.metadata").distributions()}:
        with pytest.raises(ModelUnavailable, match="bitsandbytes is not installed"):
            how_of("bnb-nf4", shared_tiny_sd3())


def test_the_file_is_part_of_the_models_digest(tmp_path: Path) -> None:
    folder, file = shared_tiny_gguf("sd3")
    four = make_gguf(shared_tiny_sd3(), tmp_path / "Q4_0.gguf", "Q4_0")
    found = Registry({"eight": folder, "four": folder}, quantised={"eight": str(file), "four": str(four)})
    found.read({})
    eight, other = found.cards()
    assert (eight.state, other.state, eight.digest) == ("ready", "ready", models().card("sd3").digest)
    assert eight.digest != other.digest and found.kind(eight.digest) == "gguf" != found.kind("")
    four.write_bytes(file.read_bytes())
    with pytest.raises(ModelUnavailable, match="have changed"):
        found.source(other.digest)


def test_the_same_files_are_loaded_in_one_way_alone(packages: None) -> None:
    """A Recipe holds a digest and no name."""
    both = {"plain": shared_tiny_sd3(), "few": shared_tiny_sd3()}
    found = Registry(both, quantised={"few": "bnb-nf4"})
    found.read({})
    assert [card.state for card in found.cards()] == ["ready", "broken"]
    assert "These are the files of plain" in found.card("few").why


def test_the_card_says_in_which_kind_and_a_lora_is_refused() -> None:
    card = models().card("sd3")
    head = model_lines(model_sheet(card, ""))[0]
    assert head.endswith("sd3, quantised (gguf)")
    ink = AddOns((LoraCard("ink", "d", 768, 4, "ready"),))
    with pytest.raises(BadWords, match=r"loaded quantised \(gguf\), which takes no LoRA"):
        fill(Draft(prompt="a fox", loras=(LoraWish("ink", 0.8),)), card, lambda: 1, ink)
    with pytest.raises(ModelUnavailable, match="takes no LoRA"):
        engine().begin(runs_of([replace(asked("sd3"), loras=(Lora("d", 0.8),))])[0])


def replayed(facts: dict[str, Any], kind: str, own: Key | None = None) -> Key:
    """Return the Key of a Reproduce where the Model is loaded in a kind here."""
    run = runs_of([asked("sd3")])[0]
    run.replay = Replay(Fingerprint(((1, 3),), facts), "d")
    return applied(own or Key("", profile="low", attention="fused-qkv"), run, asked("sd3"), lambda _: kind)


def test_reproduce_loads_as_its_log_says() -> None:
    usual = {"dtype": "float32", "threads": 1, "memory_format": "contiguous", "attention": "sdpa"}
    as_it_lies = replayed({**usual, "profile": "low", "attention": "fused-qkv"}, "bnb-nf4")
    assert (as_it_lies.quantised, as_it_lies.exclusive) == ("", True)
    few = replayed({**usual, "profile": "balanced", "quantised": "bnb-nf4"}, "")
    assert (few.quantised, few.profile, few.exclusive) == ("bnb-nf4", "balanced", True)
    same = replayed({**usual, "profile": "balanced", "quantised": "bnb-nf4"}, "bnb-nf4")
    assert (same.quantised, same.exclusive) == ("bnb-nf4", False)
    assert replayed(usual, "gguf").quantised == "gguf", "there is nothing else to load"
    assert replayed({**usual, "quantised": "evil"}, "").quantised == ""
    run = runs_of([asked("sd3")])[0]
    own = Key("", profile="low", attention="fused-qkv", memory_format="channels_last")
    fresh = applied(own, run, asked("sd3"), lambda _: "bnb-nf4")
    assert fresh == replace(fitting(own, "bnb-nf4"), model=asked("sd3").model.digest)
    assert (fresh.profile, fresh.attention, fresh.memory_format) == ("balanced", "sdpa", "contiguous")
    assert fitting(own, "") == own
    run.sparing = True
    assert applied(own, run, asked("sd3"), lambda _: "bnb-nf4").profile == "balanced"


def test_a_new_job_is_told_that_the_same_was_painted_in_other_bits() -> None:
    choice = DeviceChoice("cpu", "float32", 1)
    tests = SelfTests(choice, (1, 2), "fast", {}, lambda name, word: None)
    tests[as_loaded("m", "bnb-nf4")] = "equal"
    assert (tests.ground("m").self_test, tests.ground("m", "bnb-nf4").self_test) == ("untested", "equal")
    plain, few = (dict(tests.ground("m", kind).facts) for kind in ("", "bnb-nf4"))
    then = {name: value for name, value in plain.items() if value is not None}
    assert tests.ground("m").differing(Fingerprint((), then)) == ()
    assert tests.ground("m", "bnb-nf4").differing(Fingerprint((), then)) == ("quantised",)
    assert tests.ground("m").differing(Fingerprint((), few)) == ("quantised",)
