"""Tests of the Feed: a slow watcher gets the newest, and loses no preview it has not seen."""

from __future__ import annotations

from core.feed import Feed
from core.job import Job
from core.person import OWNER, Place
from core.progress import Stepping


async def test_a_slow_watcher_gets_the_newest_step_with_the_newest_preview() -> None:
    feed = Feed()
    painted = Job("01", OWNER, Place("web"), "imagine", "", "running", 0, 0)
    with feed.subscribe() as inbox:
        for step, preview in ((1, b"one"), (2, b"two"), (3, None)):
            feed.tell(painted, Stepping(0, step, 9, preview))
        assert await inbox.next() == (True, [(painted, Stepping(0, 3, 9, b"two"))])
        feed.tell(painted, Stepping(0, 9, 9, b"last"))
        feed.tell(painted, Stepping(1, 1, 9))
        assert await inbox.next() == (False, [(painted, Stepping(1, 1, 9))])
