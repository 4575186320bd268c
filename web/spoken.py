"""Spoken: which language a browser reads, and answers said in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web

from core.tongues import FIRST, Tongue, chosen

COOKIE = "limner-language"
SENTENCES = frozenset({"sentence", "hint", "error", "alt"})
"""Keys of answers that hold a sentence of ours."""


def tongue_of(request: web.Request, tongues: Mapping[str, Tongue]) -> Tongue:
    """Return the language somebody chose on the page, else the one their browser asks for; programs ask for none."""
    return chosen(tongues, request.cookies.get(COOKIE, ""), request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))


def spoken(tongue: Tongue, data: Any) -> Any:
    """Return an answer with its sentences in another language; whatever else it holds stays as it is."""
    if isinstance(data, list):
        return [spoken(tongue, each) for each in data]
    if not isinstance(data, dict):
        return data
    return {key: _said(tongue, key, value) for key, value in data.items()}


def retold(tongue: Tongue, answer: web.StreamResponse) -> web.StreamResponse:
    """Return an answer of JSON in another language, every other one as it is."""
    if tongue.id == FIRST or not isinstance(answer, web.Response) or answer.content_type != "application/json":
        return answer
    answer.text = json.dumps(spoken(tongue, json.loads(answer.text or "null")))
    return answer


def _said(tongue: Tongue, key: str, value: Any) -> Any:
    if key in SENTENCES and isinstance(value, str):
        return tongue.said(value)
    if key == "facts" and isinstance(value, str):
        return tongue.listed(value)
    if key == "notes" and isinstance(value, list):
        return [tongue.said(each) if isinstance(each, str) else each for each in value]
    return value if key in ("recipe", "fingerprint") else spoken(tongue, value)
