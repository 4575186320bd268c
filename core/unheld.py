"""Options of other tools and of our command line that mean nothing in words: what is lacked, and what is nearest."""

from __future__ import annotations

from collections.abc import Mapping

STYLIZE = ("stylize", "The nearest is guidance, how hard the words pull: --guidance 7.5.")
REFERENCE = ("reference pictures", "The nearest is a sketch to start from: send one along and set --strength.")
VERSION = ("version numbers", "The nearest is --model, which names one of the models here.")
SPEED = ("speed modes", "Fewer --steps are faster.")

REFUSED: Mapping[str, tuple[str, str]] = {
    "s": STYLIZE,
    "stylize": STYLIZE,
    "chaos": ("chaos", "For pictures that differ more use --repeat, or leave --seed out."),
    "c": ("chaos", "For pictures that differ more use --repeat, or leave --seed out."),
    "tile": ("tiling", 'The nearest is to say it in the words: "seamless pattern".'),
    "q": ("quality", "The nearest is --steps: more of them take longer and paint finer."),
    "quality": ("quality", "The nearest is --steps: more of them take longer and paint finer."),
    "stop": ("stopping early", "The nearest is fewer --steps."),
    "v": VERSION,
    "version": VERSION,
    "niji": VERSION,
    "test": VERSION,
    "sref": REFERENCE,
    "cref": REFERENCE,
    "oref": REFERENCE,
    "image": REFERENCE,
    "sw": REFERENCE,
    "cw": REFERENCE,
    "ow": REFERENCE,
    "sv": REFERENCE,
    "weird": ("weirdness", "The nearest is a lower --guidance."),
    "w": ("weirdness or width", "A width goes with its height: --size 512x768."),
    "width": ("width alone", "A width goes with its height: --size 512x768."),
    "height": ("height alone", "A height goes with its width: --size 512x768."),
    "h": ("height alone", "A height goes with its width: --size 512x768."),
    "exp": ("image enhancing", "The nearest is guidance, how hard the words pull: --guidance 7.5."),
    "raw": ("raw mode", "Nothing is added to your words here: leave it out."),
    "p": ("personal profiles", "Say the style in the words."),
    "profile": ("personal profiles", "Say the style in the words."),
    "personalize": ("personal profiles", "Say the style in the words."),
    "fast": SPEED,
    "turbo": SPEED,
    "relax": SPEED,
    "draft": SPEED,
    "hd": ("HD mode", "The nearest is a larger --size, or /upscale afterwards."),
    "video": ("videos", "Pictures alone are painted here."),
    "stealth": ("stealth mode", "A feed is private until its person presses Share."),
    "public": ("public mode", "Press Share under a picture."),
    "out": ("files by name in a chat", "--out belongs to the command line."),
    "json": ("JSON in a chat", "--json belongs to the command line."),
    "from-file": ("files by name in a chat", "--from-file belongs to the command line."),
    "sketch": ("sketches by name in a chat", "Send the picture along with your words, or reply to it."),
    "mask": ("masks by name in a chat", "Send it beside the sketch, or make a part of that transparent: --inpaint."),
    "help": ("help among the options", "/help tells what there is."),
}
"""What is lacked, and what is nearest, by the option's name."""
