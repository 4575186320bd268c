"""Fresh: many who ask share one reading, and nobody gets an old one."""

from __future__ import annotations

import asyncio

import pytest

from core.fresh import Fresh


async def test_who_asks_while_it_reads_waits_for_the_next_reading_and_shares_it() -> None:
    begun, gates = 0, [asyncio.Event(), asyncio.Event(), asyncio.Event()]

    async def read() -> int:
        nonlocal begun
        mine, begun = begun, begun + 1
        await gates[mine].wait()
        return mine

    fresh = Fresh(read)
    first = asyncio.create_task(fresh.get())
    for _ in range(3):
        await asyncio.sleep(0)
    others = [asyncio.create_task(fresh.get()) for _ in range(5)]
    await asyncio.sleep(0)
    others[0].cancel()
    for gate in gates:
        gate.set()
    assert await first == 0 and await asyncio.gather(*others[1:]) == [1] * 4
    assert await fresh.get() == 2 and begun == 3


async def test_what_a_reading_raises_everybody_is_told_and_the_next_one_reads_anew() -> None:
    turns = iter([ValueError("planted"), None])

    async def read() -> str:
        if (error := next(turns)) is not None:
            raise error
        return "read"

    fresh = Fresh(read)
    found = await asyncio.gather(fresh.get(), fresh.get(), return_exceptions=True)
    assert [str(each) for each in found] == ["planted", "planted"]
    assert await fresh.get() == "read"
    with pytest.raises(StopIteration):
        next(turns)
