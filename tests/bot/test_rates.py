"""Under rate limits previews stop first, bars second, and results come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.rates import CALM_MS, Rates
from core.progress import Stepping
from tests.bot.test_wire import painting
from tests.support.fake_engine import PREVIEW
from tests.support.loopback.faults import Fault
from tests.support.loopback.program import Wired, wired


def test_each_refusal_is_one_step_and_calm_takes_them_back() -> None:
    now = [0]
    rates = Rates(lambda: now[0])
    found = [(rates.previews, rates.bars)]
    for _ in range(3):
        rates.refused()
        found.append((rates.previews, rates.bars))
    for _ in range(3):
        now[0] += CALM_MS
        found.append((rates.previews, rates.bars))
    assert found == [(True, True), (False, True), *[(False, False)] * 2, (False, True), *[(True, True)] * 2]


async def shown(here: Wired, step: int) -> Any:
    """Tell a step with a preview; return the edit that shows it once it is answered."""
    (job_id,) = next(iter(here.rows("SELECT id FROM jobs ORDER BY id DESC LIMIT 1")))
    job = await here.program.archive.job(job_id)
    assert job is not None
    await here.bot.face.show(job, Stepping(0, step, 30, PREVIEW))

    def edit() -> Any:
        edits = [call for call in here.sent("PATCH", "@original") if f"{step}/30" in str(call.body)]
        return next((call for call in edits if call.status == 200), None)

    return await here.until(edit)


@pytest.mark.fault("F12", "previews stop first, bars second, the result comes in its time")
async def test_previews_stop_first_bars_second_and_the_result_comes(tmp_path: Path) -> None:
    refused = [Fault("rate", "PATCH", "@original", times=1) for _ in range(2)]
    async with wired(tmp_path, gated=True) as here:
        await painting(here)
        assert (await shown(here, 3)).files, "a preview is shown while nothing is refused"
        here.discord.rest.faults.append(refused[0])
        await shown(here, 4)
        after = await shown(here, 5)
        assert not after.files and "attachments" in after.body, "the bar goes on without its preview"
        here.discord.rest.faults.append(refused[1])
        await shown(here, 6)
        edits = len(here.sent("PATCH", "@original"))
        job = await here.program.archive.job(here.rows("SELECT id FROM jobs")[0][0])
        assert job is not None
        for step in (7, 8, 9):
            await here.bot.face.show(job, Stepping(0, step, 30, PREVIEW))
        here.gate.open()
        await here.state("delivered")
        (result,) = here.sent("PATCH", "@original")[edits:]
        assert "Done" in str(result.body) and len(result.files) == 1, "the next edit is the result"
        here.clock.tick(2 * CALM_MS / 1000)
        await here.discord.slash("imagine", prompt="a boat")
        await here.state("delivered", 2)
        assert here.bot.face._rates.previews, "calm again"
