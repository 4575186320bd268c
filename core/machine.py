"""Machine: what the owner's screen is told of this process and its device, and what it may do to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from core.recipe import ModelRef


async def _nothing(_: object) -> None:
    """Do nothing, where there is no device."""


async def _no_lines(_: str) -> list[dict[str, str]]:
    return []


@dataclass(frozen=True, slots=True)
class Machine:
    """Hold both. memory: bytes by what they are (`used`, `whole`, ...). held: digests of the Models in memory.

    lines: what the log says of a Job, by its id. load and unload wait until the device has nothing else to do.
    """

    memory: Callable[[], Mapping[str, int]] = dict
    held: Callable[[], Collection[str]] = tuple
    load: Callable[[ModelRef], Awaitable[None]] = _nothing
    unload: Callable[[str], Awaitable[None]] = _nothing
    lines: Callable[[str], Awaitable[list[dict[str, str]]]] = _no_lines
