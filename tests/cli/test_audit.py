"""The verb audit, on an Archive that holds audits, here and beside a running program."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

from core.limits import Limits
from core.person import AUDITOR, OWNER, Place
from core.picture import Fingerprint, Replay
from tests.support.archive import new_job
from tests.support.program import ended
from tests.support.shell import Shell, beside, running
from web.client import RemoteStudio


async def test_without_audits_it_says_so(shell: Shell) -> None:
    assert await shell.type("audit") == 0
    assert (shell.out, shell.err) == ("", "No picture was audited yet.\n")
    assert await shell.type("audit", "--json") == 0
    assert json.loads(shell.out) == []
    assert await shell.type("audit", "all") == 2


async def test_verdicts_are_listed_with_date_and_picture(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        await Shell(program.studio).type("imagine", "a red heart --seed 1 --steps 2", "--out", str(tmp_path))
        (sheet,) = await program.studio.history(OWNER)
        picture = sheet["pictures"][0]
        stored = (await program.archive.pictures([sheet["id"]]))[sheet["id"]][0]
        assert stored.pixels_digest is not None
        for pixels in (stored.pixels_digest, "ff"):
            replay = Replay(Fingerprint((), {"device": "other"}), pixels)
            job = new_job(AUDITOR.id, kind="reproduce", replay=replay, parent_id=picture["id"], place=Place.of("audit"))
            job = replace(job, behind=True, pictures=(replace(job.pictures[0], recipe=stored.recipe),))
            ((accepted, _),) = await program.archive.accept([job], Limits())
            program.dispatcher.wake()
            await ended(program, accepted.id, AUDITOR, job.place)
        async with beside(program) as remote:
            for studio in (program.studio, remote):
                shell = Shell(studio)
                assert await shell.type("audit") == 1
                newest, oldest = shell.out.splitlines()
                assert picture["id"] in newest and "different: device" in newest
                assert oldest.split()[2:] == [picture["id"], "identical"]
                assert await shell.type("audit", "--limit", "1", "--json") == 1
                (only,) = json.loads(shell.out)
                assert (only["picture"], only["word"]) == (picture["id"], "different")
                health = await studio.health()
                assert (health["audit"]["checked"], health["audit"]["identical"]) == (2, 1)
            async with RemoteStudio(cast(RemoteStudio, remote)._line._url, "a stranger") as stranger:
                told = await stranger.health()
            assert set(told) == {"state", "audit"}
            assert told["audit"] == health["audit"]
            assert all(isinstance(value, int) for value in told["audit"].values())
