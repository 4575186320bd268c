"""The program: `python main.py` runs every configured face, `python main.py VERB` does one thing."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from build import STUCK_EXIT, Program, build
from cli import app as command_line
from cli.console import Console
from core.chronicle import LagProbe
from core.config import Config
from core.lock import DataLock, RunNote
from core.logs import FILE, to_file, to_stream, tune
from core.records import CrashPoint, milliseconds, nothing
from home import TOKEN, Home, Say, Stop, close, open_browser
from parts import MakeEngine, answer_soon, settle

MODELS_WAIT_S = 1.0
"""Models seen before are read in this time; large new ones are read while the page is up and says so."""


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

    answer_soon()
    lock = DataLock(data)
    lock.take()
    writing = _keep_log(config, data)
    program = await build(config, data, make_engine=make_engine, at=at)
    bearer, stop = secrets.token_urlsafe(32), _stop_event()
    page = Page(
        program.studio,
        program.archive,
        host=config.page.host,
        port=config.page.port,
        public_url=config.page.public_url,
        trusted_network=config.page.trusted_network,
        proxies=config.page.proxies,
        clock=milliseconds,
        bearer=bearer,
        secret=secrets.token_urlsafe(24),
        randomness=secrets.token_bytes,
        metrics=program.chronicle.metrics,
    )
    lag = LagProbe(program.chronicle.meters)
    await program.read_models(MODELS_WAIT_S)
    url = await page.start()
    lock.write(RunNote(os.getpid(), url, bearer))
    say(f"Limner is at {url}")
    if config.page.public_url:
        say(f"People with accounts come by {config.page.public_url}")
    await program.start()
    lag.start()
    settling = asyncio.create_task(settle(program.queue.ready), name="settle")
    faces: list[Stop] = [page.stop]
    if token := environ.get(TOKEN, ""):
        faces += await _discord(program, token, say)
    if config.page.open_browser:
        open_browser(url, environ)
    code = await _until(stop, program.queue.broken)
    say("Stopping: what is nearly done is finished, the rest is painted at the next start.")
    lag.stop()
    settling.cancel()
    await close(program, faces)
    logging.getLogger().removeHandler(writing)
    writing.close()
    lock.release()
    return code


def _keep_log(config: Config, data: Path) -> logging.Handler:
    """Write the log to data/logs too, which whoever holds the lock alone may do; the settings rule from here on."""
    kept, root = config.log, logging.getLogger()
    path = data / FILE
    handler = to_file(path, kept.level, kept.form, most_bytes=kept.file_mb * 1_000_000, kept=kept.files)
    root.addHandler(handler)
    tune(root, kept.level, kept.form)
    return handler


async def _until(stop: asyncio.Event, broken: asyncio.Event) -> int:
    """Wait for the order to stop (0), or for the device to break: then only a new process helps."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, broken)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    return 0 if stop.is_set() else STUCK_EXIT


async def _discord(program: Program, token: str, say: Say) -> list[Stop]:
    """Connect Discord, where no other program on the database serves the same servers; the page goes on either way."""
    # Imported here: who has no token does not wait for discord.py.
    from bot.client import start

    wanted = program.config.discord
    if not await program.archive.take_name(f"discord shard {wanted.shard}"):
        say(
            f"Another program on this database serves shard {wanted.shard} of Discord: give each its own discord.shard."
        )
        return []
    shard = wanted.shard, wanted.shards
    book, page = program.archive, program.config.page.public_url
    return [await start(program.studio, program.faces, token, wanted.guilds, shard, say, book=book, page=page)]


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


def main(argv: list[str]) -> int:
    """Do what the command line says and return the exit code."""
    root = logging.getLogger()
    root.addHandler(to_stream(sys.stderr, "error", "line"))
    if not argv:
        tune(root, "info", "line")
    # Each migration is told at this level; it is news to nobody but who writes them.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    console = Console.of(sys.stdout, sys.stderr, sys.stdin, os.environ)
    home = Home(os.environ, console.say, serve)
    doors = command_line.Doors(
        load=home.load,
        serve=home.serve,
        open_studio=home.studio,
        examine=home.examine,
        bench=home.bench,
        restore=home.restore,
        look_for_mark=home.look_for_mark,
        shop=home.shop,
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
