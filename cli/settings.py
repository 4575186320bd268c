"""The verb config: prints each setting and where its value comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from cli.args import take
from cli.console import Console
from core.config import Loaded
from core.errors import BadInput
from core.words import nearest

PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^@/]*@")
"""The password inside a database's address."""


def run(args: Sequence[str], loaded: Loaded, console: Console) -> int:
    """Print all settings, or the one named; a password in an address is never printed."""
    given = take("config", args, (), passes_flags=False)
    rows = [(name, _hidden(value), origin) for name, value, origin in loaded.rows()]
    for wanted in given.words:
        if wanted not in loaded.origins:
            raise BadInput(f"There is no setting {wanted}.", f"The nearest is {nearest(wanted, loaded.origins)}.")
    if given.words:
        rows = [row for row in rows if row[0] in given.words]
    if given.json:
        console.data([{"name": name, "value": value, "from": origin} for name, value, origin in rows])
    else:
        console.table([[name, json.dumps(value, ensure_ascii=False), origin] for name, value, origin in rows])
    return 0


def _hidden(value: Any) -> Any:
    return PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value
