"""Render the fetched emoji to sprites of 128 px with transparency."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import resvg_py
from PIL import Image

from training.fetch import NPM, folder
from training.sprites import SIZE, Concept, Rgba, Sprites
from training.work import Work, arguments

# Signs, gestures and flags are not things that anyone asks a painter for.
DROPPED_GROUPS: Final = frozenset(
    (
        "skin-tone", "hair-style", "person-symbol", "family", "transport-sign", "arrow", "religion", "zodiac",
        "av-symbol", "gender", "math", "punctuation", "currency", "keycap", "alphanum", "flag", "country-flag",
        "subdivision-flag", "hotel", "person-gesture", "person-activity", "person-resting", "hand-fingers-partial",
        "hand-single-finger", "hand-fingers-closed", "person-sport", "other-symbol", "warning",
    )
)  # fmt: skip
PLAIN_PEOPLE: Final = frozenset({"man", "woman", "old man", "old woman", "snowman", "snowman without snow"})
ALLOWED_ROLES: Final = re.compile("officer|firefighter|worker|santa")
WORDS_ONLY: Final = re.compile(r"[a-z][a-z\- ]+")
VISIBLE_ALPHA: Final = 8


class IconSet:
    """Render the drawings of one Iconify package."""

    def __init__(self, path: Path) -> None:
        raw = json.loads(path.read_text(encoding="utf-8"))
        self._width, self._height = raw.get("width", 32), raw.get("height", 32)
        self._icons: dict[str, dict[str, Any]] = dict(raw["icons"])
        for alias, entry in raw.get("aliases", {}).items():
            # An alias with more than a parent is turned or mirrored: leave it.
            if set(entry) == {"parent"} and entry["parent"] in raw["icons"]:
                self._icons[alias] = raw["icons"][entry["parent"]]

    def draw(self, name: str) -> Image.Image | None:
        """Render a drawing by its slug, or return None where the set lacks it."""
        icon = self._icons.get(name)
        if icon is None:
            return None
        box = (
            icon.get("left", 0),
            icon.get("top", 0),
            icon.get("width", self._width),
            icon.get("height", self._height),
        )
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{" ".join(map(str, box))}" width="{SIZE}" height="{SIZE}">{icon["body"]}</svg>'
        )
        png = resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, height=SIZE)
        return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def slug(name: str) -> str:
    """Spell a name as Iconify does."""
    plain = name.lower().replace("’", "").replace("'", "").replace("ñ", "n")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def fit(image: Image.Image) -> Rgba | None:
    """Crop to what is visible and scale its longer side to 128 px; None where nothing is visible."""
    box = image.getchannel("A").point(lambda alpha: 255 if alpha > VISIBLE_ALPHA else 0).getbbox()
    if box is None:
        return None
    cropped = image.crop(box)
    scale = SIZE / max(cropped.size)
    width, height = max(1, round(cropped.width * scale)), max(1, round(cropped.height * scale))
    sprite = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    sprite.paste(cropped.resize((width, height), Image.Resampling.LANCZOS), ((SIZE - width) // 2, (SIZE - height) // 2))
    return np.asarray(sprite)


def wanted(name: str, group: str) -> bool:
    """Tell whether an emoji shows a thing worth learning."""
    if group in DROPPED_GROUPS:
        return False
    if re.search(r"\b(man|woman|men|women)\b", name) and name not in PLAIN_PEOPLE:
        return False
    if group == "time" and ("o’clock" in name or "thirty" in name):
        return False
    return not (group.startswith("person-role") and " " in name and not ALLOWED_ROLES.search(name))


class Renderer:
    """Turn the fetched packages into sprites."""

    def __init__(self, packages: Path) -> None:
        at = {package.rpartition("@")[0]: folder(packages, package) / "package" for package in NPM}
        self._sets = {
            name.removeprefix("@iconify-json/"): IconSet(path / "icons.json")
            for name, path in at.items()
            if name.startswith("@iconify-json/")
        }
        self._assets = at["@lobehub/fluent-emoji-3d"] / "assets"
        english = at["emojibase-data"] / "en"
        self._emoji: list[dict[str, Any]] = json.loads((english / "data.json").read_text(encoding="utf-8"))
        messages = json.loads((english / "messages.json").read_text(encoding="utf-8"))
        self._groups = {entry["order"]: entry["key"] for entry in messages["subgroups"]}
        # 17.0.0 leaves the sweets out of its own list of subgroups.
        self._groups.setdefault(46, "food-sweet")
        tags = (at["emojilib"] / "dist" / "emoji-en-US.json").read_text(encoding="utf-8")
        self._more_tags: Mapping[str, list[str]] = json.loads(tags)

    def render(self) -> Sprites:
        """Draw every wanted emoji in every style that has it."""
        concepts: list[Concept] = []
        pixels: list[Rgba] = []
        for emoji in self._emoji:
            name, group = emoji["label"].lower(), self._groups.get(emoji.get("subgroup"))
            if group is None or not wanted(name, group):
                continue
            rows: dict[str, int] = {}
            for style, sprite in self._drawings(name, group, emoji["hexcode"]):
                rows[style] = len(pixels)
                pixels.append(sprite)
            if rows:
                tags = tuple(tag for tag in emoji.get("tags", []) if WORDS_ONLY.fullmatch(tag))
                spaced = (tag.replace("_", " ") for tag in self._more_tags.get(emoji["emoji"], []))
                concepts.append(Concept(name, group, tags, tuple(t for t in spaced if WORDS_ONLY.fullmatch(t)), rows))
        return Sprites(tuple(concepts), np.stack(pixels))

    def _drawings(self, name: str, group: str, code: str) -> Iterator[tuple[str, Rgba]]:
        slugs = [slug(name)]
        if group.startswith(("person", "hand", "body")):
            slugs.append(slug(name) + "-default")  # Fluent's name for the yellow skin tone
        for style, icons in self._sets.items():
            image = next((drawn for candidate in slugs if (drawn := icons.draw(candidate))), None)
            sprite = fit(image) if image else None
            if sprite is not None:
                yield style, sprite
        lower = code.lower()
        for stem in (lower, f"{lower}-fe0f", lower.replace("-fe0f", "")):
            path = self._assets / f"{stem}.webp"
            if path.exists():
                sprite = fit(Image.open(path).convert("RGBA"))
                if sprite is not None:
                    yield "3d", sprite
                return


def render(work: Work) -> None:
    """Write the sprites and say how many there are."""
    sprites = Renderer(work.packages).render()
    sprites.save(work)
    styles = Counter(style for concept in sprites.concepts for style in concept.sprites)
    print(f"{len(sprites.concepts)} concepts, {len(sprites.pixels)} sprites: {dict(styles)}")


if __name__ == "__main__":
    render(arguments("Render the fetched emoji to sprites.").parse_args().work)
