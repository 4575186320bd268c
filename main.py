"""The program: `python main.py` runs every configured face, `python main.py VERB` does one thing."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
import os
import secrets
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

from build import HOME, STUCK_EXIT, Program, build, milliseconds
from cli import app as command_line
from cli.console import Console
from cli.doctor import Patient
from cli.help import Needs
from core.config import Config, Loaded, load
from core.errors import AlreadyRunning, StudioError
from core.lock import DataLock, RunNote
from core.records import CrashPoint, nothing
from core.studio import Studio
from db.archive import free_bytes
from parts import MakeEngine, probe

STOP_S = 25.0
MODELS_WAIT_S = 1.0
"""Models seen before are read in this time; large new ones are read while the page is up and says so."""

Stop = Callable[[], Awaitable[None]]
Say = Callable[[str], None]


async def serve(
    config: Config,
    data: Path,
    *,
    environ: Mapping[str, str],
    say: Say,
    make_engine: MakeEngine | None = None,
    at: CrashPoint = nothing,
) -> int:
    """Run every configured face until told to stop; takes the lock on the data folder."""
    from web.app import Page

    lock = DataLock(data)
    lock.take()
    program = await build(config, data, make_engine=make_engine, at=at)
    bearer, stop = secrets.token_urlsafe(32), _stop_event()
    page = Page(
        program.studio,
        program.archive,
        host=config.page.host,
        port=config.page.port,
        clock=milliseconds,
        bearer=bearer,
        secret=secrets.token_urlsafe(24),
        randomness=secrets.token_bytes,
    )
    await program.read_models(MODELS_WAIT_S)
    url = await page.start()
    lock.write(RunNote(os.getpid(), url, bearer))
    say(f"Limner is at {url}")
    await program.start()
    faces: list[Stop] = [page.stop]
    if token := environ.get("DISCORD_TOKEN", ""):
        faces.append(await _discord(program, token, say))
    if config.page.open_browser:
        open_browser(url, environ)
    code = await _until(stop, program.queue.broken)
    say("Stopping: what is nearly done is finished, the rest is painted at the next start.")
    await _close(program, faces)
    lock.release()
    return code


async def _until(stop: asyncio.Event, broken: asyncio.Event) -> int:
    """Wait for the order to stop (0), or for the device to break: then only a new process helps."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, broken)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    return 0 if stop.is_set() else STUCK_EXIT


async def _close(program: Program, faces: Sequence[Stop] = ()) -> None:
    """End every part within STOP_S; what is not done by then is in the log and goes on at the next start."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await program.close()
            for stop in reversed(faces):
                await stop()


async def _discord(program: Program, token: str, say: Say) -> Stop:
    # Imported here: who has no token does not wait for discord.py.
    from bot.client import start

    return await start(program.studio, program.faces, token, program.config.discord.guilds, say)


def open_browser(url: str, environ: Mapping[str, str]) -> None:
    """Open the page where somebody can see it; a machine without a screen gets the address alone."""
    if sys.platform != "linux" or environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)


def _stop_event() -> asyncio.Event:
    """Return an event that the first SIGTERM or Ctrl-C sets; a second one ends the program at once."""
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    return stop


class Home:
    """Open for the command line what it needs; environ is the process's, with the owner's data/env under it."""

    def __init__(self, environ: Mapping[str, str], say: Say) -> None:
        self._data = Path(environ.get("LIMNER_DATA") or HOME / "data").expanduser().absolute()
        self._environ = {**read_env(self._data / "env"), **environ}
        self._say = say

    def load(self) -> Loaded:
        """Read the settings."""
        return load(HOME / "config.toml", self._data / "config.toml", self._environ)

    async def serve(self, loaded: Loaded) -> int:
        """Run every face; where Limner runs already, open its page and be done."""
        try:
            return await serve(loaded.config, self._data, environ=self._environ, say=self._say)
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
            await _close(program)
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
            )


def read_env(path: Path) -> dict[str, str]:
    """Read the owner's data/env: NAME=value lines; it holds the secrets, so it is never printed."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def main(argv: list[str]) -> int:
    """Do what the command line says and return the exit code."""
    logging.basicConfig(level=logging.ERROR if argv else logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    # Each migration is told at this level; it is news to nobody but who writes them.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    console = Console.of(sys.stdout, sys.stderr, sys.stdin, os.environ)
    home = Home(os.environ, console.say)
    doors = command_line.Doors(
        load=home.load,
        serve=home.serve,
        open_studio=home.studio,
        examine=home.examine,
        clock=milliseconds,
        new_source=lambda: f"cli:{secrets.token_hex(12)}",
    )
    return command_line.main(argv, doors, console)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a thread still in a model call must not hold up the end, and everything that lasts is on the disk.
    os._exit(code)
