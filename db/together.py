"""Together: writing works that wait at the same time share one transaction, each behind a savepoint of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

MOVES = frozenset({"accept", "promise", "store", "finish", "deliver"})
"""Moves that may be done twice where the first try was rolled back: each is undone as a whole by the database."""

MOST = 16
"""Works of one transaction; the first of them waits for the last."""

Outcome = tuple[Any, Exception | None]


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Be one work that waits, and who waits for it."""

    work: Callable[[Session], Any]
    move: str
    wait_ms: int
    done: Future[Any] = field(default_factory=Future)

    def settle(self, outcome: Outcome) -> None:
        """Tell who waits what came of it."""
        found, error = outcome
        if error is None:
            self.done.set_result(found)
        else:
            self.done.set_exception(error)

    def by_itself(self, write: Callable[[], Any]) -> None:
        """Do the work in a transaction of its own."""
        try:
            self.settle((write(), None))
        except Exception as error:
            self.settle((None, error))


class Inbox:
    """Hold the works that wait; filled by any thread, emptied by the writing one."""

    def __init__(self) -> None:
        self._waiting: deque[Order] = deque()

    def put(self, order: Order) -> None:
        """Add a work."""
        self._waiting.append(order)

    def take(self) -> list[Order]:
        """Return the next works, without those nobody waits for any more."""
        found: list[Order] = []
        while self._waiting and len(found) < MOST:
            order = self._waiting.popleft()
            if order.done.set_running_or_notify_cancel():
                found.append(order)
        return found


def behind_savepoints(
    connection: Connection, orders: Sequence[Order], last: Callable[[Session], None]
) -> list[Outcome]:
    """Do each work so that its failure undoes nothing of the others; a database's own error undoes all."""
    return [_behind_savepoint(connection, order, last) for order in orders]


def _behind_savepoint(connection: Connection, order: Order, last: Callable[[Session], None]) -> Outcome:
    try:
        with (
            Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session,
            session.begin(),
        ):
            found = order.work(session)
            session.flush()
            last(session)
    except DBAPIError:
        # After one of these no savepoint is to be trusted.
        raise
    except Exception as error:
        return None, error
    return found, None
