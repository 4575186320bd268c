"""What every verb is called, takes and does, with one example each that the tests run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.errors import BadInput
from core.words import nearest

Needs = Literal["settings", "log", "device"]


@dataclass(frozen=True, slots=True)
class Verb:
    """Describe one verb. needs: what must stand before it runs: the settings, also the log, or also the device."""

    name: str
    usage: str
    does: str
    example: str
    more: str = ""
    options: tuple[str, ...] = ()
    needs: Needs = "log"
    passes_flags: bool = False
    switches: tuple[str, ...] = ()


VERBS: tuple[Verb, ...] = (
    Verb(
        "imagine",
        "<words> [--seed N] [--steps N] ... [--out FILE] [--sketch FILE] [--mask FILE] [--from-file FILE]",
        "Paint a picture from words.",
        './limner imagine "a red heart" --seed 42 --steps 20 --out heart.png',
        """--out FILE        where the picture goes; .png, .webp or .jpg; a folder takes each under its id.
                  Several pictures get -1, -2, ...; without --out: limner-<id>.png here.
--sketch FILE     start from this image, or from a painted picture by its id.
--mask FILE       with --sketch: paint only where this image is white, keep what is black.
                  --inpaint does so where the sketch itself is transparent.
--from-file FILE  a job a line; blank lines are skipped; - reads standard input.
                  Other words on the command line are added to each line.
Every other word and flag is the same as behind /imagine in chat: docs/commands.md.""",
        ("--out", "--sketch", "--mask", "--from-file"),
        "device",
        True,
    ),
    Verb(
        "reroll",
        "[picture] [--seed N] [--out FILE]",
        "Paint a picture's recipe again with another seed.",
        "./limner reroll --seed 43 --out other.png",
        "Without a picture's id: the newest one. All pictures of its job are painted.",
        ("--out",),
        "device",
        True,
    ),
    Verb(
        "vary",
        "[picture] [--seed N] [--out FILE]",
        "Paint a picture a little differently: same seed, its first noise blended with another.",
        "./limner vary --seed 7 --out near.png",
        "Without a picture's id: the newest one.",
        ("--out",),
        "device",
        True,
    ),
    Verb(
        "upscale",
        "[picture] [x2|x3|x4] [--by METHOD] [--out FILE]",
        "Make a picture two, three or four times as large.",
        "./limner upscale x4 --by x4plus --out large.png",
        """Without a picture's id: the newest one. METHOD is lanczos, which is always there, or x4plus, x4plus-anime or
animevideov3: those need the extra upscale (./limner add upscale) and minutes for a large picture. Or it is a
model that enlarges: that takes --prompt, --noise-level, --steps, --guidance and --seed, too.""",
        ("--out",),
        "device",
        True,
    ),
    Verb(
        "reproduce",
        "[picture | FILE.png] [--out FILE]",
        "Paint a picture again from the log, or from a PNG saved with its recipe, and compare.",
        "./limner reproduce heart.png",
        """Prints `identical` (exit 0), `different: <fields>; max N/255 in P %` (1) or `cannot: <why>` (2).
