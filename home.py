"""Home: opens for the command line what it needs, on the owner's data folder."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import sys
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from build import HOME, Program, build
from cli.doctor import Patient
from cli.help import Needs
from cli.models import Shop
from cli.setup import Bench
from core.config import Loaded, load
from core.errors import AlreadyRunning, StudioError
from core.finding import Application, Finding
from core.lock import DataLock
from core.mark import Reading
from core.records import milliseconds
from core.studio import Studio
from db import backup
from db.archive import free_bytes
from db.intake import Intake
from inference import memory
from parts import probe

TOKEN = "DISCORD_TOKEN"
STOP_S = 25.0

Say = Callable[[str], None]
Stop = Callable[[], Awaitable[None]]


class Home:
    """Open for the command line what it needs; environ is the process's, with the owner's data/env under it.

    serve runs every face on a data folder; discord_api is Discord's own address, the tests' where they name one.
    """

    def __init__(
        self, environ: Mapping[str, str], say: Say, serve: Callable[..., Awaitable[int]], discord_api: str | None = None
    ) -> None:
        self._data = Path(environ.get("LIMNER_DATA") or HOME / "data").expanduser().absolute()
        self._kept = read_env(self._data / "env")
        self._outer = environ
        self._environ = {**self._kept, **environ}
        self._say, self._serve, self._discord_api = say, serve, discord_api

    def load(self) -> Loaded:
        """Read the settings."""
        return load(HOME / "config.toml", self._data / "config.toml", self._environ)

    async def serve(self, loaded: Loaded) -> int:
        """Run every face; where Limner runs already, open its page and be done."""
        try:
            return await self._serve(loaded.config, self._data, environ=self._environ, say=self._say)
        except AlreadyRunning as running:
            if running.url is None:
                raise
            self._say(f"Limner already runs, at {running.url}")
            if loaded.config.page.open_browser:
                open_browser(running.url, self._environ)
            return 0

    @asynccontextmanager
    async def studio(self, loaded: Loaded, needs: Needs) -> AsyncIterator[Studio]:
        """Give the Studio of this process, or of the one that holds the data folder."""
        lock = DataLock(self._data)
        try:
            lock.take()
        except AlreadyRunning:
            async with self._beside(lock) as studio:
                yield studio
            return
        program = await build(loaded.config, self._data)
        try:
            await program.read_models()
            if needs == "device":
                await program.start()
            yield program.studio
        finally:
            await close(program)
            lock.release()

    @asynccontextmanager
    async def _beside(self, lock: DataLock) -> AsyncIterator[Studio]:
        from web.client import RemoteStudio

        note = lock.note()
        if note is None:
            raise AlreadyRunning("Another Limner command works on this data folder.", "Wait until it is done.")
        async with RemoteStudio(note.url, note.bearer) as remote:
            # RemoteStudio has the Studio's public methods, which a test holds equal.
            yield cast(Studio, remote)

    @asynccontextmanager
    async def examine(self) -> AsyncIterator[Patient]:
        """Give the doctor all it looks at; what cannot be had is handed over as its error."""
        loaded: Loaded | StudioError
        studio: Studio | StudioError
        async with AsyncExitStack() as stack:
            try:
                loaded = self.load()
            except StudioError as error:
                loaded = studio = error
            else:
                try:
                    studio = await stack.enter_async_context(self.studio(loaded, "log"))
                except StudioError as error:
                    studio = error
            yield Patient(
                root=HOME,
                data=self._data,
                python=sys.version_info[:3],
                environ=self._environ,
                loaded=loaded,
                studio=studio,
                version_of=_version_of,
                free_bytes=free_bytes,
                probe=lambda: {} if isinstance(loaded, StudioError) else probe(loaded.config),
                discord=self._findings,
            )

    def restore(self, name: str, replace: bool) -> dict[str, Any]:
        """Bring a backup back; raise AlreadyRunning where somebody works on the data folder."""
        lock = DataLock(self._data)
        lock.take()
        try:
            return backup.restore(self._data, name, replace=replace, stamp=f"{milliseconds()}")
        finally:
            lock.release()

    def look_for_mark(self, raw: bytes) -> Sequence[Reading]:
        """Look for a watermark in a picture's file."""
        # Imported here: numbers in bulk are for this verb alone.
        from inference.finish import watermark
        from inference.finish.png import Pixels

        return watermark.readings(Pixels(*Intake().pixels(raw)))

    def shop(self) -> Shop:
        """Give what fetches a Model from the hub, the one thing that downloads."""
        # Imported here: the hub's library is for this verb alone.
        from inference.fetch import Hub, remove

        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        os.environ["HF_HUB_DISABLE_XET"] = "1"  # one way of fetching, which goes on where it ended
        models = self._data / "models"
        hub = Hub(models, self._environ.get("HF_TOKEN", ""), free_bytes, self._environ.get("HF_ENDPOINT"))
        return Shop(hub.offer, hub.get, partial(remove, models))

    def bench(self) -> Bench:
        """Give the set-up all it works with."""
        return Bench(
            standing=self._environ.get(TOKEN, ""),
            overruled=bool(self._outer.get(TOKEN)),
            inspect=self._inspect,
            register=self._register,
            keep=self._keep,
            memory=memory.vram,
        )

    async def _inspect(self, token: str) -> Application:
        # Imported here: who has no token does not wait for discord.py.
        from bot.portal import API, Portal
        from bot.registry import commands

        guilds = self.load().config.discord.guilds
        async with Portal(token, self._discord_api or API) as portal:
            return await portal.application(guilds, await commands())

    async def _register(self, token: str, application: Application) -> int:
        from bot.portal import API, Portal
        from bot.registry import commands

        guilds = self.load().config.discord.guilds
        async with Portal(token, self._discord_api or API) as portal:
            return await portal.register(application.id, guilds, await commands())

    async def _findings(self, token: str) -> Sequence[Finding]:
        return (await self._inspect(token)).findings

    def _keep(self, token: str) -> str:
        path = self._data / "env"
        write_env(path, TOKEN, token)
        return str(path)


async def close(program: Program, faces: Sequence[Stop] = ()) -> None:
    """End every part within STOP_S; what is not done by then is in the log and goes on at the next start."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await program.close()
            for stop in reversed(faces):
                await stop()


def read_env(path: Path) -> dict[str, str]:
    """Read the owner's data/env: NAME=value lines; it holds the secrets, so it is never printed."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def write_env(path: Path, name: str, value: str) -> None:
    """Set one NAME=value line of the owner's data/env; other lines stay, and it is written whole or not at all."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() != name]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name("env.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in [*kept, f"{name}={value}"]))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def open_browser(url: str, environ: Mapping[str, str]) -> None:
    """Open the page where somebody can see it; a machine without a screen gets the address alone."""
    if sys.platform != "linux" or environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
