"""A running page and a browser at it, for each test its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.page import Running, running, visiting


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as site:
        yield site


@pytest.fixture
async def browser(site: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with visiting(site) as browser:
        yield browser
