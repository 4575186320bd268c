"""RemoteStudio: the Studio of a Limner that runs already, over its page's interface; same methods, same errors."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self, cast

from core.errors import Unavailable
from core.offer import Offer
from core.person import Person, Place
from core.picture import Role
from core.records import Event, Form
from core.sheet import AuditSheet, JobSheet, PictureSheet
from core.studio import Ask
from web.line import Line, path_id
from web.remote import RemoteAccounts, RemoteOperator, RemotePeople, RemoteSharing

PAGE = 100


class RemoteStudio:
    """Speak to the Limner at `url` as its owner; use it as an async context manager, or call `close`.

    Who asks is decided there: person in the arguments is not sent, of place only that it is the command line.
    """

    def __init__(self, url: str, bearer: str) -> None:
        self._line = Line(url, bearer)
        self.people = RemotePeople(self._line)
        self.operator = RemoteOperator(self._line)
        self.accounts = RemoteAccounts(self._line)
        self.sharing = RemoteSharing(self._line)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()

    async def ask(self, ask: Ask) -> list[JobSheet]:
        """Accept Jobs, all or none, and return their sheets; raise a StudioError where nothing was accepted."""
        body = {"words": ask.words, "kind": ask.kind, "parent": ask.parent, "sketch": ask.sketch, "mask": ask.mask,
                "options": ask.options, "request_id": ask.source, "sure": ask.sure}  # fmt: skip
        return cast(list[JobSheet], (await self._line.json("POST", "/api/jobs", ask.place, json=body))["jobs"])

    async def reproduce_file(self, person: Person, place: Place, source: str, raw: bytes) -> list[JobSheet]:
        """Reproduce a PNG somebody brought: by its row where its id is known, else by what it says of itself."""
        found = await self._line.json(
            "POST", "/api/reproduce", place, params={"request_id": source}, data=io.BytesIO(raw)
        )
        return cast(list[JobSheet], found["jobs"])

    async def read_recipe(self, person: Person, place: Place, raw: bytes) -> Offer:
        """Return what can be painted after a file of ours or of another tool; its picture only where it is seen."""
        return cast(Offer, await self._line.json("POST", "/api/recipe", place, data=io.BytesIO(raw)))

    async def admit(self, person: Person, place: Place, age_restricted: bool = False) -> None:
        """Raise why a Person may not ask here now; for faces that fetch something first."""
        await self._line.json("GET", "/api/admit", place)

    async def cancel(self, person: Person, place: Place, job_id: str) -> JobSheet:
        """Cancel a waiting Job now, a running one at its next step; an ended one stays as it is."""
        return cast(JobSheet, await self._line.json("POST", f"/api/jobs/{path_id(job_id)}/cancel", place))

    async def delete(self, person: Person, place: Place, job_id: str) -> JobSheet:
        """Say whether a Person may take a Job's card down, and return its sheet; the log stays as it is."""
        return cast(JobSheet, await self._line.json("POST", f"/api/jobs/{path_id(job_id)}/delete", place))

    async def job(self, person: Person, place: Place, job_id: str) -> JobSheet:
        """Return one Job's sheet."""
        return cast(JobSheet, await self._line.json("GET", f"/api/jobs/{path_id(job_id)}", place))

    async def picture(self, person: Person, place: Place, picture_id: str) -> PictureSheet:
        """Return one Picture's sheet."""
        return cast(PictureSheet, await self._line.json("GET", f"/api/pictures/{path_id(picture_id)}", place))

    async def picture_file(
        self,
        person: Person,
        place: Place,
        picture_id: str,
        form: Form,
        recipe: bool | None = None,
        role: Role = "picture",
    ) -> tuple[bytes, str]:
        """Return a stored Picture's bytes, or what is kept beside it; recipe None: as who asked for it wants."""
        params = {"form": form, "role": role} | ({} if recipe is None else {"recipe": str(int(recipe))})
        return await self._line.bytes("GET", f"/api/pictures/{path_id(picture_id)}/file", place, params=params)

    async def show(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """Return everything of one Picture: its sheet, family, and words that give this Person the same Recipe."""
        return cast(dict[str, Any], await self._line.json("GET", f"/api/pictures/{path_id(picture_id)}/show", place))

    async def styles(self) -> list[dict[str, Any]]:
        """Return the styles that may be named: name, category and the words each adds."""
        return cast(list[dict[str, Any]], (await self._line.json("GET", "/api/styles", None))["styles"])

    async def manners(self, place: Place) -> dict[str, bool]:
        """Return what a face must heed in a Place: Pictures as spoilers, Recipes in files, and whether it is paused."""
        return cast(dict[str, bool], await self._line.json("GET", "/api/manners", place))

    async def history(
        self, person: Person, before: str | None = None, limit: int = 20, words: str = ""
    ) -> list[JobSheet]:
        """Return a Person's Jobs, newest first."""
        found: list[JobSheet] = []
        while len(found) < limit:
            asked = min(limit - len(found), PAGE)
            params = {"limit": str(asked), "words": words} | ({} if before is None else {"before": before})
            page: list[JobSheet] = (await self._line.json("GET", "/api/jobs", None, params=params))["jobs"]
            found += page
            if len(page) < asked:
                break
            before = page[-1]["id"]
        return found

    async def origin(self, person: Person, place: Place, picture_id: str) -> dict[str, Any] | None:
        """Return where the card of a Picture's Job stands: Place and the chat's own message id; None: not to be seen.

        Place is that face's own JSON.
        """
        found = await self._line.json("GET", f"/api/pictures/{path_id(picture_id)}/origin", place)
        return cast(dict[str, Any] | None, found["origin"])

    async def sketch_thumb(self, person: Person, digest: str) -> bytes:
        """Return a Person's own Sketch as a small WebP."""
        return (await self._line.bytes("GET", f"/api/sketches/{path_id(digest)}", None, params={"form": "thumb"}))[0]

    async def take_sketch(self, person: Person, place: Place, raw: bytes) -> dict[str, Any]:
        """Check, normalise and store an image; return its digest, size in pixels and what was mended."""
        return cast(dict[str, Any], await self._line.json("POST", "/api/sketches", place, data=io.BytesIO(raw)))

    async def take_mask(self, person: Person, place: Place, raw: bytes) -> dict[str, Any]:
        """Check, normalise and store a mask given apart from its Sketch; return what take_sketch does."""
        return cast(dict[str, Any], await self._line.json("POST", "/api/masks", place, data=io.BytesIO(raw)))

    async def picture_as_sketch(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """Store a painted Picture as a Sketch, by the same intake as any other image."""
        return cast(dict[str, Any], await self._line.json("POST", f"/api/sketches/from/{path_id(picture_id)}", place))

    async def sketch_file(self, person: Person, digest: str) -> bytes:
        """Return a Sketch to who sent it or painted from it; a digest alone opens nothing."""
        return (await self._line.bytes("GET", f"/api/sketches/{path_id(digest)}", None))[0]

    async def models(self) -> list[dict[str, Any]]:
        """Return every registered Model's sheet."""
        return cast(list[dict[str, Any]], (await self._line.json("GET", "/api/models", None))["models"])

    async def addons(self) -> dict[str, list[dict[str, Any]]]:
        """Return the sheets of what lies beside the Models: `loras`, `embeddings` and `controls`."""
        return cast(dict[str, list[dict[str, Any]]], await self._line.json("GET", "/api/addons", None))

    async def health(self) -> dict[str, Any]:
        """Return what the page's head and the doctor need to know."""
        return cast(dict[str, Any], await self._line.json("GET", "/api/health", None))

    async def audit(self, person: Person, limit: int = 20) -> list[AuditSheet]:
        """Return what making logged Pictures again found, newest first; the owner alone may know."""
        params = {"limit": str(limit)}
        return cast(list[AuditSheet], (await self._line.json("GET", "/api/audit", None, params=params))["audits"])

    async def watch(self, person: Person, place: Place, after: int | None = None) -> AsyncIterator[Event]:
        """Yield what happens to the Jobs a Person sees: durable events after a move's id, passing ones without id."""
        params = {} if after is None else {"after": str(after)}
        async for event in self._line.events(place, params):
            yield event
        raise Unavailable("The running Limner stopped.", "What was accepted goes on when it is started again.")
