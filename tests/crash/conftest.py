"""What the crash tests share: one warm parent for all of them in a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.cradle import Cradle, cradle


@pytest.fixture(scope="session")
def warm() -> Iterator[Cradle]:
    """Give a parent that forks programs."""
    with cradle() as parent:
        yield parent
