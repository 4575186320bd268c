"""Every verb is tried both ways: on a Studio in this process, and on one that runs beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.shell import Shell, beside, running


@pytest.fixture(params=["here", "beside"])
async def shell(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shell]:
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    async with running(data) as program:
        if request.param == "here":
            yield Shell(program.studio)
        else:
            async with beside(program) as studio:
                yield Shell(studio)
