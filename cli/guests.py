"""The verbs for others than the owner: people with accounts on the page, and share links of pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cli.args import Given, whole_number
from cli.console import when
from cli.desk import Desk
from core.errors import BadInput
from core.sharing import MOST_DAYS
from core.words import nearest

LIMITS = {"--waiting": "waiting", "--per-minute": "per_minute", "--day-cost": "day_cost"}
MOST = 2**53


async def people(desk: Desk, given: Given) -> int:
    """Do what the first word says; without one, list the accounts."""
    what, *names = given.words or ("list",)
    if what not in DEEDS:
        raise BadInput(f"There is no people {what}.", f"The nearest is people {nearest(what, DEEDS)}.")
    if len(names) != (what != "list"):
        raise BadInput(
            f"people {what} takes {'nothing else' if what == 'list' else 'one name'}.", "./limner people --help"
        )
    if (given.switches - {"--json"} and what != "add") or (given.options and what != "limit"):
        raise BadInput(f"people {what} takes no such option.", "--owner goes with add; the limits with limit.")
    return await DEEDS[what](desk, given, names[0] if names else "")


async def share(desk: Desk, given: Given) -> int:
    """Make a share link of a Picture."""
    days = whole_number(given, "--days", 1, MOST_DAYS) if "--days" in given.options else None
    picture = _picture(given)
    made = await desk.studio.sharing.share(desk.person, desk.place, picture, "--words" in given.switches, days)
    if given.json:
        desk.console.data(made)
    else:
        desk.console.say(made["link"])
        desk.console.note(f"Whoever has it sees the picture. ./limner unshare {made['picture'][-6:]} ends it.")
    return 0


async def unshare(desk: Desk, given: Given) -> int:
    """End every share link of a Picture."""
    done = await desk.studio.sharing.unshare(desk.person, desk.place, _picture(given))
    if given.json:
        desk.console.data(done)
    else:
        desk.console.say("1 share link ended." if done["ended"] == 1 else f"{done['ended']} share links ended.")
    return 0


def _picture(given: Given) -> str:
    if len(given.words) != 1:
        raise BadInput("This takes a picture's id, and nothing else.", "./limner history lists them.")
    return given.words[0]


async def _everyone(desk: Desk, given: Given, name: str) -> int:
    found = await desk.studio.accounts.everyone(desk.person)
    if given.json:
        desk.console.data(found)
    elif not found:
        desk.console.note("There are no accounts: the page is the owner's alone.")
    else:
        desk.console.table([[each["name"], "owner" if each["owner"] else "", _state(each)] for each in found])
    return 0


async def _add(desk: Desk, given: Given, name: str) -> int:
    made = await desk.studio.accounts.add(desk.person, name, "--owner" in given.switches)
    _told(desk, given, made)
    if not given.json and made["known"]:
        desk.console.note(f"There are jobs and pictures of an earlier {made['name']}: they are this one's now.")
    return 0


async def _link(desk: Desk, given: Given, name: str) -> int:
    _told(desk, given, await desk.studio.accounts.link(desk.person, name))
    return 0


async def _remove(desk: Desk, given: Given, name: str) -> int:
    done = await desk.studio.accounts.remove(desk.person, name)
    if given.json:
        desk.console.data(done)
    else:
        many = done["cancelled"]
        jobs = f" {many} open {'job is' if many == 1 else 'jobs are'} cancelled." if many else ""
        desk.console.say(
            f"{done['name']} is out: sessions, links and share links ended.{jobs} Jobs and pictures stay in the log."
        )
    return 0


async def _limit(desk: Desk, given: Given, name: str) -> int:
    known = {each["name"]: each for each in await desk.studio.accounts.everyone(desk.person)}
    if name.lower() not in known or known[name.lower()]["owner"]:
        raise BadInput(f"There is no account {name[:40]} that a limit could hold for.", "./limner people lists them.")
    bounds = {key: whole_number(given, option, 0, MOST, 0) for option, key in LIMITS.items() if option in given.options}
    who = f"web:{name.lower()}"
    done = await desk.studio.operator.act(desk.person, desk.place, "limit_person", who=who, **bounds)
    if given.json:
        desk.console.data(done)
    else:
        desk.console.say(done["sentence"])
    return 0


Deed = Callable[[Desk, Given, str], Awaitable[int]]
DEEDS: dict[str, Deed] = {"list": _everyone, "add": _add, "link": _link, "remove": _remove, "limit": _limit}


def _told(desk: Desk, given: Given, made: dict[str, Any]) -> None:
    if given.json:
        desk.console.data(made)
    else:
        desk.console.say(made["link"])
        desk.console.note(f"Give it to {made['name']} alone: it works once, until {when(made['until'])}.")


def _state(account: dict[str, Any]) -> str:
    link = f"link until {when(account['link_until'])}" if account["link_until"] else ""
    return ", ".join(filter(None, ("has a password" if account["password"] else "no password yet", link)))
