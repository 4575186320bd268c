"""A grid of seeds, two options against each other, a walk between seeds: asked in Discord, every cell reproduces."""

from __future__ import annotations

from pathlib import Path

from tests.support.discord_checks import checked
from tests.support.discord_double import texts

ASKED = (
    "a heart --seed 3 --n 3",
    "a heart --seed 3 --steps {2, 3} --guidance {2, 4}",
    "a heart --seed 3 --vary 9:{0.2, 0.5, 1}",
)
"""The words the page's *Compare many* writes; anybody may type them."""

CELLS = 3 + 4 + 3


async def test_every_cell_of_a_grid_a_plot_and_a_walk_reproduces_in_a_new_process(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        for words in ASKED:
            await ann.slash(here.channel, "imagine", prompt=words)
        await here.delivered(8)
        cells = here.rows("SELECT id, recipe_digest, pixels_digest FROM pictures ORDER BY id")
        assert len(cells) == len({digest for _, digest, _ in cells}) == CELLS
        assert len({pixels for *_, pixels in cells}) == CELLS, "no two cells look alike"
        await here.restart()
        for number, (picture, *_) in enumerate(cells, 9):
            await ann.slash(here.channel, "reproduce", id=picture)
            await here.delivered(number)
        again = "SELECT pictures.pixels_digest FROM pictures JOIN jobs ON job_id = jobs.id WHERE kind = 'reproduce'"
        assert here.rows(f"{again} ORDER BY pictures.id") == [(pixels,) for *_, pixels in cells]
        assert sum("\nidentical" in texts(card) for card in here.cards()) == CELLS
