"""What happened to a Job while it was being painted, as the Renderer tells it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import StudioError
from core.picture import CompanionRole, Fingerprint


@dataclass(frozen=True, slots=True)
class Waiting:
    """Wait for room on the device; eta_s is seconds until the Job is done, None while nothing was measured."""

    place: int
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class Stepping:
    """Tell that a Picture (by index in its Job) finished model call `step` of `of`; preview: small JPEG or None."""

    picture: int
    step: int
    of: int
    preview: bytes | None = None

    def after(self, unseen: Progress | None) -> Stepping:
        """Return this step with the preview of an unseen one before it, where it has none of its own."""
        if self.preview is not None or not isinstance(unseen, Stepping) or unseen.picture != self.picture:
            return self
        return replace(self, preview=unseen.preview)


@dataclass(frozen=True, slots=True)
class Handed:
    """Hand over what is kept beside a Picture, by its role: bare 8-bit RGB PNG without text, its pixels' digest."""

    role: CompanionRole
    png: bytes
    pixels_digest: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Painted:
    """Hand over a finished Picture: bare 8-bit RGB PNG without text, its pixels' digest and what made it.

    companions: what is to be kept beside it, of each role one at most.
    """

    picture: int
    png: bytes
    pixels_digest: str
    width: int
    height: int
    fingerprint: Fingerprint
    companions: tuple[Handed, ...] = ()


@dataclass(frozen=True, slots=True)
class PictureFailed:
    """Tell that one Picture could not be painted; the Job goes on with the others."""

    picture: int
    error: StudioError


@dataclass(frozen=True, slots=True)
class Done:
    """End: every Picture was Painted or failed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """End: the Job as a whole failed. `again`: worth another attempt; `solo`: that one alone on the device."""

    error: StudioError
    again: bool = False
    solo: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """End: somebody cancelled the Job; Pictures already Painted stay."""


Progress = Waiting | Stepping | Painted | PictureFailed | Done | Failed | Cancelled
End = Done | Failed | Cancelled
