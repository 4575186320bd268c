"""The gallery: found by words, model, seed and date, page by page; favourites; nothing left when erased."""

from __future__ import annotations

from core.gallery import Gallery
from core.limits import Limits
from core.person import Person
from core.search import Search
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all

NONE = Limits()
ANN = Person("web:ann")


async def paint(archive: SqlArchive, spot: Place, person: str, seed: int, **over: object) -> str:
    """Paint one Picture a second after the last, and return its id."""
    spot.clock.tick(1)
    await archive.accept([new_job(person, seed, **over)], NONE)  # type: ignore[arg-type]
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    return claimed[1][0].id


async def test_what_is_looked_for_is_found(archive: SqlArchive, spot: Place) -> None:
    gallery, start = Gallery(archive), spot.clock.now
    fox = await paint(archive, spot, "web:ann", 1, prompt="A Red FOX, 100% ü")
    cat = await paint(archive, spot, "web:ann", 2, prompt="a cat_nap in red", model="other")
    await paint(archive, spot, "web:bob", 1, prompt="a red fox")
    again = await paint(archive, spot, "web:ann", 1, prompt="a red fox", kind="reproduce", parent_id=fox)

    async def found(words: str = "", **more: object) -> list[str]:
        page = await gallery.page(ANN, Search.of(words, **more))
        ids = [each["id"] for each in page["pictures"]]
        assert page["total"] == len(ids)
        return ids

    assert await found() == [cat, fox]
    assert again not in await found()
    assert await found("RED") == [cat, fox]
    assert await found("fox red") == [fox]
    assert await found("ü") == [fox]
    assert await found("%") == [fox] and await found("_") == [cat]
    assert await found("' OR 1=1 --") == []
    assert await found(model="other") == [cat] and await found(seed=1) == [fox]
    assert await found(since=start + 2000) == [cat] and await found(until=start + 2000) == [fox]
    await archive.favour("web:ann", fox, True)
    await archive.favour("web:ann", fox, True)
    await archive.favour("web:bob", cat, True)
    assert await found(favourite=True) == [fox]
    assert [each["favourite"] for each in (await gallery.page(ANN, Search()))["pictures"]] == [False, True]
    await archive.favour("web:ann", fox, False)
    assert await found(favourite=True) == []


async def test_pages_neither_miss_nor_double_what_was_painted_at_one_time(archive: SqlArchive, spot: Place) -> None:
    gallery = Gallery(archive)
    await archive.accept([new_job("web:ann", n=7)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    seen: list[str] = []
    before = None
    for _ in range(4):
        page = await gallery.page(ANN, Search(), before, 3)
        assert (page["total"] is None) == (before is not None)
        seen += [each["id"] for each in page["pictures"]]
        before = page["next"]
        if before is None:
            break
    assert seen == sorted((picture.id for picture in claimed[1]), reverse=True)


async def test_nothing_of_an_erased_person_is_found(archive: SqlArchive, spot: Place) -> None:
    mine = await paint(archive, spot, "web:ann", 1, prompt="secretword")
    yours = await paint(archive, spot, "web:bob", 2)
    await archive.favour("web:bob", mine, True)
    await archive.favour("web:ann", yours, True)
    await archive.erase("web:ann")
    assert spot.rows("SELECT person FROM gallery") == [("web:bob",)]
    assert spot.rows("SELECT * FROM favourites") == []
