"""The verb doctor: small checks, each with one sentence on what is and one on what to do."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cli.args import take
from cli.console import Console
from core.config import Loaded
from core.errors import BadInput, StudioError, Unavailable
from core.finding import Finding
from core.studio import Studio

PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:==(\S+))?")
TOKEN = re.compile(r"[\w-]{20,}\.[\w-]{4,}\.[\w-]{20,}")
"""Three parts with dots between: what a bot's token looks like."""
GIGABYTE = 1_000_000_000
ALWAYS = "/reproduce is identical;"
PROMISES: Mapping[str, str] = MappingProxyType(
    {
        "identical": f"{ALWAYS} a new job with an equal recipe is too, whoever paints beside it.",
        "close": f"{ALWAYS} a new job with an equal recipe is within 2/255 a value, for rows matter on this device.",
        "untested": f"{ALWAYS} whether a new job with an equal recipe is too, is tested when the device first paints.",
    }
)
"""What each word of core/promise.py means to people."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Hold what the checks look at; main.py fills it in.

    loaded and studio: the error where they could not be had. version_of: an installed package's version, None where it
    is missing. free_bytes: room on the disk of a folder. probe: the device's facts (device, dtype, threads, torch, and
    name and memory where there is a GPU); it may take seconds and may raise. discord: what Discord says of a token.
    """

    root: Path
    data: Path
    python: tuple[int, int, int]
    environ: Mapping[str, str]
    loaded: Loaded | StudioError
    studio: Studio | StudioError
    version_of: Callable[[str], str | None]
    free_bytes: Callable[[Path], int]
    probe: Callable[[], Mapping[str, Any]]
    discord: Callable[[str], Awaitable[Sequence[Finding]]]


async def run(args: Sequence[str], patient: Patient, console: Console) -> int:
    """Print every finding; return 1 where something is bad."""
    given = take("doctor", args, (), passes_flags=False)
    if given.words:
        raise BadInput("./limner doctor takes no words.", "Type it alone.")
    plain = (python, packages, disk, settings, token, device)
    found = [check(patient) for check in plain] + [
        await database(patient),
        await model(patient),
        await promise(patient),
        *await discord(patient),
    ]
    if given.json:
        rows = [{"name": f.name, "word": f.word, "sentence": f.sentence, "to_do": f.to_do} for f in found]
        console.data(rows)
    else:
        tell(found, console)
    return 1 if any(finding.word == "bad" for finding in found) else 0


def tell(found: Sequence[Finding], console: Console) -> None:
    """Print findings, each with what to do below it."""
    for finding in found:
        console.say(f"{finding.word:<5} {finding.name}: {finding.sentence}")
        if finding.to_do:
            console.say(f"      {finding.to_do}")


def python(patient: Patient) -> Finding:
    """Check Python's version."""
    version = ".".join(map(str, patient.python))
    if patient.python < (3, 11):
        return Finding("python", "bad", f"This is Python {version}.", "Limner needs 3.11 or newer.")
    return Finding("python", "ok", f"Python {version}.")


