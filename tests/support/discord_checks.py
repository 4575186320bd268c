"""A World whose every REST call is held against Discord's own description and numbers when it ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.discord_double import World, walk, world
from tests.support.discord_schema import Description

SIGNS = 4000
COMPONENTS = 40


@cache
def _description() -> Description:
    return Description()


@cache
def _found(method: str, path: str, query: str, body: str) -> tuple[str, tuple[str, ...]]:
    """Look at a call once: the same commands are told to Discord in every test."""
    name, wrong = _description().findings(method, path, json.loads(query), json.loads(body))
    return name, tuple(wrong)


def findings(here: World) -> tuple[list[str], set[str]]:
    """Return what is wrong in the calls made so far, and the operations looked at."""
    wrong, seen = list[str](), set[str]()
    for each in here.env.http_requests:
        # An id in a path is of no account.
        path = each.path if "@original" in each.path else "/".join(map(_plain, each.path.split("/")))
        name, found = _found(each.method, path, json.dumps(each.params or {}), json.dumps(each.json))
        seen.add(name)
        wrong += [*found, *(f"{name}: {said}" for said in numbers(each.json))]
    return wrong, seen


def numbers(body: Any) -> list[str]:
    """Return which of Discord's numbers a message goes over that its description does not hold."""
    if not isinstance(body, dict):
        return []
    inner = body.get("data") or body
    wrong = []
    if isinstance(inner.get("components"), list) and "title" not in inner:
        parts = walk(inner["components"])
        ids = [part["custom_id"] for part in parts if part.get("custom_id")]
        texts = [part["content"] for part in parts if part.get("type") == 10]
        if len(parts) > COMPONENTS:
            wrong.append(f"{len(parts)} components")
        if len(set(ids)) < len(ids) or any(len(each) > 100 for each in ids):
            wrong.append(f"custom ids {ids}")
        if sum(map(len, texts)) > SIGNS or not all(texts):
            wrong.append(f"texts of {[len(text) for text in texts]} signs")
        if inner.get("allowed_mentions", {}).get("parse") != []:
            wrong.append("mentions may ping")
    if len(inner.get("choices") or ()) > 25:
        wrong.append("more than 25 choices")
    return wrong


@asynccontextmanager
async def checked(data: Path, **over: Any) -> AsyncIterator[World]:
    """Give a running World; at its end nothing may be wrong in any call it made."""
    async with world(data, **over) as here:
        yield here
        wrong, _ = findings(here)
        assert not wrong, wrong


def _plain(part: str) -> str:
    return "1" if part.isdigit() else part
