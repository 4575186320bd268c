"""Follow: asks for Jobs, shows how they go on and ends when the last one has; Ctrl-C cancels what is open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from cli.desk import Desk
from core import wording
from core.errors import LimitReached, ModelUnavailable, StudioError, Unavailable
from core.job import ENDED
from core.records import Event
from core.sheet import JobSheet
from core.studio import Ask

OVER = frozenset({"rendered", *ENDED})
"""States after which nothing more is painted."""
LOOK_AGAIN_S = 0.2
CALL_OFF_S = 20.0

Ended = Callable[[JobSheet], Awaitable[None]]
Asked = Callable[[list[JobSheet]], None]


class Interrupted(Exception):
    """Tell that Ctrl-C called off what was open."""


class Follower:
    """Hold the Jobs of one command from asking to their end. `asked` hears of accepted Jobs, `ended` of ended ones."""

    def __init__(self, desk: Desk, asked: Asked, ended: Ended) -> None:
        self._desk, self._asked, self._ended = desk, asked, ended
        self._seen: dict[str, JobSheet] = {}
        self._open: dict[str, JobSheet] = {}
        self._ending: set[str] = set()
        self._stepped: set[str] = set()
        self._order: list[str] = []
        self._woken = asyncio.Event()

    async def run(self, asks: Sequence[Callable[[], Awaitable[list[JobSheet]]]]) -> list[JobSheet]:
        """Ask for each in turn and wait for the end of all; return the final sheets in the order asked for."""
        after = int((await self._desk.studio.health())["last_move"])
        listener = asyncio.create_task(self._listen(after))
        listener.add_done_callback(lambda _: self._woken.set())
        try:
            for ask in asks:
                await self._accept(ask, listener)
            while self._open:
                await self._turn(listener)
        except asyncio.CancelledError:
            await self._call_off(listener)
            raise Interrupted from None
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
        return [self._seen[job_id] for job_id in self._order]

    async def _accept(self, ask: Callable[[], Awaitable[list[JobSheet]]], listener: asyncio.Task[None]) -> None:
        """Ask until it is accepted: a Limit that opens again is waited for, and so is a Model that is being read."""
        while True:
            asking = asyncio.ensure_future(ask())
            try:
                sheets = await asyncio.shield(asking)
            except asyncio.CancelledError:
                # Ctrl-C met the asking half-way: what was accepted all the same must be cancelled too.
                accepted = await asyncio.gather(asking, return_exceptions=True)
                await self._register([sheet for found in accepted if isinstance(found, list) for sheet in found])
                raise
            except LimitReached as error:
                await self._until_open(error, listener)
            except ModelUnavailable:
                if not any(model["state"] == "reading" for model in await self._desk.studio.models()):
                    raise
                self._desk.console.status("The model is being read for the first time.")
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                await self._register(sheets)
                return

    async def _until_open(self, error: LimitReached, listener: asyncio.Task[None]) -> None:
        if error.opens_at is not None:
            left_s = max((error.opens_at - self._desk.clock()) / 1000, LOOK_AGAIN_S)
            self._desk.console.status(f"{error.sentence} Waiting {wording.span(left_s)}.")
            await asyncio.wait({listener}, timeout=left_s)
            _raise_from(listener)
        elif self._open:
            await self._turn(listener)
        else:
            raise error

    async def _register(self, sheets: list[JobSheet]) -> None:
        self._asked(sheets)
        for sheet in sheets:
            self._order.append(sheet["id"])
            for note in sheet["notes"]:
                self._desk.console.note(note)
            newest = self._seen.setdefault(sheet["id"], sheet)
            self._open[sheet["id"]] = newest
            if newest["state"] == "queued":
                self._desk.console.status(newest["sentence"])
            await self._settle(newest)

    async def _turn(self, listener: asyncio.Task[None]) -> None:
        """Wait until a Job ended; pass on what went wrong with listening."""
        await self._woken.wait()
        self._woken.clear()
        _raise_from(listener)

    async def _listen(self, after: int) -> None:
        async for event in self._desk.studio.watch(self._desk.person, self._desk.place, after):
            if event["type"] == "move":
                self._seen[event["job"]["id"]] = event["job"]
                await self._settle(event["job"])
            else:
                self._tell(event)
        raise Unavailable("The program stopped while this was painted.", "Nothing is lost: see ./limner history.")

    async def _settle(self, sheet: JobSheet) -> None:
        """Close a Job of ours that is over, once; it stays open until its Pictures are written."""
        job_id = sheet["id"]
        if job_id not in self._open or job_id in self._ending:
            return
        if sheet["state"] in OVER:
            self._ending.add(job_id)
            try:
                await self._ended(sheet)
                del self._open[job_id]
            finally:
                self._ending.discard(job_id)
            self._woken.set()
        elif sheet["state"] == "running" and job_id not in self._stepped:
            self._desk.console.status(self._which(job_id) + sheet["sentence"])

    def _tell(self, event: Event) -> None:
        """Show a passing event of the first open Job; the others wait behind it."""
        sheet = next(iter(self._open.values()), None)
        if sheet is None or event["job"] != sheet["id"]:
            return
        if event["type"] == "waiting":
            self._desk.console.status(self._which(sheet["id"]) + event["sentence"])
            return
        self._stepped.add(sheet["id"])
        step, of = int(event["step"]), int(event["of"])
        told = wording.stepping(step, of, int(event["picture"]), len(sheet["pictures"]), event["eta_s"])
        self._desk.console.bar(self._which(sheet["id"]) + told, step, of)

    def _which(self, job_id: str) -> str:
        jobs = len(self._order)
        return f"Job {self._order.index(job_id) + 1} of {jobs}: " if jobs > 1 else ""

    async def _call_off(self, listener: asyncio.Task[None]) -> None:
        """Cancel what is open and wait until it has ended, so that what was painted is kept and told."""
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        for job_id in list(self._open):
            await self._desk.studio.cancel(self._desk.person, self._desk.place, job_id)
        try:
            async with asyncio.timeout(CALL_OFF_S):
                for job_id in list(self._open):
                    await self._settle(self._seen[job_id])
                while self._open:
                    await self._turn(listener)
        except TimeoutError:
            self._desk.console.note("It is still being stopped; ./limner history shows how it ended.")
        except StudioError as error:
            self._desk.console.problem(error)


def ask_for(desk: Desk, ask: Ask) -> Callable[[], Awaitable[list[JobSheet]]]:
    """Return the asking for one Ask, to be tried as often as needed: its source makes it one Job all the same."""
    return lambda: desk.studio.ask(ask)


def _raise_from(listener: asyncio.Task[None]) -> None:
    if listener.done():
        listener.result()
