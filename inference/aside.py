"""Aside: work in a thread of its own that goes on only when it is told to, from one pause to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Found = TypeVar("Found")
END_S = 10.0


class Left(BaseException):
    """Raised in the work at its pause when nobody wants it any more; no `except Exception` of a library stops it."""


class Aside(Generic[Found]):
    """Run `work(pause)` by turns: one side stands still while the other goes on, so a device has one owner."""

    def __init__(self, work: Callable[[Callable[[], None]], Found], name: str) -> None:
        """Prepare; nothing runs before the first `go`."""
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._mine = threading.Semaphore(0)
        self._theirs = threading.Semaphore(0)
        self._left = False
        self._error: BaseException | None = None
        self._found: Found | None = None
        self.over = False
        """Whether the work is done."""

    @property
    def found(self) -> Found:
        """Return what the work gave; it must be over."""
        assert self._found is not None
        return self._found

    def go(self) -> None:
        """Let the work go on to its next pause or its end; raise what it raised."""
        if self.over:
            return
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._mine.release()
        self._theirs.acquire()
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Leave the work where it stands; its thread ends."""
        self._left = True
        if self._thread.is_alive():
            self._mine.release()
            self._thread.join(END_S)

    def _pause(self) -> None:
        self._theirs.release()
        self._mine.acquire()
        if self._left:
            raise Left

    def _run(self) -> None:
        try:
            self._found = self._work(self._pause)
        except Left:
            pass
        except Exception as error:
            self._error = error
        finally:
            self.over = True
            self._theirs.release()