def packages(patient: Patient) -> Finding:
    """Check that every package of requirements/base.txt is here in the version it was tried with."""
    missing, other, count = [], [], 0
    for line in (patient.root / "requirements" / "base.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(("#", "-")) or not (found := PINNED.match(line)):
            continue
        name, wanted = found.groups()
        here = patient.version_of(name)
        count += 1
        if here is None:
            missing.append(name)
        elif wanted and here.partition("+")[0] != wanted:
            other.append(f"{name} {here} (wanted {wanted})")
    if missing:
        return Finding("packages", "bad", f"Not installed: {', '.join(missing)}.", "Run ./limner, which installs them.")
    if other:
        advice = "It may work; ./limner installs the versions that were tried together once .venv is deleted."
        return Finding("packages", "warn", f"Other versions: {', '.join(other)}.", advice)
    return Finding("packages", "ok", f"All {count} are installed.")


def disk(patient: Patient) -> Finding:
    """Check that the data folder can be written and has room."""
    if not patient.data.is_dir():
        return Finding("disk", "bad", f"There is no data folder {patient.data}.", "Make it, or set LIMNER_DATA.")
    mode = patient.data.stat().st_mode & 0o777
    if mode & 0o077:
        return Finding(
            "disk", "warn", f"{patient.data} can be read by others (mode {mode:o}).", f"chmod 700 {patient.data}"
        )
    free = patient.free_bytes(patient.data)
    room = f"{free / GIGABYTE:.1f} GB are free in {patient.data}."
    if isinstance(patient.loaded, Loaded) and free < patient.loaded.config.storage.min_free_mb * 1_000_000:
        return Finding("disk", "bad", f"{room} No job is accepted.", "Make room, or lower storage.min_free_mb.")
    return Finding("disk", "ok", room)


def settings(patient: Patient) -> Finding:
    """Check that the settings can be read, and name how many the owner changed."""
    if isinstance(patient.loaded, StudioError):
        return _bad("settings", patient.loaded)
    changed = [name for name, _, origin in patient.loaded.rows() if origin != "config.toml"]
    return Finding("settings", "ok", f"Changed: {', '.join(changed)}." if changed else "All at their defaults.")


def token(patient: Patient) -> Finding:
    """Check that the bot's token looks like one; it is never printed."""
    value = patient.environ.get("DISCORD_TOKEN", "")
    if not value:
        return Finding("token", "ok", "DISCORD_TOKEN is not set: the page and the command line work, Discord is off.")
    if value != value.strip() or value.strip("\"'") != value or value.lower().startswith("bot "):
        return Finding("token", "warn", "DISCORD_TOKEN has blanks, quotes or `Bot` around it.", "./limner setup")
    if not TOKEN.fullmatch(value):
        return Finding("token", "warn", "DISCORD_TOKEN does not look like a bot's token.", "./limner setup")
    return Finding("token", "ok", "DISCORD_TOKEN looks right; only Discord can say whether it is.")


def device(patient: Patient) -> Finding:
    """Check that the device answers."""
    try:
        facts = dict(patient.probe())
    except StudioError as error:
        return _bad("device", error)
    except (ImportError, OSError, RuntimeError) as error:
        return Finding("device", "bad", f"It does not answer: {error}.", "Set engine.device to cpu.")
    return Finding("device", "ok", ", ".join(f"{name} {value}" for name, value in facts.items() if value != "") + ".")


async def database(patient: Patient) -> Finding:
    """Check that the log opens and answers."""
    if isinstance(patient.studio, StudioError):
        return _bad("database", patient.studio)
    try:
        health = await patient.studio.health()
    except StudioError as error:
        return _bad("database", error)
    kind = "SQLite"
    if isinstance(patient.loaded, Loaded) and patient.loaded.config.storage.database:
        kind = "PostgreSQL"
    return Finding(
        "database", "ok", f"{kind} answers; {health['last_move']} moves are written. State: {health['state']}."
    )


async def model(patient: Patient) -> Finding:
    """Check that the Model that paints by default is ready."""
    if isinstance(patient.studio, StudioError):
        return Finding("model", "bad", "It cannot be looked at without the database.", "Mend that first.")
    try:
        models = await patient.studio.models()
    except StudioError as error:
        return _bad("model", error)
    default = next((each for each in models if each["default"]), None)
    if default is None:
        names = ", ".join(each["name"] for each in models)
        return Finding("model", "bad", "models.default names no model.", f"There is: {names}.")
    if default["state"] == "broken":
        return Finding("model", "bad", f"{default['name']}: {default['why']}", "Name another in models.default.")
    broken = [f"{each['name']} ({each['why']})" for each in models if each["state"] == "broken"]
    if broken:
        return Finding("model", "warn", f"Broken: {', '.join(broken)}.", "Mend models.folders in data/config.toml.")
    return Finding("model", "ok", f"{default['name']} ({default['state']}), {len(models)} in all.")


async def promise(patient: Patient) -> Finding:
    """Say what this machine can promise of two jobs with an equal Recipe."""
    if isinstance(patient.studio, StudioError):
        return Finding("promise", "bad", "It cannot be looked at without the database.", "Mend that first.")
    try:
        told = (await patient.studio.health())["equal_recipe"]
    except StudioError as error:
        return _bad("promise", error)
    return Finding("promise", "ok", PROMISES[told])


async def discord(patient: Patient) -> Sequence[Finding]:
    """Ask Discord about token, servers, permissions and commands, where the token looks like one."""
    value = patient.environ.get("DISCORD_TOKEN", "")
    if not TOKEN.fullmatch(value):
        return ()
    try:
        return await patient.discord(value)
    except Unavailable as error:
        return (Finding("discord", "warn", error.sentence, error.hint),)
    except StudioError as error:
        return (_bad("discord", error),)


def _bad(name: str, error: StudioError) -> Finding:
    return Finding(name, "bad", error.sentence, error.hint)
