"""axe-core in the page of a test: what it calls serious or critical, in light and in dark."""

from __future__ import annotations

from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
GRAVE = frozenset({"serious", "critical"})
RUN = """(rules) => axe.run(document, {resultTypes: ['violations'],
  ...(rules && {runOnly: {type: 'rule', values: rules}})})
  .then(({violations}) => violations.map(({id, impact, nodes}) => ({id, impact,
    nodes: nodes.map(({target, failureSummary}) => `${target.join(' ')}: ${failureSummary}`)})))"""


async def faults(page: Page) -> list[str]:
    """Return what axe finds grave, a line each; in the dark colours alone can differ."""
    # Evaluated by the browser's own debugger, which no policy of the page stands in the way of.
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    found: list[str] = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        told: list[dict[str, Any]] = await page.evaluate(RUN, ["color-contrast"] if scheme == "dark" else None)
        found += [f"{scheme}: {each['id']} {each['nodes'][:3]}" for each in told if each["impact"] in GRAVE]
    await page.emulate_media(color_scheme="light")
    return found
