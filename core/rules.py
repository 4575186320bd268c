"""Rules: what the owner and who manages a server decide there: Limits by role and channel, who and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from core.errors import BadInput, NotAllowed
from core.limits import Limits
from core.person import Person, Place
from core.refused import finds

EVERYWHERE = "all"
"""The name of the Rules that hold on every server, the page and the command line."""

MOST_WEIGHT = 100
MOST_PRIORITY = 9


@dataclass(frozen=True, slots=True)
class Bounds:
    """Hold what a role, a channel or one Person gets; None leaves it as it is, a Limit of 0 is none.

    weight: how many times an ordinary share of the device. priority: served before those of a lower one.
    """

    waiting: int | None = None
    per_minute: int | None = None
    day_cost: int | None = None
    weight: int | None = None
    priority: int | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Bounds:
        """Build them from typed values; raise BadInput with what is wrong."""
        tops = {"weight": MOST_WEIGHT, "priority": MOST_PRIORITY}
        for name, value in data.items():
            if name not in LIMITS:
                raise BadInput(f"There is no limit {name!r:.40}.", f"There are: {', '.join(LIMITS)}.")
            low, top = (1 if name == "weight" else 0), tops.get(name, 2**53)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= top:
                raise BadInput(f"{name} is a whole number from {low} to {top}.", "Leave it out to let it be as it was.")
        return cls(**data)

    def as_json(self) -> dict[str, int]:
        """Return what is set."""
        return {key: value for key, value in asdict(self).items() if value is not None}


LIMITS = tuple(each.name for each in fields(Bounds))
COUNTED = ("waiting", "per_minute", "day_cost")
NOTHING: Mapping[str, Bounds] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold the rules of one server, or those that hold everywhere.

    base: for everyone there. roles, channels, people: by id. allowed_*: none means all. refused words and patterns are
    looked for in all that is typed. banned: ids of Persons. recipe: files that go out may tell their Recipe.
    spoiler: Pictures are spoilers outside age-restricted channels. age_only: nothing is painted outside them.
    """

    base: Bounds = field(default_factory=Bounds)
    roles: Mapping[str, Bounds] = field(default_factory=lambda: NOTHING)
    channels: Mapping[str, Bounds] = field(default_factory=lambda: NOTHING)
    people: Mapping[str, Bounds] = field(default_factory=lambda: NOTHING)
    allowed_channels: frozenset[str] = frozenset()
    allowed_roles: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    banned: frozenset[str] = frozenset()
    recipe: bool = True
    spoiler: bool = False
    age_only: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the plain form kept in the log."""
        return {
            "base": self.base.as_json(),
            **{name: {key: each.as_json() for key, each in getattr(self, name).items()} for name in BY_ID},
            **{name: sorted(getattr(self, name)) for name in SETS},
            **{name: list(getattr(self, name)) for name in LISTS},
            **{name: getattr(self, name) for name in SWITCHES},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rules:
        """Build them from their plain form; what is not there is as if nothing was decided."""
        whole: dict[str, Any] = {"base": Bounds(**data.get("base", {}))}
        whole |= {name: {key: Bounds(**each) for key, each in data.get(name, {}).items()} for name in BY_ID}
        whole |= {name: frozenset(data.get(name, ())) for name in SETS}
        whole |= {name: tuple(data.get(name, ())) for name in LISTS}
        return cls(**whole, **{name: data[name] for name in SWITCHES if name in data})

    def over(self, wider: Rules) -> Rules:
        """Return these Rules joined with those that hold everywhere: both refuse, these decide first on Limits."""
        whole: dict[str, Any] = {"base": _first(self.base, wider.base)}
        whole |= {name: {**getattr(wider, name), **getattr(self, name)} for name in BY_ID}
        whole |= {name: getattr(wider, name) | getattr(self, name) for name in SETS}
        whole |= {name: (*getattr(wider, name), *getattr(self, name)) for name in LISTS}
        whole |= {"spoiler": self.spoiler or wider.spoiler, "age_only": self.age_only or wider.age_only}
        return Rules(**whole, recipe=self.recipe and wider.recipe)

    def changed(self, **changes: Any) -> Rules:
        """Return the Rules with fields changed."""
        return replace(self, **changes)


BY_ID = ("roles", "channels", "people")
SETS = ("allowed_channels", "allowed_roles", "banned")
LISTS = ("words", "patterns")
SWITCHES = ("recipe", "spoiler", "age_only")


def server_of(place: Place) -> str:
    """Return the name under which the Rules of a Place are kept: a server of a chat, else everywhere."""
    guild = place.unpack().get("guild")
    return EVERYWHERE if guild is None else f"{place.face}:{guild}"


def channels_of(place: Place) -> frozenset[str]:
    """Return the channels whose rules hold in a Place: its own, a thread's channel, and their category."""
    return frozenset(filter(None, (str(place.unpack().get("channel", "")), *place.within)))


