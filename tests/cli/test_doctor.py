"""Each check of the doctor, well and ill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import discord
import pytest

from bot.needs import PERMISSIONS
from bot.registry import commands
from build import HOME
from cli import doctor
from cli.doctor import Patient
from core.config import load
from core.errors import BadConfig, Damaged, Unavailable
from core.finding import Finding
from core.studio import Studio
from home import Home
from main import serve
from tests.support.portal_double import discord as discord_double
from tests.support.shell import running

SECRET = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789"


def version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


async def silent(token: str) -> Sequence[Finding]:
    raise Unavailable("Discord cannot be reached (ClientConnectorError); nothing was changed.", "See to the net.")


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    tmp_path.chmod(0o700)
    return Patient(
        root=HOME,
        data=tmp_path,
        python=(3, 11, 7),
        environ={},
        loaded=load(HOME / "config.toml", tmp_path / "config.toml", {}),
        studio=Damaged("The database is damaged.", "Bring a backup back."),
        version_of=version_of,
        free_bytes=lambda _: 10**12,
        probe=lambda: {"device": "cpu", "dtype": "float32", "threads": 2},
        discord=silent,
    )


def test_what_is_well_is_ok(patient: Patient) -> None:
    for check in (doctor.python, doctor.packages, doctor.disk, doctor.settings, doctor.token, doctor.device):
        found = check(patient)
        assert found.word == "ok" and found.sentence, found


def test_an_old_python_is_bad(patient: Patient) -> None:
    assert doctor.python(replace(patient, python=(3, 10, 4))).word == "bad"


def test_missing_packages_are_bad_and_other_versions_are_told(patient: Patient) -> None:
    found = doctor.packages(replace(patient, version_of=lambda name: None if name == "aiohttp" else version_of(name)))
    assert found.word == "bad" and found.sentence == "Not installed: aiohttp."
    found = doctor.packages(replace(patient, version_of=lambda name: "0.1" if name == "pillow" else version_of(name)))
    assert found.word == "warn" and "pillow 0.1" in found.sentence


def test_a_build_of_torch_for_the_cpu_is_the_same_version(patient: Patient) -> None:
    here = {"torch": "2.13.0+cpu"}
    assert doctor.packages(replace(patient, version_of=lambda name: here.get(name) or version_of(name))).word == "ok"


def test_a_full_disk_a_missing_folder_and_an_open_one_are_told(patient: Patient) -> None:
    assert doctor.disk(replace(patient, free_bytes=lambda _: 10**6)).word == "bad"
    assert doctor.disk(replace(patient, data=patient.data / "none")).word == "bad"
    patient.data.chmod(0o755)
    found = doctor.disk(patient)
    assert found.word == "warn" and "chmod 700" in found.to_do


def test_settings_that_cannot_be_read_are_bad_and_changed_ones_are_named(patient: Patient) -> None:
    found = doctor.settings(replace(patient, loaded=BadConfig("page.prot is no setting.", "The nearest is page.port.")))
    assert (found.word, found.to_do) == ("bad", "The nearest is page.port.")
    loaded = load(HOME / "config.toml", patient.data / "none", {"LIMNER__PAGE__PORT": "0"})
    assert "page.port" in doctor.settings(replace(patient, loaded=loaded)).sentence


@pytest.mark.parametrize("value", [f'"{SECRET}"', f" {SECRET}", f"Bot {SECRET}", "hunter2", f"{SECRET}\n"])
def test_a_token_that_looks_wrong_is_told_and_never_printed(patient: Patient, value: str) -> None:
    found = doctor.token(replace(patient, environ={"DISCORD_TOKEN": value}))
    assert found.word == "warn"
    assert value.strip() not in found.sentence + found.to_do


def test_a_token_that_looks_right_is_ok_and_never_printed(patient: Patient) -> None:
    found = doctor.token(replace(patient, environ={"DISCORD_TOKEN": SECRET}))
    assert found.word == "ok" and SECRET not in found.sentence


async def test_discord_is_asked_about_a_token_that_looks_right_and_no_other(patient: Patient) -> None:
    assert await doctor.discord(patient) == ()
    assert await doctor.discord(replace(patient, environ={"DISCORD_TOKEN": "hunter2"})) == ()
    with_token = replace(patient, environ={"DISCORD_TOKEN": SECRET})
    [found] = await doctor.discord(with_token)
    assert found.word == "warn" and "cannot be reached" in found.sentence

    async def refused(token: str) -> Sequence[Finding]:
        raise BadConfig("Discord refuses the token.", "Reset it.")

    [found] = await doctor.discord(replace(with_token, discord=refused))
    assert found.word == "bad" and SECRET not in found.sentence + found.to_do

    async def well(token: str) -> Sequence[Finding]:
        return (Finding("servers", "ok", token[:2]),)

    [found] = await doctor.discord(replace(with_token, discord=well))
    assert found == Finding("servers", "ok", SECRET[:2])


def test_a_device_that_does_not_answer_is_bad(patient: Patient) -> None:
    def dead() -> Mapping[str, Any]:
        raise RuntimeError("CUDA driver version is insufficient")

    found = doctor.device(replace(patient, probe=dead))
    assert found.word == "bad" and "insufficient" in found.sentence


async def test_a_database_that_does_not_open_is_bad(patient: Patient) -> None:
    assert (await doctor.database(patient)).sentence == "The database is damaged."
    assert (await doctor.model(patient)).word == "bad"


async def test_a_real_program_is_well(patient: Patient) -> None:
    async with running(patient.data) as program:
        well = replace(patient, studio=program.studio)
        assert (await doctor.database(well)).word == "ok"
        assert (await doctor.model(well)).word == "ok"


class Models:
    """Answer as a Studio whose Models are as given."""

    def __init__(self, *models: dict[str, Any]) -> None:
        self._models = list(models)

    async def models(self) -> list[dict[str, Any]]:
        return self._models


@pytest.mark.parametrize(
    ("models", "word"),
    [
        ([{"name": "a", "default": True, "state": "broken", "why": "no UNet"}], "bad"),
        ([{"name": "a", "default": False, "state": "ready", "why": ""}], "bad"),
        (
            [
                {"name": "a", "default": True, "state": "ready", "why": ""},
                {"name": "b", "default": False, "state": "broken", "why": "no UNet"},
            ],
            "warn",
        ),
    ],
)
async def test_models_that_cannot_paint_are_told(patient: Patient, models: list[dict[str, Any]], word: str) -> None:
    found = await doctor.model(replace(patient, studio=cast(Studio, Models(*models))))
    assert found.word == word


class Told:
    """Answer as a Studio whose device promises as given."""

    def __init__(self, word: str) -> None:
        self._word = word

    async def health(self) -> dict[str, Any]:
        return {"equal_recipe": self._word}


@pytest.mark.parametrize(
    ("word", "said"), [("identical", "is too, whoever"), ("close", "2/255"), ("untested", "first paints")]
)
async def test_what_the_device_promises_is_told(patient: Patient, word: str, said: str) -> None:
    found = await doctor.promise(replace(patient, studio=cast(Studio, Told(word))))
    assert found.word == "ok" and said in found.sentence and found.sentence.startswith("/reproduce is identical")
    assert (await doctor.promise(patient)).word == "bad"


async def test_each_fault_planted_at_discord_is_named_with_what_to_do(tmp_path: Path) -> None:
    async with discord_double() as there:
        home = Home({"LIMNER_DATA": str(tmp_path), "DISCORD_TOKEN": SECRET}, print, serve, there.base)
        async with home.examine() as patient:

            async def told() -> dict[str, Finding]:
                return {each.name: each for each in await doctor.discord(patient)}

            there.join(5)
            there.commands[""] = await commands()
            assert {each.word for each in (await told()).values()} == {"ok"}
            there.commands[""].pop()
            assert (found := (await told())["commands"]).word == "warn" and "--sync" in found.to_do
            there.servers[0]["permissions"] = str(PERMISSIONS.value & ~discord.Permissions(attach_files=True).value)
            assert (found := (await told())["servers"]).word == "bad" and "Attach Files" in found.sentence
            there.about["flags"] = 1 << 19
            assert "Message Content Intent" in (await told())["intents"].sentence
            there.about["interactions_endpoint_url"] = "https://example.invalid"
            assert (await told())["interactions"].word == "bad"
            there.status = 401
            found = (await told())["discord"]
            assert found.word == "bad" and "refuses the token" in found.sentence and SECRET not in found.sentence
