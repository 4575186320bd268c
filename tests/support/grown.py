"""A log grown large: Pictures by the hundred thousand, with all that belongs to them, made in SQL."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from pathlib import Path

from core.person import Place
from core.recipe import ModelRef, Paint, canonical

PEOPLE = 1000
"""Half of all is the first one's."""

EACH = 4
"""Pictures a Job."""

APART_MS = 60_000
"""From one Job to the next: a million Pictures are half a year."""

KEY = b"a key of the tests"
PLACE = Place.of("web")
RECIPE = Paint("a painting of number #", 1, 128, 128, 20, 6.0, "ddim", ModelRef("sd1", "d"))
ID = "'01J' || printf('%023d', {})"

FILL = {
    "jobs": f"""INSERT INTO jobs (id, dedupe_key, person, place, face, kind, typed, model, notes, state, priority, cost,
        attempt, max_attempts, solo, fence, not_before, cancel_requested, created_at, started_at, rendered_at, ended_at)
        SELECT {ID.format("n")}, 'grown/' || n, 'web:p' || ((n % :people) * (n % 2)), '{PLACE.detail}', '{PLACE.face}',
        'imagine', 'a painting of number ' || n, 'builtin', '[]', 'delivered', 0, 4000, 1, 3, 0, 1, 0, 0,
        :first + n * :apart, :first + n * :apart, :first + n * :apart, :first + n * :apart FROM numbers""",
    "pictures": f"""INSERT INTO pictures (id, job_id, idx, person, role, recipe, recipe_digest, seed, cost, state,
        pixels_digest, file_digest, width, height, fingerprint, fence, stored_at)
        SELECT {ID.format(f"n * {EACH} + k")}, {ID.format("n")}, k, 'web:p' || ((n % :people) * (n % 2)), 'picture',
        replace(:recipe, '#', n),
        printf('%064x', n * {EACH} + k), n, 1000, 'stored', printf('%064x', n * {EACH} + k),
        printf('%064x', n * {EACH} + k), 128, 128, '{{}}', 1, :first + n * :apart FROM numbers, four""",
    "gallery": """INSERT INTO gallery (person, at, picture_id, seed, model, words)
        SELECT person, stored_at, id, seed, 'builtin', 'a painting of number ' || seed FROM pictures""",
    "ledger": f"""INSERT INTO ledger (job_id, kind, amount, at, payer) SELECT {ID.format("n")}, kind,
        CASE kind WHEN 'release' THEN 0 ELSE 4000 END, :first + n * :apart, payer FROM numbers, kinds
        JOIN payers ON payers.who = (n % :people) * (n % 2)""",
    "moves": f"""INSERT INTO moves (job_id, at, from_state, to_state, attempt, fence, why) SELECT {ID.format("n")},
        :first + n * :apart, 'running', 'delivered', 1, 1, 'deliver' FROM numbers, four""",
    "outbox": f"""INSERT INTO outbox (job_id, kind, nonce, via, state, tries, next_try, fence) SELECT {ID.format("n")},
        'result', 'x', 'web', 'done', 1, 0, 1 FROM numbers""",
    "files": f"""INSERT INTO files (digest, kind, bytes, created_at) SELECT printf('%064x', n * {EACH} + k), 'picture',
        20000, :first + n * :apart FROM numbers, four""",
}


def grow(path: Path, pictures: int, now: int) -> None:
    """Fill a SQLite log with this many Pictures, a quarter as many Jobs and all that belongs to them, until now."""
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA journal_mode=OFF").close()
        base.execute("PRAGMA synchronous=OFF").close()
        base.execute("PRAGMA cache_size=-400000").close()
        jobs = pictures // EACH
        base.execute("CREATE TEMP TABLE four AS SELECT 0 AS k UNION SELECT 1 UNION SELECT 2 UNION SELECT 3")
        base.execute("CREATE TEMP TABLE kinds AS SELECT 'hold' AS kind UNION SELECT 'charge' UNION SELECT 'release'")
        base.execute("CREATE TEMP TABLE payers (who INTEGER PRIMARY KEY, payer TEXT)")
        base.executemany("INSERT INTO payers VALUES (?, ?)", ((who, payer(f"web:p{who}")) for who in range(PEOPLE)))
        base.execute(
            "CREATE TEMP TABLE numbers AS WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count"
            " WHERE n < :jobs) SELECT n FROM count", {"jobs": jobs},
        )  # fmt: skip
        # Indexes are far quicker made once than kept up row by row.
        indexes = base.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL").fetchall()
        for name, _ in indexes:
            base.execute(f"DROP INDEX {name}")
        named = {"people": PEOPLE, "first": now - (jobs + 1) * APART_MS, "apart": APART_MS, "recipe": canonical(RECIPE)}
        for words in FILL.values():
            base.execute(words, named)
        for _, words in indexes:
            base.execute(words)
    base.close()


def payer(person: str) -> str:
    """Return a Person's name in the ledger, as db/accept.py makes it."""
    return hmac.new(KEY, person.encode(), hashlib.sha256).hexdigest()
