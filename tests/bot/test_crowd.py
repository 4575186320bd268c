"""Of all who ask at once a few are in hand, and each card is laid out in a turn of its own."""

from __future__ import annotations

import asyncio

from bot.crowd import IN_HAND, Crowd


async def test_a_few_are_in_hand_at_a_time_and_all_come_through_in_order() -> None:
    crowd, inside, most, done = Crowd(), 0, 0, list[int]()

    async def ask(number: int) -> None:
        nonlocal inside, most
        async with crowd.in_hand():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
        done.append(number)

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert most == IN_HAND and done == list(range(20))


async def test_an_ask_that_fails_gives_its_hand_back() -> None:
    crowd = Crowd()

    async def fail() -> None:
        async with crowd.in_hand():
            raise ValueError

    await asyncio.gather(*(fail() for _ in range(2 * IN_HAND)), return_exceptions=True)
    async with asyncio.timeout(5), crowd.in_hand():
        pass


async def test_no_two_cards_are_laid_out_in_one_turn_of_the_loop() -> None:
    crowd, turn, at = Crowd(), 0, list[int]()

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def card() -> None:
        await crowd.turn()
        at.append(turn)

    counting = asyncio.create_task(count())
    await asyncio.gather(*(card() for _ in range(10)))
    counting.cancel()
    assert len(set(at)) == 10
