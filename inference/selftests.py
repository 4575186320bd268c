"""SelfTests: what the self-test said of each Model on this device, kept beyond this process; imports no torch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal, Self

from core.ports import Archive
from core.promise import Ground
from inference.device import DeviceChoice, known_facts
from inference.quantised import FEW_SWITCHES, as_loaded, spared

log = logging.getLogger(__name__)


class SelfTests(MutableMapping[str, str]):
    """Map a Model, as `as_loaded` calls it, to `equal` or `differs`; what was said under other facts is not found.

    noted: what earlier processes kept. keep: writes one word by name; it is called on the device's thread.
    """

    def __init__(
        self,
        choice: DeviceChoice,
        sizes: Sequence[int],
        mode: Literal["fast", "exact"],
        noted: Mapping[str, Any],
        keep: Callable[[str, str], None],
    ) -> None:
        self._facts = known_facts(choice)
        self._rows = max(sizes) if mode == "exact" else 0
        tried = " ".join(str(size) for size in sorted(sizes))
        under = ", ".join(f"{key} {value}" for key, value in {**self._facts, "rows": tried}.items())
        self._prefix = f"self_test {choice.device}: {under}, model "
        self._keep = keep
        start = len(self._prefix)
        self._said = {key[start:]: str(word) for key, word in noted.items() if key.startswith(self._prefix)}

    @classmethod
    async def read(
        cls, archive: Archive, choice: DeviceChoice, sizes: Sequence[int], mode: Literal["fast", "exact"]
    ) -> Self:
        """Return what was said before, as the Archive keeps it; new words are written there."""
        loop = asyncio.get_running_loop()

        def keep(name: str, word: str) -> None:
            # Not waited for: the device goes on, and a word that was lost is found again at the next start.
            asyncio.run_coroutine_threadsafe(archive.override({name: word}), loop).add_done_callback(_tell_if_lost)

        return cls(choice, sizes, mode, await archive.overrides(), keep)

    def ground(self, digest: str, kind: str = "") -> Ground:
        """Return what a Picture of a Model, as it is loaded, would be painted under now."""
        facts = {**self._facts, "quantised": kind or None}
        if kind:
            facts |= {**FEW_SWITCHES, "profile": spared(str(self._facts["profile"]), kind)}
        return Ground(facts, self._rows, self._said.get(as_loaded(digest, kind), "untested"))

    def __getitem__(self, digest: str) -> str:
        return self._said[digest]

    def __setitem__(self, digest: str, word: str) -> None:
        self._said[digest] = word
        self._keep(self._prefix + digest, word)

    def __delitem__(self, digest: str) -> None:
        del self._said[digest]

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)


def _tell_if_lost(writing: Future[None]) -> None:
    if not writing.cancelled() and (error := writing.exception()) is not None:
        log.warning("the self-test's word could not be kept: %s", error)
