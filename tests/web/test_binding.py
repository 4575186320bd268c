"""Tests of listening: strangers get in nowhere, and clear words where the address cannot be had."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.errors import CannotBind
from core.person import OWNER
from tests.support.page import SECRET, Running, running
from web.app import Page
from web.binding import Where

BEYOND = ["0.0.0.0", "::", "192.168.1.5", "limner.example", "", "127.0.0.1.evil.example"]
TLS = "https://limner.example"


def other(site: Running, host: str, **more: Any) -> Page:
    page = site.page
    return Page(
        page._studio, page._archive, host=host, port=more.pop("port", 0), clock=page._clock, bearer="b", secret=SECRET,
        randomness=page._randomness, **more,
    )  # fmt: skip


async def test_beyond_this_machine_it_does_not_start_without_accounts(site: Running) -> None:
    for host in BEYOND:
        with pytest.raises(CannotBind, match="needs accounts, and there are none") as refused:
            await other(site, host, public_url=TLS).start()
        assert "./limner people add" in refused.value.hint and "127.0.0.1" in refused.value.hint


@pytest.mark.parametrize(
    ("public_url", "trusted", "match"),
    [("", True, "must know the address"), ("http://192.168.1.5:8410", False, "without TLS"), (TLS, False, None),
     ("http://192.168.1.5:8410", True, None)],
)  # fmt: skip
def test_with_accounts_it_wants_tls_or_a_network_that_is_trusted(
    public_url: str, trusted: bool, match: str | None
) -> None:
    where = Where("0.0.0.0", 8410, public_url, trusted)
    if match is None:
        where.check(accounts=True)
    else:
        with pytest.raises(CannotBind, match=match):
            where.check(accounts=True)


async def test_with_an_account_and_tls_in_front_it_listens_and_answers_to_both_names(site: Running) -> None:
    await site.program.studio.accounts.add(OWNER, "ann")
    page = other(site, "0.0.0.0", public_url=f"{TLS}:443/")
    url = await page.start()
    try:
        assert url.startswith("http://127.0.0.1:") and url.endswith(f"/?secret={SECRET}")
        base = url.partition("/?")[0]
        async with aiohttp.ClientSession(base) as browser:
            async with browser.get("/api/health") as answer:
                assert answer.status == 200
            for host, status in (("limner.example", 200), ("limner.example:8410", 403), ("192.168.1.5:8410", 403)):
                async with browser.get("/api/health", headers={"Host": host}) as answer:
                    assert answer.status == status, host
    finally:
        await page.stop()
    with pytest.raises(CannotBind, match="no address of numbers"):
        await other(site, "limner.example", public_url=TLS).start()


async def test_it_listens_on_another_address_and_on_loopback_on_one_port(site: Running) -> None:
    await site.program.studio.accounts.add(OWNER, "ann")
    # 127.0.0.2 stands for a network: only the check takes it for this machine's own.
    where = Where("127.0.0.2", 0, TLS)
    assert not where.is_beyond
    listeners = Beyond("127.0.0.2", 0, TLS).listen()
    try:
        names = [each.getsockname() for each in listeners]
        assert [name[0] for name in names] == ["127.0.0.1", "127.0.0.2"] and names[0][1] == names[1][1]
    finally:
        for each in listeners:
            each.close()


class Beyond(Where):
    @property
    def is_beyond(self) -> bool:
        return True


async def test_a_taken_port_is_said(site: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        page = other(site, "127.0.0.1", port=port)
        with pytest.raises(CannotBind, match=f"Port {port} on 127.0.0.1 is taken") as refused:
            await page.start()
        assert "data/config.toml" in refused.value.hint
        await page.stop()


async def test_the_address_opens_a_session_on_the_port_it_got(tmp_path: Path) -> None:
    async with running(tmp_path, warm=False) as site:
        assert site.url.startswith("http://127.0.0.1:") and site.url.endswith("/?secret=a-secret-of-the-tests")
        assert site.port > 0
