"""Which errors of an Engine are memory, which kill the device, and what people read."""

from __future__ import annotations

import pytest

from core.errors import EmptyPicture, OutOfMemory
from core.recipe import ModelRef, Paint
from inference.faults import is_fatal, told
from inference.memory import is_out_of_memory
from inference.run import Run
from tests.support.fake_engine import OutOfMemoryError

MEMORY = [
    OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    MemoryError(),
    OutOfMemory("too large"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"),
]


def run() -> Run:
    return Run("job", 0, "ann", Paint("a fox", 1, 1000, 64, 4, 1.0, "ddim", ModelRef("sd1", "m")))


@pytest.mark.parametrize("fault", MEMORY)
def test_memory_is_no_dead_device(fault: Exception) -> None:
    assert is_out_of_memory(fault) and not is_fatal(fault)
    assert told(fault, run()).code == "out_of_memory"


@pytest.mark.fault("F4", "a CUDA error is a dead device: nothing is painted on it any more")
def test_a_cuda_error_is_a_dead_device() -> None:
    fault = RuntimeError("CUDA error: device-side assert triggered")
    assert is_fatal(fault) and not is_out_of_memory(fault)


@pytest.mark.parametrize("fault", [RuntimeError("shape mismatch"), ValueError("out of memory of something else")])
def test_other_errors_are_neither(fault: Exception) -> None:
    assert not is_fatal(fault) and not is_out_of_memory(fault)
    error = told(fault, run())
    assert error.code == "paint_failed" and str(fault) not in error.whole()


def test_a_smaller_size_is_one_that_can_be_asked_for() -> None:
    assert told(MemoryError(), run()).hint == "Try 496x64 or smaller."


def test_an_error_for_people_is_told_as_it_is() -> None:
    fault = EmptyPicture("Nothing but black.")
    assert told(fault, run()) is fault
