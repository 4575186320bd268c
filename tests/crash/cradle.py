"""A parent that has imported everything and forks the programs to be killed, each started in tenths of a second."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
LATE = ("bot.client", "web.app", "db.migrations.versions", "PIL.PngImagePlugin")
"""What the program imports only when it needs it."""


class Forked:
    """Be one program that a cradle forked: a process of its own, asked of as subprocess.Popen is."""

    def __init__(self, pid: int, ended: Path) -> None:
        self.pid, self._ended = pid, ended
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, -N where signal N killed it, None while it runs."""
        if self.returncode is None and self._ended.exists():
            self.returncode = int(self._ended.read_text())
        return self.returncode

    def wait(self, timeout_s: float) -> int:
        """Wait for the end and return the exit code."""
        until = time.monotonic() + timeout_s
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise TimeoutError(f"process {self.pid} did not end")
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            # It may have ended and not be written down yet.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)


class Cradle:
    """Fork programs on demand; what each wrote and how it ended lies beside its data folder."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.cradle"],
            cwd=HOME, env={**os.environ, "PYTHONPATH": str(HOME), "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def fork(self, data: Path, environ: Mapping[str, str]) -> Forked:
        """Start the entry on a data folder."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"data": str(data), "environ": dict(environ)}) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        return Forked(pid, data.parent / f"ended-{pid}")

    def close(self) -> None:
        """End the parent; what it forked goes on."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(30)


@contextmanager
def cradle() -> Iterator[Cradle]:
    """Have a parent for as long as programs are needed."""
    warm = Cradle()
    try:
        yield warm
    finally:
        warm.close()


def main() -> None:
    """Read one order a line and fork a keeper for each, which waits for its program and writes down how it ended."""
    from tests.crash import entry

    for name in LATE:
        importlib.import_module(name)
    # Nobody waits for the keepers.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        if os.fork() == 0:
            _keep(Path(order["data"]), order["environ"], entry.start)


def _keep(data: Path, environ: Mapping[str, str], start: Callable[[Path], int]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        log = os.open(data.parent / "server.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for old, new in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(old, new)
        os.environ.update(environ)
        code = 1
        try:
            code = start(data)
        finally:
            sys.stdout.flush()
            os._exit(code)
    print(pid, flush=True)
    _, status = os.waitpid(pid, 0)
    told = data.parent / f"ended-{pid}.part"
    told.write_text(str(os.waitstatus_to_exitcode(status)))
    told.rename(data.parent / f"ended-{pid}")
    os._exit(0)


if __name__ == "__main__":
    main()
