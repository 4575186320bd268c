"""What holds for all tests: the same examples every day, so that a red run is a change's; new ones in the soak."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("everyday", derandomize=True)
settings.register_profile("soak")
settings.load_profile("soak" if os.environ.get("LIMNER_SOAK") else "everyday")
