"""What tests came to, for pages that are written from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass(eq=False)
class Outcomes:
    """Collect what each test came to, as a plugin of pytest; cases of one test count together."""

    found: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the worst that happened to a test."""
        name = report.nodeid.partition("[")[0]
        if report.failed or (report.when == "call" and self.found.get(name) != "failed"):
            self.found[name] = report.outcome
