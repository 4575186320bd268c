"""Faults: which errors of an Engine mean what, and the sentences people read for them."""

from __future__ import annotations

from core.cost import smaller
from core.errors import Busy, OutOfMemory, PaintFailed, StudioError
from inference.memory import is_out_of_memory
from inference.run import Run


class DeviceLost(Exception):
    """Say that the device will not work again in this process; `runs` were in the call that broke it."""

    def __init__(self, why: str, runs: tuple[Run, ...]) -> None:
        super().__init__(why)
        self.runs = runs


def is_fatal(fault: Exception) -> bool:
    """Say whether the device is dead for this process: a CUDA context does not come back."""
    return "CUDA error" in str(fault) and not is_out_of_memory(fault)


def told(fault: Exception, run: Run) -> StudioError:
    """Return the error with a sentence for the Person whose Run it was."""
    if isinstance(fault, StudioError):
        return fault
    if is_out_of_memory(fault):
        width, height = smaller(run.recipe.width, run.recipe.height)
        return OutOfMemory(
            f"{run.recipe.width}x{run.recipe.height} is too large for this device's memory.",
            f"Try {width}x{height} or smaller.",
        )
    return PaintFailed(
        "This picture could not be painted: something broke while it was made.",
        "Try again; if it happens again, tell the owner the time, the log says why.",
    )


def stopping() -> StudioError:
    """Return what a Job is told that comes while the program stops."""
    return Busy("Limner is stopping; this is painted when it runs again.")


def untouched() -> Busy:
    """Return what a Job is told that had no part in the call by which the device died: the attempt does not count."""
    return Busy("The device stopped working before this was painted.", "It is tried again by itself.")


def lost() -> StudioError:
    """Return what every Job in hand is told when the device is dead."""
    return PaintFailed("The device stopped working while this was painted.", "It is tried again by itself.")
