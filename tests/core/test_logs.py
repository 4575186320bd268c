"""A log line: one event, fields apart, and no secret whichever way it comes in."""

from __future__ import annotations

import io
import json
import logging
import stat
from pathlib import Path

import pytest

from core.logs import OneLine, mask, to_file, to_stream, tune

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789"
TALK = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OjlGb0xZdUVrTXhXaGRtT2pTc2VjcmV0"
SIGNED = "https://cdn.discordapp.com/attachments/1/2/cat.png?ex=67aa&is=67bb&hm=5ignature5ignature"
JOB = "01K0ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.mark.parametrize(
    ("text", "left", "gone"),
    [
        (f"login with {TOKEN} failed", "login with *** failed", TOKEN),
        (
            f"POST https://discord.com/api/v10/webhooks/123/{TALK}/messages/@original",
            "/webhooks/123/***/messages",
            TALK,
        ),
        ("POST /interactions/77/a-token-of-any-form/callback", "/interactions/77/***/callback", "a-token-of"),
        (f"body {{'token': '{TALK}', 'id': 4}}", "'id': 4}", TALK),
        (f"raw {TALK} here", "raw *** here", TALK),
        (f"GET {SIGNED} gave 404", "cat.png?*** gave 404", "5ignature"),
        ("http://127.0.0.1:8410/?secret=hushhush", "8410/?***", "hushhush"),
        ("Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "***", "abcdefghijklm"),
        ("postgresql+psycopg://limner:hunter2@host/db", "limner:***@host/db", "hunter2"),
    ],
)
def test_secrets_are_masked_and_the_rest_stays(text: str, left: str, gone: str) -> None:
    assert left in mask(text) and gone not in mask(text)


def test_plain_words_stay_as_they_are() -> None:
    text = f"job {JOB}: queued to running, picture 2 of 4 (50 %), see docs/discord.md; a.b.c"
    assert mask(text) == text


def written(form: str, **extra: str) -> str:
    out = io.StringIO()
    log = logging.Logger("limner.jobs", logging.DEBUG)
    log.addHandler(to_stream(out, "info", form))  # type: ignore[arg-type]
    log.debug("not at this level")
    try:
        raise RuntimeError(f"a line\nwith {TOKEN}")
    except RuntimeError:
        log.exception('job %s: "went" wrong', JOB, extra=extra)
    return out.getvalue()


def test_a_record_is_one_line_with_its_job_apart_and_the_traceback_masked() -> None:
    for form in ("line", "json"):
        text = written(form, to="failed")
        assert text.count("\n") == 1 and TOKEN not in text and "not at this level" not in text
    told = json.loads(written("json", to="failed"))
    assert told["job"] == JOB and told["to"] == "failed" and told["level"] == "error" and told["part"] == "limner.jobs"
    assert "RuntimeError: a line\nwith ***" in told["error"] and told["at"].endswith("Z")
    assert f" job={JOB} to=failed said=" in written("line", to="failed")


def test_the_file_is_the_owners_and_turns_over(tmp_path: Path) -> None:
    handler = to_file(tmp_path / "logs" / "limner.log", "info", "line", most_bytes=2000, kept=2)
    log = logging.Logger("limner")
    log.addHandler(handler)
    for number in range(100):
        log.info("line %d", number)
    handler.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert [path.name for path in files] == ["limner.log", "limner.log.1", "limner.log.2"]
    assert all(path.stat().st_size <= 2000 and stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert "line 99" in files[0].read_text() and stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700


def test_settings_change_level_and_form_of_our_handlers_alone() -> None:
    out, theirs = io.StringIO(), logging.StreamHandler(io.StringIO())
    log = logging.Logger("limner")
    log.addHandler(to_stream(out, "error", "line"))
    log.addHandler(theirs)
    tune(log, "warning", "json")
    log.info("no")
    log.warning("yes")
    assert json.loads(out.getvalue())["said"] == "yes" and not isinstance(theirs.formatter, OneLine)
