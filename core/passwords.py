"""Passwords and other secrets: what is kept of them, and what it takes to try one."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadInput

SHORTEST, LONGEST = 8, 1000
"""Signs a password has: more than it takes to guess one, fewer than it takes to keep a processor busy."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Say what one try of a password takes by scrypt: 128 * n * r bytes of memory, p times over."""

    n: int = 2**14
    r: int = 8
    p: int = 5


@dataclass(frozen=True, slots=True)
class Means:
    """Hold what secrets are made and tried with: fresh random bytes, a thread for what takes long, and its cost."""

    randomness: Callable[[int], bytes] = secrets.token_bytes
    in_pool: Callable[[Callable[[], Any]], Awaitable[Any]] = asyncio.to_thread
    cost: Cost = field(default_factory=Cost)


def check_password(password: str) -> None:
    """Raise BadInput where a new password is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput(f"A password has {SHORTEST} to {LONGEST} signs.", "Take a longer one: a few words will do.")


def sealed(password: str, salt: bytes, cost: Cost) -> str:
    """Return what is kept of a password: it can be tried, and not read."""
    return f"scrypt:{cost.n}:{cost.r}:{cost.p}:{salt.hex()}:{_scrypt(password, salt, cost).hex()}"


def opens(kept: str, password: str) -> bool:
    """Say whether a password is the one kept; it takes as long whether it is or not."""
    _, n, r, p, salt, digest = kept.split(":")
    tried = _scrypt(password[:LONGEST], bytes.fromhex(salt), Cost(int(n), int(r), int(p)))
    return hmac.compare_digest(tried, bytes.fromhex(digest))


def hashed(token: str) -> str:
    """Return what is kept of a random token: its sha256."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    # The same letters typed on another keyboard may come composed otherwise.
    raw = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    most = 256 * cost.n * cost.r
    return hashlib.scrypt(raw, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=most)
