"""/metrics: for programs of this machine, and for who has the bearer; never for who comes through a proxy."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from tests.support.page import BEARER, running


async def test_a_program_of_this_machine_reads_it_without_a_session(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as here,
        aiohttp.ClientSession(here.base) as scraper,
        scraper.get("/metrics") as answer,
    ):
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "# TYPE limner_queue_jobs gauge" in await answer.text()


async def test_what_comes_through_a_proxy_needs_the_bearer(tmp_path: Path) -> None:
    async with running(tmp_path) as here, aiohttp.ClientSession(here.base) as scraper:
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            async with scraper.get("/metrics", headers={header: "127.0.0.1"}) as answer:
                assert answer.status == 401 and "limner_" not in await answer.text()
        headers = {"X-Forwarded-For": "10.0.0.1", "Authorization": f"Bearer {BEARER}"}
        async with scraper.get("/metrics", headers=headers) as answer:
            assert answer.status == 200


async def test_another_site_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as here, aiohttp.ClientSession(here.base) as scraper:
        for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            async with scraper.get("/metrics", headers=headers) as answer:
                assert answer.status == 403
