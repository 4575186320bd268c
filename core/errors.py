"""Every error a person can cause or meet, each with one sentence fit to be shown to them.

StudioError
├── BadInput                 what was asked for cannot be understood or is out of range
│   ├── BadWords             the words typed; knows at which sign
│   ├── BadSketch            the picture sent along
│   └── BadConfig            the owner's settings
├── NotFound                 no such job or picture, or it is somebody else's
├── NotAllowed               it is there, but this person may not do that
├── Unsure                   many Jobs at once; nothing was accepted, ask again to say it was meant
├── LimitReached             too many, too fast; knows when it opens again
├── Unavailable              cannot be done now
│   ├── ModelUnavailable     being read, broken or unknown to the registry
│   ├── Busy                 the database is locked, or the program is stopping
│   ├── DiskFull
│   ├── AlreadyRunning       another copy holds the data folder
│   └── CannotBind           the page's address cannot be had
├── PaintFailed              a Run failed; the others go on
│   ├── OutOfMemory
│   └── EmptyPicture         NaN, or nothing but black
├── CannotReproduce          the log has too little to paint it again
├── Damaged                  a file or the database is not what was written
└── Lost                     the lease or fence was lost: stop work, somebody else goes on
"""

from __future__ import annotations

import errno

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a system says where bytes find no place: a full disk, a quota, a file too long."""


class StudioError(Exception):
    """Carry one sentence for the person: what is wrong, and a hint: what to do."""

    code = "error"

    def __init__(self, sentence: str, hint: str = "", at: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.at = at

    def as_json(self) -> dict[str, object]:
        """Return the form every face and the page's interface use."""
        return {"code": self.code, "sentence": self.sentence, "hint": self.hint, "at": self.at}

    def whole(self) -> str:
        """Return sentence and hint as one text."""
        return f"{self.sentence} {self.hint}".strip()


class BadInput(StudioError):
    """Say that what was asked for cannot be understood or is out of range."""

    code = "bad_input"


class BadWords(BadInput):
    """Say what is wrong in the words typed; `at` is the sign (0-based) where it starts."""

    code = "bad_words"

    def __init__(self, sentence: str, hint: str = "", at: int | None = None, words: str = "") -> None:
        super().__init__(sentence, hint, at)
        self.words = words

    def as_json(self) -> dict[str, object]:
        """Return the common form with the words and the caret under them."""
        return {**super().as_json(), "words": self.words}


class BadSketch(BadInput):
    """Say why a picture sent along cannot be used."""

    code = "bad_sketch"


class BadConfig(BadInput):
    """Say what is wrong in the owner's settings."""

    code = "bad_config"


class NotFound(StudioError):
    """Say that there is no such job or picture (or that it is somebody else's: the same words)."""

    code = "not_found"


class NotAllowed(StudioError):
    """Say that this person may not do that."""

    code = "not_allowed"


class Unsure(StudioError):
    """Say how many Jobs would be made; nothing was accepted until it is asked again as meant."""

    code = "unsure"

    def __init__(self, jobs: int) -> None:
        super().__init__(f"That makes {jobs} jobs at once.", "Say that it is meant, or use fewer or smaller sets.")
        self.jobs = jobs

    def as_json(self) -> dict[str, object]:
        """Return the common form with the number of Jobs."""
        return {**super().as_json(), "jobs": self.jobs}


class LimitReached(StudioError):
    """Say which Limit is reached and when it opens again (`opens_at`, ms UTC; None: when a job ends)."""

    code = "limit_reached"

    def __init__(self, sentence: str, hint: str = "", opens_at: int | None = None) -> None:
        super().__init__(sentence, hint)
        self.opens_at = opens_at

    def as_json(self) -> dict[str, object]:
        """Return the common form with the time it opens again."""
        return {**super().as_json(), "opens_at": self.opens_at}


class Unavailable(StudioError):
    """Say that it cannot be done now."""

    code = "unavailable"


class ModelUnavailable(Unavailable):
    """Say that a Model is unknown, being read or broken."""

    code = "model_unavailable"


class Busy(Unavailable):
    """Say that the database is locked or the program is stopping: nothing was accepted or charged."""

    code = "busy"


class DiskFull(Unavailable):
    """Say that there is too little room on the disk: nothing was accepted or charged."""

    code = "disk_full"


class AlreadyRunning(Unavailable):
    """Say that another copy of the program holds the data folder."""

    code = "already_running"

    def __init__(self, sentence: str, hint: str = "", url: str | None = None) -> None:
        super().__init__(sentence, hint)
        self.url = url


class CannotBind(Unavailable):
    """Say that the page's address cannot be had."""

    code = "cannot_bind"


class PaintFailed(StudioError):
    """Say that one Picture could not be painted; the others go on."""

    code = "paint_failed"


class OutOfMemory(PaintFailed):
    """Say that the Picture is too large for this device."""

    code = "out_of_memory"


class EmptyPicture(PaintFailed):
    """Say that the Model gave NaN or nothing but black."""

    code = "empty_picture"


class CannotReproduce(StudioError):
    """Say why a Picture cannot be painted again."""

    code = "cannot_reproduce"


class Damaged(StudioError):
    """Say that a file or the database is not what was written."""

    code = "damaged"


class Lost(StudioError):
    """Say that the lease or fence was lost; whoever holds it now goes on."""

    code = "lost"
