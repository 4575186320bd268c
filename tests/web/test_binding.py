"""Tests of listening: this machine alone, and clear words where the port cannot be had."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from core.errors import CannotBind
from tests.support.page import running
from web.app import Page


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "limner.example", "", "127.0.0.1.evil.example"])
async def test_beyond_this_machine_it_does_not_start(tmp_path: Path, host: str) -> None:
    async with running(tmp_path, warm=False) as site:
        page = site.page
        other = Page(
            page._studio, page._archive, host=host, port=0, clock=page._clock, bearer="b", secret="s",
            randomness=page._randomness,
        )  # fmt: skip
        with pytest.raises(CannotBind, match="accounts come later") as refused:
            await other.start()
        assert "127.0.0.1" in refused.value.hint


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with running(tmp_path, warm=False) as site:
            page = site.page
            other = Page(
                page._studio, page._archive, host="127.0.0.1", port=port, clock=page._clock, bearer="b", secret="s",
                randomness=page._randomness,
            )  # fmt: skip
            with pytest.raises(CannotBind, match=f"Port {port} on 127.0.0.1 is taken") as refused:
                await other.start()
            assert "data/config.toml" in refused.value.hint
            await other.stop()


async def test_the_address_opens_a_session_on_the_port_it_got(tmp_path: Path) -> None:
    async with running(tmp_path, warm=False) as site:
        assert site.url.startswith("http://127.0.0.1:") and site.url.endswith("/?secret=a-secret-of-the-tests")
        assert site.port > 0
