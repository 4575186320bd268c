"""How errors travel over HTTP: each class has one status, and comes back on the other side as the same class."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from core import errors
from core.errors import StudioError


class NoSession(errors.NotAllowed):
    """Say that this browser or program has not shown who it is."""

    code = "no_session"


class TooLarge(errors.BadInput):
    """Say that more bytes came than are taken."""

    code = "too_large"


class TooSlow(errors.BadInput):
    """Say that the bytes did not come in time."""

    code = "too_slow"


class WrongType(errors.BadInput):
    """Say that a change was asked for in a form that any web page could send."""

    code = "wrong_type"


STATUS: Mapping[type[StudioError], int] = MappingProxyType(
    {
        StudioError: 500,
        errors.BadInput: 400,
        errors.BadWords: 400,
        errors.BadSketch: 400,
        errors.BadConfig: 400,
        TooLarge: 413,
        TooSlow: 408,
        WrongType: 415,
        errors.NotFound: 404,
        errors.NotAllowed: 403,
        NoSession: 401,
        errors.Unsure: 409,
        errors.LimitReached: 429,
        errors.Unavailable: 503,
        errors.ModelUnavailable: 409,
        errors.Busy: 503,
        errors.DiskFull: 507,
        errors.AlreadyRunning: 503,
        errors.CannotBind: 503,
        errors.PaintFailed: 500,
        errors.OutOfMemory: 500,
        errors.EmptyPicture: 500,
        errors.CannotReproduce: 409,
        errors.Damaged: 500,
        errors.Lost: 409,
    }
)
"""Every class of error with its HTTP status; tests hold it complete."""


def status_of(error: StudioError) -> int:
    """Return the HTTP status of an error, by its class or the nearest one above."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_from(data: Mapping[str, Any]) -> StudioError:
    """Build the error that `as_json` was called on; an unknown code is a plain StudioError."""
    by_code = {kind.code: kind for kind in STATUS}
    kind = by_code.get(str(data.get("code")), StudioError)
    sentence, hint, at = str(data.get("sentence", "")), str(data.get("hint", "")), data.get("at")
    if issubclass(kind, errors.LimitReached):
        return kind(sentence, hint, data.get("opens_at"))
    if issubclass(kind, errors.Unsure):
        return kind(int(data.get("jobs", 0)))
    if issubclass(kind, errors.BadWords):
        return kind(sentence, hint, at, str(data.get("words", "")))
    if issubclass(kind, errors.AlreadyRunning):
        return kind(sentence, hint)
    return kind(sentence, hint, at)
