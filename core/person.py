"""Who asks, on any face, and where the answer goes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Person:
    """Be one Person on one face: `web:owner`, `discord:123`. Never merged across faces.

    All but the id is what the face knows at this moment, and is not stored with a Job. roles: ids of what the Person is
    where it asks (`discord:456`); manages: it may manage the server it asks from; may_moderate: it may take down what
    others asked for there.
    """

    id: str
    name: str = field(default="", compare=False)
    is_owner: bool = field(default=False, compare=False)
    roles: tuple[str, ...] = field(default=(), compare=False)
    manages: bool = field(default=False, compare=False)
    may_moderate: bool = field(default=False, compare=False)

    @property
    def face(self) -> str:
        """Return the name of the face this Person came by."""
        return self.id.partition(":")[0]


OWNER = Person("web:owner", "owner", is_owner=True)
"""The person at this machine: the page on loopback and the command line speak for the same one."""
AUDITOR = Person("audit:limner", "limner")
"""Limner itself, painting logged Pictures again while nobody else asks."""


@dataclass(frozen=True, slots=True)
class Place:
    """Say where an answer goes: a face's name and that face's own JSON, kept canonical so that places compare.

    within: what the channel is part of, as the face knows it now: a thread's channel, a channel's category; it is not
    stored, and two Places differ without it.
    """

    face: str
    detail: str = "{}"
    within: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, face: str, detail: Mapping[str, object] | None = None, within: tuple[str, ...] = ()) -> Place:
        """Build a Place from a plain mapping."""
        return cls(face, json.dumps(detail or {}, sort_keys=True, separators=(",", ":")), within)

    def unpack(self) -> dict[str, object]:
        """Return the face's own JSON."""
        found: dict[str, object] = json.loads(self.detail)
        return found
