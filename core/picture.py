"""Picture and Fingerprint: what came out, what made it, and how two makings differ."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from core.errors import NotFound
from core.recipe import Recipe

PictureState = Literal["waiting", "stored", "failed", "dropped"]
Role = Literal["picture", "grid", "depth", "prepared"]
CompanionRole = Literal["depth", "prepared"]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hold what made a Picture beside its Recipe and must be applied again to make it.

    trace: run-length list of [batch size, calls], such as [[8, 12], [4, 18]]. facts: flat JSON, such as versions,
    device, dtype, threads, memory_format, profile, mode, isa, attention, self_test.
    """

    trace: tuple[tuple[int, int], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the plain form kept in the log."""
        return {"trace": [list(run) for run in self.trace], **self.facts}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fingerprint:
        """Build it from its plain form."""
        facts = {key: value for key, value in data.items() if key != "trace"}
        return cls(tuple((int(size), int(calls)) for size, calls in data.get("trace", ())), facts)

    def differing(self, other: Fingerprint) -> tuple[str, ...]:
        """Name the facts that differ, sorted; the trace counts as one."""
        names = {key for key in {*self.facts, *other.facts} if self.facts.get(key) != other.facts.get(key)}
        return tuple(sorted(names | ({"trace"} if self.trace != other.trace else set())))


@dataclass(frozen=True, slots=True)
class Replay:
    """Ask for a Picture to be made again: under which Fingerprint, and which pixels must come out."""

    fingerprint: Fingerprint
    pixels_digest: str

    def as_json(self) -> dict[str, Any]:
        """Return the plain form kept in the verdict column until the Picture is stored."""
        return {"fingerprint": self.fingerprint.as_json(), "expects": self.pixels_digest}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Replay:
        """Build it from its plain form."""
        return cls(Fingerprint.from_json(data["fingerprint"]), data["expects"])


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say how a Picture made again compares: `identical`, or the fields that differ and by how much (of 255)."""

    word: Literal["identical", "different"]
    fields: tuple[str, ...] = ()
    most: int = 0
    share: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the plain form kept in the verdict column."""
        return {"word": self.word, "fields": list(self.fields), "most": self.most, "share": self.share}


@dataclass(frozen=True, slots=True)
class Companion:
    """Say what is kept beside a Picture: its Sketch as it was prepared, or a depth map. No file: it is gone."""

    role: CompanionRole
    pixels_digest: str
    file_digest: str | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold one row of `pictures`: a Recipe waiting to be painted, or what came of it. Times are ms UTC."""

    id: str
    job_id: str
    index: int
    recipe: Recipe
    recipe_digest: str
    seed: int
    state: PictureState
    role: Role = "picture"
    parent_id: str | None = None
    replay: Replay | None = None
    error_code: str | None = None
    error_text: str | None = None
    pixels_digest: str | None = None
    file_digest: str | None = None
    width: int | None = None
    height: int | None = None
    fingerprint: Fingerprint | None = None
    verdict: Mapping[str, Any] = field(default_factory=dict)
    stored_at: int | None = None
    companions: tuple[Companion, ...] = ()

    def beside(self, role: Role) -> Picture:
        """Return what is kept beside it in that role, as a Picture of the same Job; raise NotFound where nothing is."""
        for each in self.companions:
            if each.role == role:
                return replace(
                    self,
                    role=role,
                    pixels_digest=each.pixels_digest,
                    file_digest=each.file_digest,
                    width=each.width,
                    height=each.height,
                    fingerprint=None,
                    verdict={},
                    companions=(),
                )
        raise NotFound(f"Nothing of that kind is kept beside picture {self.id[-6:]}.", "Leave the role out.")


def stem(picture_id: str, role: Role) -> str:
    """Return how a Picture's file is called before its ending, or that of what is kept beside it."""
    return picture_id if role == "picture" else f"{picture_id}-{role}"


def pixels_digest(width: int, height: int, rgb: bytes) -> str:
    """Return sha256 hex of `limner-pixels-1`, `WxH` (a line each) and the RGB rows."""
    head = f"limner-pixels-1\n{width}x{height}\n".encode()
    return hashlib.sha256(head + rgb).hexdigest()