Without a picture's id: the newest one. --out keeps what was painted this time.""",
        ("--out",),
        "device",
        True,
    ),
    Verb(
        "cancel",
        "<job>",
        "Cancel a job that waits or is being painted.",
        "./limner cancel 4QX7Z2",
        "What is painted already stays; what is missing is not charged.",
    ),
    Verb(
        "history",
        "[words] [--limit N] [--before JOB]",
        "List your jobs, newest first.",
        "./limner history heart --limit 5",
        "Words narrow the list to jobs they were typed in. --before goes on below a job.",
        ("--limit", "--before"),
    ),
    Verb(
        "show",
        "[picture or FILE] [--out FILE]",
        "Show all about one picture: words, recipe, digests, what painted it.",
        "./limner show --out again.webp",
        """Without a picture's id: the newest one. --out saves the picture. Of a PNG, JPEG or WebP of ours, A1111,
        ComfyUI, InvokeAI, Easy Diffusion or Fooocus: the words that paint it here, and what cannot be honoured.""",
        ("--out",),
    ),
    Verb(
        "audit",
        "[--limit N]",
        "List what painting logged pictures again found, newest first.",
        "./limner audit --limit 5",
        """While nobody asks for a picture, a few logged ones a day are painted again and compared: docs/reproduce.md.
Exit 1 where one of those listed came out different.""",
        ("--limit",),
    ),
    Verb(
        "models",
        "[get MAKER/MODEL [--half] [--file FILE] [--as NAME] [--revision REVISION] | remove NAME]",
        "List the models that can paint, fetch one, or remove one.",
        "./limner models",
        """get fetches a model's safetensors from the hub into data/models; nothing else here downloads.
--half      the weights of 16 bits, half as large, where there are some.
--file      which one, where the hub has several single files of it.
remove takes away what get has fetched, whole or in part.
Your own models stand in data/config.toml under [models] folders: docs/models.md.""",
        ("--file", "--as", "--revision"),
        switches=("--half",),
    ),
    Verb(
        "styles",
        "",
        "List the manners of painting that --style takes.",
        "./limner styles",
        "A style's words go behind the prompt, and stand in the picture's recipe: docs/commands.md.",
    ),
    Verb(
        "limits",
        "",
        "List your limits: how much is used, and when there is room again.",
        "./limner limits",
        "Limits are set under [limits] in data/config.toml: docs/config.md.",
    ),
    Verb(
        "queue",
        "",
        "List the jobs that wait or are painted, in the order of the line.",
        "./limner queue",
        "Of other people's jobs you see only that they are there.",
    ),
    Verb(
        "people",
        "[add NAME [--owner] | link NAME | remove NAME | limit NAME [--waiting N] [--per-minute N] [--day-cost N]]",
        "List the accounts of the page, or make, let in, limit and remove one.",
        "./limner people add ann",
        """add and link print a link that works once, within a day, and lets them choose a password.
--owner  it signs in as you. remove ends its sessions and links at once; its pictures stay in the log.
limit    as in docs/config.md under limits, for this one; 0 = no limit.""",
        ("--waiting", "--per-minute", "--day-cost"),
        switches=("--owner",),
    ),
    Verb(
        "share",
        "<picture> [--words] [--days N]",
        "Make a link that shows one picture to whoever has it.",
        "./limner share 4QX7Z2 --words --days 30",
        "--words shows its prompt too, and its file tells its recipe. Without --days it holds until it is ended.",
        ("--days",),
        switches=("--words",),
    ),
    Verb("unshare", "<picture>", "End every share link of a picture.", "./limner unshare 4QX7Z2"),
    Verb(
        "export",
        "[--out FILE.zip]",
        "Write all that is kept of you into a zip: jobs, recipes, pictures, sketches, defaults.",
        "./limner export --out mine.zip",
        "Without --out: limner-export.zip here.",
        ("--out",),
    ),
    Verb(
        "erase",
        "--confirm erase",
        "Erase all your jobs, pictures, sketches and words. Nothing brings them back.",
        "./limner erase --confirm erase",
        """What runs is stopped first. What you spent still counts towards your limits; a picture that is somebody
else's too stays theirs. Backups lose it as they are replaced: docs/privacy.md.""",
        ("--confirm",),
    ),
    Verb(
        "config",
        "[table.key]",
        "Print each setting and where its value comes from.",
        "./limner config page.port",
        "Every setting is explained in docs/config.md.",
        needs="settings",
    ),
    Verb(
        "backup",
        "",
        "Copy the log and every file it names to data/backups, also while Limner runs.",
        "./limner backup",
        """Files are kept once for all backups. Older backups go after keeping.backups_days, never the newest.
Secrets are not in it: keep data/env by yourself.
With PostgreSQL it copies the files and names the pg_dump for the log.""",
    ),
    Verb(
        "restore",
        "<backup> [--replace]",
        "Bring a backup back while Limner does not run.",
        "./limner restore limner-20261123T033000000Z --replace",
        "--replace         a log that is there is put aside under data/backups; without it, it is not touched.",
        needs="settings",
        switches=("--replace",),
    ),
    Verb(
        "verify",
        "FILE ...",
        "Look for the watermark in a picture's file.",
        "./limner verify heart.png",
        """Prints how many bits of which mark stand there, or none. Exit 1 where a file has none.
It is a courtesy label and proves nothing: a JPEG, a crop or another size loses it. docs/models.md.""",
        needs="settings",
    ),
    Verb(
        "setup",
        "[--sync]",
        "Take the Discord bot's token, check it with Discord, and say what is still missing.",
        "./limner setup",
        """The token is asked for, never shown, and kept in data/env for you alone; a pipe on standard input works too.
Enter, or an empty pipe, keeps the one that stands. Nothing is written where Discord does not take it.
--sync            tell Discord the commands now, without a start.
It prints the link that invites the bot. Each step of Discord's own pages: docs/discord.md.""",
        needs="settings",
        switches=("--sync",),
    ),
    Verb(
        "doctor",
        "",
        "Check Python, packages, disk, device, database, model, token and Discord; say what to do.",
        "./limner doctor",
        "Exit 1 where something must be mended.",
        needs="settings",
    ),
)

SCRIPT = (
    ("test", "[--soak] [pytest arguments]", "Install what the tests need and run them."),
    ("check", "", "Install what the tests need and run ruff and mypy."),
    ("add", "<extra>", "Install an extra, such as postgres."),
)
"""Verbs of the script ./limner itself; main.py never sees them."""


def verb_named(name: str) -> Verb:
    """Return a verb by name; refuse an unknown one and name the nearest."""
    found = {verb.name: verb for verb in VERBS}
    if name in found:
        return found[name]
    if name in {script for script, _, _ in SCRIPT}:
        raise BadInput(f"{name} belongs to the script, not to main.py.", f"Type ./limner {name}.")
    raise BadInput(f"There is no verb {name}.", f"The nearest is {nearest(name, found)}. ./limner --help lists all.")


def page(verb: Verb) -> str:
    """Return a verb's own help."""
    return "\n".join(
        [
            verb.does,
            "",
            f"usage:    ./limner {verb.name} {verb.usage}".rstrip(),
            f"example:  {verb.example}",
            "",
            *([verb.more, ""] if verb.more else []),
            "--json prints plain data, --help this page.",
        ]
    )


def overview() -> str:
    """Return the help of the whole command line."""
    rows = [("", "start the page, and Discord where DISCORD_TOKEN is set"), *((verb.name, verb.does) for verb in VERBS)]
    rows += [(name, does) for name, _, does in SCRIPT]
    return "\n".join(
        [
            "Limner paints pictures on your own device and keeps how each was made.",
            "",
            *(f"./limner {name:<10} {does}" for name, does in rows),
            "",
            "./limner <verb> --help tells more about a verb and gives an example.",
        ]
    )
