"""The verb setup: takes the bot's token, checks it with Discord, keeps it, says what the owner must still do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from cli.args import take
from cli.console import Console
from cli.doctor import tell
from cli.help import verb_named
from core.errors import BadInput
from core.finding import Application
from core.supply import propose

ASKED = "Bot token (not shown while you type; Enter keeps the one that stands): "
NO_TOKEN = "There is no token yet."
WHERE = (
    "Make an application at discord.com/developers/applications, then Bot, Reset Token, Copy; docs/discord.md "
    "tells each step."
)


@dataclass(frozen=True, slots=True)
class Bench:
    """Hold what the set-up works with; main.py fills it in.

    standing: the token that stands, else empty. inspect: look at Discord with a token. register: tell Discord the
    commands and return how many it knows. keep: write the token for later starts and return where it stands now.
    overruled: whether the environment names another token, which wins at every start. memory: the GPU's, in bytes.
    """

    standing: str
    overruled: bool
    inspect: Callable[[str], Awaitable[Application]]
    register: Callable[[str, Application], Awaitable[int]]
    keep: Callable[[str], str]
    memory: Callable[[], int | None]


def ask(console: Console) -> str:
    """Return the token typed or piped in, empty where none was; it is never echoed."""
    return console.secret(ASKED).strip()


async def run(args: Sequence[str], typed: str, bench: Bench, console: Console) -> int:
    """Check, keep, tell; nothing is kept of a token that Discord does not take. Return 1 where something is missing."""
    verb = verb_named("setup")
    given = take("setup", args, verb.options, passes_flags=False, switches=verb.switches)
    if given.words:
        raise BadInput("./limner setup takes no words.", "It asks for the token itself, so that no history keeps it.")
    proposal = propose(bench.memory())
    if not given.json:
        # Even without a token: the page and the command line paint too.
        console.note(f"Model: {proposal.why}")
        if proposal.id:
            console.note(
                f"Fetch it: {proposal.command}; its memory profile: {proposal.profile}. Nothing is fetched now."
            )
    token = typed or bench.standing
    if not token:
        raise BadInput(NO_TOKEN, WHERE)
    found = await bench.inspect(token)
    if typed:
        console.note(f"The token is kept in {bench.keep(typed)}, for you alone to read.")
        if bench.overruled:
            console.note("DISCORD_TOKEN in your environment names another one, and wins: take it away.")
    if "--sync" in given.switches:
        console.note(f"Discord knows {await bench.register(token, found)} commands now.")
        found = await bench.inspect(token)
    if given.json:
        rows = [{"name": f.name, "word": f.word, "sentence": f.sentence, "to_do": f.to_do} for f in found.findings]
        console.data(
            {"id": found.id, "name": found.name, "invite": found.invite, "findings": rows, "model": proposal.command}
        )
    else:
        tell(found.findings, console)
        console.say(f"Invite {found.name} to a server: {found.invite}")
        console.say("Then start ./limner, and type /imagine there.")
    return 1 if any(finding.word == "bad" for finding in found.findings) else 0
