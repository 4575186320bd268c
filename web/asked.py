"""From JSON somebody sent to an Ask: every type and form is checked here, meaning is core's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from core.errors import BadInput
from core.job import WISHES, Wish
from core.recipe import SEEDS
from core.studio import Ask
from web.session import Visitor

FIELDS = ("words", "draft", "kind", "parent", "sketch", "mask", "request_id", "options", "sure")
TEXTS = frozenset({"negative_prompt", "sampler", "model", "style", "by", "prompt"})
WHOLE = frozenset({"seed", "steps", "width", "height", "count", "factor", "noise_level"})
REAL = frozenset({"guidance", "strength", "amount"})
SWITCHES = frozenset({"keep_seed", "whole"})

ID = re.compile(r"[0-9A-Za-z]{1,26}")
DIGEST = re.compile(r"[0-9a-f]{64}")
REQUEST_ID = re.compile(r"[!-~]{1,200}")
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control signs and half surrogate pairs: no database takes them all, and nobody types them."""


def read_json(raw: bytes) -> dict[str, Any]:
    """Read a JSON object; NaN and Infinity are no JSON."""
    try:
        data = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadInput("That is no JSON.", "Send one JSON object in UTF-8.") from error
    if not isinstance(data, dict):
        raise BadInput("That is JSON, but no object.", "Send one JSON object.")
    return data


def read_ask(data: Mapping[str, Any], visitor: Visitor, fresh_id: str) -> Ask:
    """Build the Ask of a POST to /api/jobs; fresh_id names it where the sender gave no request_id."""
    for name in data:
        if name not in FIELDS:
            raise BadInput(f"There is no field {name[:40]!a}.", f"There are: {', '.join(FIELDS)}.")
    words, options = _words_and_options(data)
    kind = data.get("kind")
    if kind is not None and kind not in WISHES:
        raise BadInput("There is no such kind of job.", f"There are: {', '.join(WISHES)}.")
    return Ask(
        person=visitor.person,
        place=visitor.place,
        source=source(data.get("request_id"), fresh_id),
        # Remixed without words, a Picture keeps its own.
        words=None if kind == "remix" and "words" not in data and "draft" not in data else words,
        kind=cast(Wish | None, kind),
        parent=_formed(data, "parent", ID, "the id of a picture, or its tail"),
        sketch=_formed(data, "sketch", DIGEST, "the digest that /api/sketches answered"),
        mask=_formed(data, "mask", DIGEST, "the digest that /api/masks answered"),
        sure=_switch(data, "sure"),
        options={name: _option(name, value) for name, value in options.items() if value is not None},
    )


def source(request_id: object, fresh_id: str) -> str:
    """Return what Jobs are deduped by: the sender's own id for what it asks, the same at each try."""
    if request_id is None:
        return f"web:{fresh_id}"
    if not isinstance(request_id, str) or REQUEST_ID.fullmatch(request_id) is None:
        raise BadInput(
            "request_id is 1 to 200 plain signs without blanks.",
            "Send a fresh ULID or UUID, the same again at a retry.",
        )
    return f"web:{request_id}"


def plain(text: str, name: str, most: int = 2000) -> str:
    """Return a text that is neither too long nor holds control signs."""
    if len(text) > most:
        raise BadInput(f"{name} has {len(text)} signs; {most} is the most.", "Make it shorter.")
    if HIDDEN.search(text):
        raise BadInput(f"{name} holds control signs.", "Leave them out.")
    return text


def _words_and_options(data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Take words with options, or a draft: the same as one flat object whose `prompt` is the words."""
    draft, options = data.get("draft"), data.get("options")
    if draft is not None:
        if not isinstance(draft, dict) or "words" in data or options is not None:
            raise BadInput("draft is one object, and stands alone.", "Send either words (and options) or a draft.")
        options = {name: value for name, value in draft.items() if name != "prompt"}
        words = draft.get("prompt", "")
    else:
        words = data.get("words", "")
    if options is not None and not isinstance(options, dict):
        raise BadInput("options is no object.", 'Send {"steps": 20}, or leave it out.')
    if not isinstance(words, str):
        raise BadInput("words is no text.", 'Send "a red heart".')
    return words, options or {}


def _formed(data: Mapping[str, Any], name: str, form: re.Pattern[str], what: str) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise BadInput(f"{name} has not the form it must have.", f"Send {what}.")
    return value


def _switch(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise BadInput(f"{name} is true or false.", "Leave it out for false.")
    return value


def _option(name: str, value: Any) -> Any:
    """Return an option of the right type; names nobody knows are left for core, which lists those it has."""
    wrong = BadInput(f"The option {name[:40]!a} has the wrong type.", "Texts are texts, numbers are numbers.")
    if name in TEXTS:
        if not isinstance(value, str):
            raise wrong
        return plain(value, name)
    if name in SWITCHES:
        return _switch({name: value}, name)
    if name == "aspect":
        sides = value if isinstance(value, list) else []
        if len(sides) != 2 or not all(_is_whole(side) and 0 < side <= 10_000 for side in sides):
            raise BadInput("aspect is two whole numbers.", "Send [3, 2].")
        return tuple(sides)
    if name in WHOLE:
        if not _is_whole(value) or not 0 <= value < SEEDS:
            raise BadInput(f"{name} is no whole number from 0 to {SEEDS - 1}.", "Send a number in range.")
        return value
    if name in REAL:
        if not (_is_whole(value) or isinstance(value, float)) or not abs(value) <= SEEDS:
            raise wrong
        return float(value)
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
