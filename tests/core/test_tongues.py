"""Tests of the languages: none lacks a word, a sentence or a blank, and a browser gets what it asks for."""

from __future__ import annotations

import re

import pytest

from core import wording
from core.tongues import BLANK, FIRST, WHOLE, Tongue, chosen, read_tongues
from core.unread import unreadable

TONGUES = read_tongues()
OTHERS = [tongue for tongue in TONGUES.values() if tongue.id != FIRST]
each = pytest.mark.parametrize("tongue", OTHERS, ids=lambda tongue: tongue.id)


def sentences() -> list[str]:
    """Return what every card can say."""
    waits = [wording.waiting(place, eta) for place in (1, 3) for eta in (None, 40.0)]
    steps = [wording.stepping(3, 30, 1, count, eta) for count in (1, 4) for eta in (None, 12.0)]
    verdicts = [
        wording.verdict({"word": "different", "fields": ["torch"], "most": 2, "share": 0.1}),
        wording.verdict({}),
    ]
    return [
        *waits, *steps, *verdicts, "identical", "Starting.", "Queued.", "Done, seed 7.", "Done, seeds 7 to 10.",
        "Enlarged to 128 x 128.", "Cancelled. Nothing was charged.",
        f"{wording.cancelled_at(3, 30)} Nothing was charged.",
        wording.PAUSED, wording.again(2, 3), *unreadable(b"BM"), *unreadable(b"\0\0\0\x18ftypheic"),
        wording.NEUTRAL,
        wording.FILE_GONE, *wording.UNREADABLE, *wording.TOO_MANY_BYTES, *wording.source_gone("sketch"),
        "Not painted: The rest was cancelled. Nothing was charged.",
        "2 of 4 painted. The rest was cancelled. What is missing was not charged.",
    ]  # fmt: skip


@each
def test_no_language_lacks_a_word_or_a_blank(tongue: Tongue) -> None:
    first = TONGUES[FIRST].words
    assert set(tongue.words) == set(first)
    for key, text in tongue.words.items():
        assert text.strip() and set(BLANK.findall(text)) == set(BLANK.findall(first[key])), key


@each
def test_no_language_lacks_a_sentence_of_a_card(tongue: Tongue) -> None:
    """A sentence that is not known stays English, and so do parts of one: both would be seen here."""
    for sentence in sentences():
        said = tongue.said(sentence)
        assert said != sentence, sentence
        assert not re.search(r"\b(was|the|of|painted|Queued|charged)\b", said), said


@each
def test_every_sentence_keeps_its_blanks(tongue: Tongue) -> None:
    for pattern, form in (pair for pairs in tongue.sentences.values() for pair in pairs):
        blanks = set(pattern.groupindex)
        # Where a sketch or a mask is meant, another language says it in one word for both.
        assert set(BLANK.findall(form)) in (blanks, blanks - {"kind"}), form


@each
def test_few_sentences_are_tried_for_what_passes_by_most(tongue: Tongue) -> None:
    """Every step is told to every open page: what is said of it is found by its first word."""
    told = wording.stepping(3, 30, 1, 4, 12.0).partition(" ")[0]
    assert 1 <= len(tongue.sentences[told]) + len(tongue.sentences[""]) <= 12
    assert sum(len(pairs) for pairs in tongue.sentences.values()) > 60


def test_words_people_typed_are_never_translated() -> None:
    german = TONGUES["de"]
    assert german.said("Picture 2 of 4: Queued.") == "Bild 2 von 4: Queued."
    assert german.listed("seed 7, tiny, ddim, 20 steps, guidance 7.5, 64 x 64, strength 0.6, inpainted") == (
        "Seed 7, tiny, ddim, 20 Schritte, Führung 7.5, 64 x 64, Stärke 0.6, nur teilweise gemalt"
    )
    assert f"{{{WHOLE}}}" not in german.said("Not painted: nobody knows why. Nothing was charged.")
    assert german.said("a red heart") == "a red heart"


@pytest.mark.parametrize(
    ("choice", "accepted", "found"),
    [
        ("", "", "en"), ("", "de-AT,de;q=0.9,en;q=0.8", "de"), ("", "nl, fr;q=0.7, en;q=0.6", "fr"), ("", "xx", "en"),
        ("fr", "de", "fr"), ("../etc", "de", "de"), ("", "de;q=0,en", "en"), ("", "," * 5000, "en"),
        ("", "fr;q=9,de", "de"),
    ],
)  # fmt: skip
def test_a_choice_goes_before_what_a_browser_accepts(choice: str, accepted: str, found: str) -> None:
    assert chosen(TONGUES, choice, accepted).id == found
