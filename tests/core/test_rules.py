"""Rules: whose Limits hold where, who may ask, and words that are refused whatever they are dressed in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.acting import ACTS
from core.errors import BadInput, NotAllowed
from core.limits import Limits
from core.person import Person, Place
from core.refused import ALL_WORK, checked_patterns, checked_word, finds
from core.rules import BY_ID, LISTS, SETS, SWITCHES, Bounds, Rules, admit, bounds_for, check, limits_for, server_of

HERE = Place.of("discord", {"guild": 1, "channel": "7"})
BASE = Limits(4, 6, 1000)


def who(*roles: str, owner: bool = False) -> Person:
    return Person("discord:9", roles=roles, is_owner=owner)


def test_the_most_generous_of_the_roles_stands_for_the_base() -> None:
    rules = Rules(roles={"r1": Bounds(waiting=2, day_cost=500), "r2": Bounds(waiting=8), "r3": Bounds(waiting=0)})
    assert limits_for(BASE, rules, who(), HERE) == BASE
    assert limits_for(BASE, rules, who("r1"), HERE) == Limits(2, 6, 500)
    assert limits_for(BASE, rules, who("r1", "r2"), HERE) == Limits(8, 6, 500)
    # 0 is no limit, so nothing is more generous.
    assert limits_for(BASE, rules, who("r1", "r2", "r3"), HERE).waiting == 0


def test_a_channel_only_narrows_and_one_persons_own_come_first() -> None:
    rules = Rules(
        roles={"r": Bounds(waiting=9)},
        channels={"7": Bounds(waiting=3, per_minute=60)},
        people={"discord:9": Bounds(waiting=5)},
    )
    assert limits_for(BASE, rules, who("r"), HERE) == Limits(3, 6, 1000)
    assert limits_for(BASE, rules, who("r"), Place.of("discord", {"guild": 1, "channel": "8"})).waiting == 5
    assert limits_for(Limits(), Rules(channels={"7": Bounds(waiting=2)}), who(), HERE) == Limits(2, 0, 0)


def test_a_rule_for_a_channel_holds_in_its_threads() -> None:
    thread = Place.of("discord", {"guild": 1, "channel": "70"}, within=("7",))
    rules = Rules(channels={"7": Bounds(waiting=3), "70": Bounds(per_minute=2)})
    assert limits_for(BASE, rules, who(), thread) == Limits(3, 2, 1000)
    admit(Rules(allowed_channels=frozenset({"7"})), who(), thread, False)
    admit(Rules(allowed_channels=frozenset({"70"})), who(), thread, False)
    with pytest.raises(NotAllowed):
        admit(Rules(allowed_channels=frozenset({"8"})), who(), thread, False)
    with pytest.raises(NotAllowed):
        admit(Rules(allowed_channels=frozenset({"70"})), who(), HERE, False)
    assert thread == Place.of("discord", {"guild": 1, "channel": "70"}), "a Job finds its Place again without it"


def test_a_rule_for_a_category_holds_in_its_channels_and_their_threads() -> None:
    rules = Rules(channels={"9": Bounds(waiting=1)}, allowed_channels=frozenset({"9"}))
    for within in (("9",), ("7", "9")):
        inside = Place.of("discord", {"guild": 1, "channel": "70"}, within=within)
        admit(rules, who(), inside, False)
        assert limits_for(BASE, rules, who(), inside).waiting == 1
    with pytest.raises(NotAllowed):
        admit(rules, who(), HERE, False)


def test_rules_of_a_server_join_those_of_everywhere() -> None:
    wide = Rules(base=Bounds(waiting=1, per_minute=1), words=("a",), banned=frozenset({"x"}), recipe=False)
    near = Rules(base=Bounds(waiting=2), words=("b",), spoiler=True)
    both = near.over(wide)
    assert both.base == Bounds(waiting=2, per_minute=1) and both.words == ("a", "b") and both.banned == {"x"}
    assert both.spoiler and not both.recipe


def test_weight_and_priority_come_by_role() -> None:
    rules = Rules(roles={"r1": Bounds(weight=3), "r2": Bounds(weight=2, priority=1)})
    found = bounds_for(rules, who("r1", "r2"), HERE)
    assert (found.weight, found.priority) == (3, 1)


@pytest.mark.parametrize(
    "rules",
    [
        Rules(banned=frozenset({"discord:9"})),
        Rules(allowed_channels=frozenset({"8"})),
        Rules(allowed_roles=frozenset({"r"})),
        Rules(age_only=True),
    ],
)
def test_who_may_not_ask_is_told_so_and_the_owner_always_may(rules: Rules) -> None:
    with pytest.raises(NotAllowed) as caught:
        admit(rules, who(), HERE, age_restricted=False)
    assert caught.value.hint
    admit(rules, who(owner=True), HERE, age_restricted=False)


def test_who_has_what_is_asked_for_may() -> None:
    rules = Rules(allowed_channels=frozenset({"7"}), allowed_roles=frozenset({"r"}), age_only=True)
    admit(rules, who("r"), HERE, age_restricted=True)


@pytest.mark.parametrize(
    "text",
    [
        "a frobnitz", "FROBNITZ!", "the ｆｒｏｂｎｉｔｚ", "fro\u200bbnitz", "frоbnitz", "frόbnítz", "a\nfrobnitz\tb",
        "<frobnitz>", "frob\u00adnitz", "ﬁrst frobnitz",
    ],
)  # fmt: skip
def test_a_refused_word_is_found_however_it_is_dressed(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        check(Rules(words=("frobnitz",)), who(), HERE, text)
    assert "frobnitz" not in caught.value.whole().lower()


@pytest.mark.parametrize("text", ["frobnitzes", "unfrobnitz", "a heart", "fro bnitz", ""])
def test_a_refused_word_is_matched_whole(text: str) -> None:
    check(Rules(words=("frobnitz",)), who(), HERE, text)


def test_words_of_scripts_without_blanks_are_found_within_others() -> None:
    assert finds(("禁止",), (), ["これは禁止です"]) and not finds(("禁止",), (), ["これは"])


def test_patterns_are_bounded_and_the_dangerous_refused() -> None:
    patterns = checked_patterns((r"\bgr[ae]y\b", "colou?r", "x{2,5}y", "a|b c"))
    assert finds((), patterns, ["a Grey cat"]) and finds((), ("xx+y",), ["ХХХY"]) and not finds((), patterns, ["fog"])
    for bad in ("(a+)+", "(a|a)*", "a*a*b", r"\1", "(?=x)", "a{9999}", "[a", "a" * 101, "", "*", "(?P<n>a)", "a**"):
        with pytest.raises(BadInput):
            checked_patterns((bad,))
    with pytest.raises(BadInput):
        checked_patterns(f"[a-z]*{number}" for number in range(ALL_WORK // 40 + 1))


def test_the_worst_allowed_patterns_end_soon() -> None:
    patterns = checked_patterns([f"[a-z]*%{number}" for number in range(ALL_WORK // 40)])
    began = time.process_time()
    assert not finds((), patterns, ["a" * 2000])
    assert time.process_time() - began < 0.5


@given(st.text(max_size=60))
def test_whatever_is_given_as_a_pattern_is_refused_or_works(pattern: str) -> None:
    try:
        kept = checked_patterns((pattern,))
    except BadInput:
        return
    finds((), kept, ["a heart " * 20])


def test_a_word_without_letters_is_refused() -> None:
    for bad in ("", " ", "!!!", "a" * 101):
        with pytest.raises(BadInput):
            checked_word(bad)


def test_rules_survive_their_plain_form() -> None:
    assert Rules.from_json(Rules().as_json()) == Rules() == Rules.from_json({})
    rules = Rules(
        base=Bounds(waiting=1),
        roles={"r": Bounds(weight=2)},
        words=("a",),
        patterns=("b",),
        banned=frozenset({"x", "y"}),
        spoiler=True,
    )
    assert Rules.from_json(rules.as_json()) == rules
    assert {"base", *BY_ID, *SETS, *LISTS, *SWITCHES} == set(rules.as_json())


def test_each_act_changes_what_it_says() -> None:
    rules = Rules()
    for what, detail in (
        ("limit", {"waiting": 3}),
        ("limit_role", {"role": "r", "weight": 2}),
        ("limit_channel", {"channel": "7", "waiting": 1}),
        ("limit_person", {"who": "discord:9", "day_cost": 5}),
        ("allow_channel", {"channel": "7"}),
        ("allow_role", {"role": "r"}),
        ("refuse_words", {"words": ["a b"], "patterns": ["c?d"]}),
        ("ban", {"who": "discord:3"}),
        ("spoiler", {}),
        ("age_only", {}),
        ("recipe", {"on": False}),
    ):
        after = ACTS[what](rules, detail)
        assert after != rules, what
        rules = after
    assert (rules.base, rules.roles, rules.words) == (Bounds(waiting=3), {"r": Bounds(weight=2)}, ("a b",))
    assert rules.banned == {"discord:3"} and rules.allowed_channels == {"7"} and not rules.recipe
    assert ACTS["limit_role"](rules, {"role": "r"}).roles == {}
    assert ACTS["unban"](rules, {"who": "discord:3"}).banned == frozenset()
    assert ACTS["refuse_words"](rules, {"words": ["a b"], "on": False}).words == ()
    assert ACTS["pause"](rules, {}) == rules


@pytest.mark.parametrize(
    ("what", "detail"),
    [
        ("limit", {"waiting": -1}), ("limit", {"waiting": True}), ("limit", {"x": 1}), ("limit_role", {"waiting": 1}),
        ("limit_role", {"role": "r", "weight": 0}), ("limit_role", {"role": 7}), ("refuse_words", {}),
        ("refuse_words", {"words": "a"}), ("ban", {}), ("spoiler", {"on": "yes"}), ("pause", {"x": 1}),
    ],
)  # fmt: skip
def test_an_act_that_cannot_be_done_says_why(what: str, detail: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        ACTS[what](Rules(), detail)


def test_a_server_is_a_guild_of_a_chat_all_else_is_everywhere() -> None:
    assert server_of(HERE) == "discord:1"
    assert server_of(Place.of("discord", {"guild": None, "channel": "7"})) == "all" == server_of(Place.of("web"))
