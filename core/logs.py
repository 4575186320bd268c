"""Logs: one line an event, with the job's id as a field of its own, and secrets masked wherever they stand."""

from __future__ import annotations

import json
import logging
import os
import re
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal, TextIO

Form = Literal["line", "json"]
FIELDS = ("job", "picture", "interaction", "face", "came", "to", "attempt", "why")
"""What a record may carry beside its words, as `extra`; the ids are also read off the words."""

NAMED = re.compile(r"\b(job|picture|interaction) ([0-9A-Z]{26}|\d{17,20})\b")
QUOTED = re.compile(r'[\s"=\\]')
MASK = "***"
SECRETS = (
    # A bot's token.
    (re.compile(r"[\w-]{24,28}\.[\w-]{6}\.[\w-]{27,40}"), MASK),
    # An interaction's token: in the address it is used at, in JSON, and by what each begins with.
    (re.compile(r"(/(?:webhooks|interactions)/\d+/)[^/\s?\"'<>]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(['\"]?\b(?:token|secret|password|bearer|authorization)['\"]?\s*[:=]\s*['\"]?)[^\s'\",}&]{8,}"),
     rf"\1{MASK}"),
    (re.compile(r"\baW50ZXJhY3Rpb2[\w+/=-]{8,}"), MASK),
    (re.compile(r"(?i)\b(bearer|bot) [\w.~+/=-]{16,}"), rf"\1 {MASK}"),
    # What follows the question mark of any address: signatures, the page's secret, words typed.
    (re.compile(r"((?:https?|wss?)://[^\s?\"'<>]+\?)[^\s\"'<>]+"), rf"\1{MASK}"),
    # A password inside a database's address.
    (re.compile(r"(://[^:/@\s]*:)[^@/\s]+@"), rf"\1{MASK}@"),
)  # fmt: skip


def mask(text: str) -> str:
    """Return a text with every secret in it replaced."""
    for pattern, stand_in in SECRETS:
        text = pattern.sub(stand_in, text)
    return text


FILE = Path("logs") / "limner.log"
"""Where the log is written, in the data folder."""

PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
TOLD = ("at", "level", "part", "said")


def about(path: Path, job_id: str, most: int = 200) -> list[dict[str, str]]:
    """Return the newest lines of a log that are about one Job, oldest first: when, how grave, what was said.

    Of an error the last line alone: the ones before it name places in the program.
    """
    found: list[dict[str, str]] = []
    for file in sorted(path.parent.glob(f"{path.name}*"), key=lambda each: each.stat().st_mtime):
        with file.open(encoding="utf-8", errors="replace") as lines:
            found += [_read(line) for line in lines if job_id in line]
        found = found[-most:]
    return found


def _read(line: str) -> dict[str, str]:
    if line.startswith("{"):
        fields = {name: str(value) for name, value in json.loads(line).items()}
    else:
        pairs = PAIR.findall(line)
        fields = {name: json.loads(value) if value.startswith('"') else value for name, value in pairs}
    told = {name: fields.get(name, "") for name in TOLD}
    return {**told, "error": fields.get("error", "").strip().rpartition("\n")[2]}


class OneLine(logging.Formatter):
    """Write a record as key=value pairs or as a JSON object; a traceback stands in the same line, as `error`."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, masked as a whole: whatever part a secret came in by."""
        said = record.getMessage()
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {"at": at.replace("+00:00", "Z"), "level": record.levelname.lower(), "part": record.name}
        fields |= {name: found for name, found in NAMED.findall(said)}
        fields |= {name: str(getattr(record, name)) for name in FIELDS if hasattr(record, name)}
        fields["said"] = said
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        fields = {name: mask(value) for name, value in fields.items()}
        if self._form == "json":
            return json.dumps(fields, ensure_ascii=False)
        return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())


class PrivateFile(RotatingFileHandler):
    """Rotate files that the owner alone may read."""

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(handle, "a", encoding="utf-8", errors="replace")


def to_stream(stream: TextIO, level: str, form: Form) -> logging.Handler:
    """Return a Handler that writes to a stream."""
    return _dressed(logging.StreamHandler(stream), level, form)


def to_file(path: Path, level: str, form: Form, *, most_bytes: int, kept: int) -> logging.Handler:
    """Return a Handler that writes to a file, and keeps so many older ones of at most so many bytes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _dressed(PrivateFile(path, maxBytes=most_bytes, backupCount=kept), level, form)


def tune(root: logging.Logger, level: str, form: Form) -> None:
    """Set level and form of every Handler made here, and of what is passed to them."""
    root.setLevel(level.upper())
    for handler in root.handlers:
        if isinstance(handler.formatter, OneLine):
            _dressed(handler, level, form)


def _dressed(handler: logging.Handler, level: str, form: Form) -> logging.Handler:
    handler.setLevel(level.upper())
    handler.setFormatter(OneLine(form))
    return handler


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if not value or QUOTED.search(value) else value