def bounds_for(rules: Rules, person: Person, place: Place) -> Bounds:
    """Return what a Person gets in a Place: its own first, then the most generous of its roles, then everyone's."""
    mine = [rules.roles[role] for role in person.roles if role in rules.roles]
    best = Bounds(**{name: _most(name, [getattr(each, name) for each in mine]) for name in LIMITS})
    found = _first(rules.people.get(person.id, Bounds()), _first(best, rules.base))
    there = [found, *(rules.channels[each] for each in channels_of(place) if each in rules.channels)]
    narrow = {name: _least(getattr(each, name) for each in there) for name in COUNTED}
    return replace(found, **narrow)


def limits_for(base: Limits, rules: Rules, person: Person, place: Place) -> Limits:
    """Return the Limits of a Person in a Place: roles may widen them, a channel only narrows them."""
    whole = replace(rules, base=_first(rules.base, Bounds(base.waiting, base.per_minute, base.day_cost)))
    found = bounds_for(whole, person, place)
    return replace(base, waiting=found.waiting or 0, per_minute=found.per_minute or 0, day_cost=found.day_cost or 0)


def admit(rules: Rules, person: Person, place: Place, age_restricted: bool) -> None:
    """Raise NotAllowed where a Person may not ask here; the owner may everywhere."""
    if person.is_owner:
        return
    manager = "Ask whoever manages this server."
    if person.id in rules.banned:
        raise NotAllowed("You may not use Limner here.", manager)
    channels = channels_of(place)
    if channels and rules.allowed_channels and not channels & rules.allowed_channels:
        raise NotAllowed("Limner is not used in this channel.", f"Ask in another one. {manager}")
    if place.unpack().get("guild") is not None and rules.allowed_roles and not rules.allowed_roles & {*person.roles}:
        raise NotAllowed("Limner is for certain roles here, and you have none of them.", manager)
    if rules.age_only and not age_restricted:
        raise NotAllowed("Limner paints in age-restricted channels alone here.", "Ask in one of those.")


def check(rules: Rules, person: Person, place: Place, words: str | Sequence[str], age_restricted: bool = False) -> None:
    """Raise NotAllowed where a Person may not ask here, BadInput where words are refused; it never says which."""
    admit(rules, person, place, age_restricted)
    texts = (words,) if isinstance(words, str) else words
    if finds(rules.words, rules.patterns, texts):
        raise BadInput("Some of these words are not painted here.", "Say it in other words.")


def _most(name: str, values: Iterable[int | None]) -> int | None:
    """Return the most generous value that is set; a Limit of 0 is none, so nothing is more generous."""
    given = [value for value in values if value is not None]
    if name in COUNTED and 0 in given:
        return 0
    return max(given, default=None)


def _least(values: Iterable[int | None]) -> int | None:
    """Return the narrowest Limit that is set; 0 is none."""
    given = [value for value in values if value is not None]
    return min((value for value in given if value), default=0) if given else None


def _first(one: Bounds, other: Bounds) -> Bounds:
    """Return what is set in the first, else in the second."""
    names = {name: (getattr(one, name), getattr(other, name)) for name in LIMITS}
    return Bounds(**{name: first if first is not None else second for name, (first, second) in names.items()})
