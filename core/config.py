"""The owner's settings: one frozen model per table of config.toml, environment over file, unknown keys refused."""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.errors import BadConfig

PREFIX = "LIMNER__"
ADDRESS = r"^(https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/-]*)?)?$"
"""An http or https address without query and fragment, or nothing."""


class Table(BaseModel):
    """Be one table of config.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Table):
    """Say where the chat page listens."""

    host: str
    port: int = Field(ge=0, le=65535)
    open_browser: bool
    public_url: str = Field(pattern=ADDRESS)
    trusted_network: bool
    proxies: tuple[str, ...]

    @field_validator("proxies")
    @classmethod
    def _networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for each in proxies:
            ipaddress.ip_network(each)
        return proxies


class Models(Table):
    """Name the Models by folder and the one that paints by default."""

    default: str
    folders: dict[str, str]
    quantised: dict[str, str]
    loras: str
    embeddings: str
    watermark: bool
    controls: dict[str, str]


class EngineTable(Table):
    """Say how the device is used."""

    device: Literal["auto", "cpu", "cuda"]
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    threads: int = Field(ge=0, le=512)
    memory_format: Literal["contiguous", "channels_last"]
    attention: Literal["sdpa", "fused-qkv"]
    profile: Literal["auto", "high", "balanced", "low"]
    mode: Literal["fast", "exact"]
    rows: tuple[int, ...] = Field(min_length=1)
    previews: int = Field(ge=0, le=50)
    loaded: int = Field(ge=1, le=100)
    memory_mb: int = Field(ge=0)


class LimitsTable(Table):
    """Say what one Person may do."""

    waiting: int = Field(ge=0)
    per_minute: int = Field(ge=0)
    day_cost: int = Field(ge=0)
    day_files: int = Field(ge=0)


class AuditTable(Table):
    """Say how many logged Pictures are made again while nobody asks for one."""

    per_day: int = Field(ge=0, le=1000)


class Storage(Table):
    """Say where all is kept."""

    database: str
    files: str
    min_free_mb: int = Field(ge=0)


class LogTable(Table):
    """Say what is written to the log, in which form, and how much of it is kept."""

    level: Literal["debug", "info", "warning", "error"]
    form: Literal["line", "json"]
    file_mb: int = Field(ge=1, le=10_000)
    files: int = Field(ge=0, le=1000)


class Keeping(Table):
    """Say how long files are kept; 0 = for ever, without bound."""

    pictures_days: int = Field(ge=0)
    sketches_days: int = Field(ge=0)
    disk_mb: int = Field(ge=0)
    backups_days: int = Field(ge=0)


class Discord(Table):
    """Say how the Discord face registers its commands."""

    guilds: tuple[int, ...]
    shard: int = Field(ge=0)
    shards: int = Field(ge=1)

    @model_validator(mode="after")
    def _shard_of_shards(self) -> Self:
        if self.shard >= self.shards:
            raise ValueError(f"discord.shard is {self.shard} of {self.shards}; count from 0")
        return self


class Config(Table):
    """Hold every setting; build it with `load`."""

    page: Page
    models: Models
    engine: EngineTable
    limits: LimitsTable
    audit: AuditTable
    storage: Storage
    keeping: Keeping
    log: LogTable
    discord: Discord


class Loaded:
    """Hold the settings and, for each `table.key`, where its value comes from."""

    def __init__(self, config: Config, origins: Mapping[str, str]) -> None:
        self.config = config
        self.origins = dict(origins)

    def rows(self) -> list[tuple[str, Any, str]]:
        """Return (table.key, value, origin) of every setting, in the file's order."""
        plain = self.config.model_dump()
        return [(name, plain[name.split(".")[0]][name.split(".")[1]], origin) for name, origin in self.origins.items()]


def load(default: Path, owner: Path, environ: Mapping[str, str]) -> Loaded:
    """Read config.toml, the owner's file over it (where it is there) and LIMNER__ variables over both."""
    tables = _read(default)
    origins = {f"{table}.{key}": default.name for table, keys in tables.items() for key in keys}
    _lay(tables, origins, _read(owner) if owner.exists() else {}, str(owner))
    _lay_environment(tables, origins, environ)
    try:
        return Loaded(Config.model_validate(tables), origins)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:2])
        found = origins.get(name, default.name)
        raise BadConfig(f"{name} in {found}: {first['msg'].lower()} (it is {first['input']!r}).") from error


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} cannot be read: {error}.", "Mend that line, or delete the file.") from error
    for table, keys in found.items():
        if not isinstance(keys, dict):
            raise BadConfig(f"{path}: {table} stands outside a [table].", f"Write it under one of {_names(found)}.")
    return found


def _lay(
    tables: dict[str, dict[str, Any]], origins: dict[str, str], over: dict[str, dict[str, Any]], origin: str
) -> None:
    for table, keys in over.items():
        for key, value in keys.items():
            if "token" in key.lower() or "secret" in key.lower():
                raise BadConfig(f"{origin}: {table}.{key} is a secret.", "Secrets come from the environment alone.")
            name = f"{table}.{key}"
            if name not in origins:
                raise BadConfig(f"{origin}: there is no setting {name}.", _nearest(name, origins))
            tables[table][key] = value
            origins[name] = origin


def _lay_environment(tables: dict[str, dict[str, Any]], origins: dict[str, str], environ: Mapping[str, str]) -> None:
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        name = variable[len(PREFIX) :].lower().replace("__", ".", 1)
        if name not in origins:
            near = {f"{PREFIX}{known.replace('.', '__').upper()}": "" for known in origins}
            raise BadConfig(f"{variable} sets nothing.", _nearest(variable, near))
        table, key = name.split(".")
        tables[table][key] = _typed(tables[table][key], environ[variable], variable)
        origins[name] = variable


def _typed(known: Any, text: str, variable: str) -> Any:
    """Return an environment variable's text as TOML would read it; a bare word is a string."""
    if isinstance(known, str):
        return text
    try:
        return cast(Any, tomllib.loads(f"x = {text}"))["x"]
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{variable}={text} cannot be read.", f"It looks like {known!r} in config.toml.") from error


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"The nearest is {near[0]}." if near else ""


def _names(tables: Mapping[str, Any]) -> str:
    return (
        ", ".join(f"[{table}]" for table, keys in tables.items() if isinstance(keys, dict))
        or "the tables of config.toml"
    )
