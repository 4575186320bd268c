"""People with accounts at a page: made as the owner makes them, let in as their browsers are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from core.person import OWNER
from tests.support.page import Running, visiting

PASSWORD = "correct horse battery"


async def link_of(where: Running, name: str, *, owner: bool = False) -> str:
    """Make an account, and return what its one-time link holds."""
    made = await where.program.studio.accounts.add(OWNER, name, owner)
    return str(made["link"]).partition("#")[2]


async def send(browser: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """Post JSON as the page does and return status and answer."""
    async with browser.post(path, json=body) as answer:
        return answer.status, await answer.json()


@asynccontextmanager
async def guest(where: Running, name: str, *, owner: bool = False) -> AsyncIterator[aiohttp.ClientSession]:
    """Be the browser of somebody new, who came in by a one-time link."""
    async with visiting(where, enter=False) as browser:
        status, told = await send(
            browser, "/api/enter", link=await link_of(where, name, owner=owner), password=PASSWORD
        )
        assert status == 200, told
        yield browser
