"""The verbs, on a real program that paints stripes."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import pytest

from cli.help import VERBS
from core.errors import BadInput
from tests.support import foreign_files
from tests.support.archive import png
from tests.support.attachments import half_mask, holed
from tests.support.shell import Shell

PNG = b"\x89PNG"


def write(name: str, raw: bytes) -> None:
    Path(name).write_bytes(raw)


def read(name: str) -> bytes:
    return Path(name).read_bytes()


async def test_imagine_writes_the_picture_and_prints_id_and_path(shell: Shell) -> None:
    assert await shell.type("imagine", "a red heart", "--seed", "42", "--steps", "20", "--out", "heart.png") == 0
    picture_id, path = shell.out.split()
    assert path == "heart.png" and len(picture_id) == 26
    assert read("heart.png").startswith(PNG)
    assert "Done, seed 42." in shell.err


async def test_without_out_the_file_is_named_by_the_pictures_id(shell: Shell) -> None:
    assert await shell.type("imagine", "a", "red", "heart", "--n", "2") == 0
    named = [line.split() for line in shell.out.splitlines()]
    assert [path for _, path in named] == [f"limner-{picture_id[-6:]}.png" for picture_id, _ in named]
    assert len({read(path) for _, path in named}) == 2


async def test_several_pictures_are_numbered_in_the_order_asked_for(shell: Shell) -> None:
    assert await shell.type("imagine", "a {red, blue} heart --n 2 --seed 5", "--out", "heart.webp") == 0
    names = [line.split()[1] for line in shell.out.splitlines()]
    assert sorted(names) == [f"heart-{number}.webp" for number in (1, 2, 3, 4)]
    assert read("heart-1.webp")[8:12] == b"WEBP"


async def test_the_same_words_give_the_same_file(shell: Shell) -> None:
    for name in ("one.png", "two.png"):
        await shell.type("imagine", "a red heart --seed 42", "--out", name)
    await shell.type("show", "--json")
    digest = json.loads(shell.out)["pixels_digest"]
    assert await shell.type("history", "--json") == 0
    assert {job["pictures"][0]["pixels_digest"] for job in json.loads(shell.out)} == {digest}


async def test_json_prints_the_sheets_and_nothing_else(shell: Shell) -> None:
    assert await shell.type("imagine", "a red heart --seed 3", "--json", "--out", "heart.png") == 0
    (job,) = json.loads(shell.out)
    assert job["files"] == ["heart.png"]
    assert job["typed"] == "a red heart --seed 3" and job["pictures"][0]["seed"] == 3


async def test_a_script_paints_many_jobs_without_a_question(shell: Shell) -> None:
    assert await shell.type("imagine", "a {red, blue, green} {cat, dog} --steps 1", "--json") == 0
    assert len(json.loads(shell.out)) == 6


async def test_who_sits_at_a_terminal_is_asked_before_many_jobs(shell: Shell) -> None:
    words = "a {red, blue, green} {cat, dog} --steps 1"
    assert await shell.type("imagine", words, person_says=False) == 2
    assert "6 jobs at once" in shell.err and "Nothing was asked for" in shell.err
    assert await shell.type("history", "--json") == 0 and json.loads(shell.out) == []
    assert await shell.type("imagine", words, "--json", person_says=True) == 0
    assert len(json.loads(shell.out)) == 6
    assert await shell.type("imagine", "a {red, blue} cat --steps 1", person_says=False) == 0, "few are not asked about"


async def test_an_error_is_a_sentence_with_a_caret_and_exit_2(shell: Shell) -> None:
    assert await shell.type("imagine", "a red heart --stepz 20") == 2
    assert shell.out == ""
    words, pointer, *_ = shell.err.splitlines()
    assert words[pointer.index("^") :].startswith("--stepz")
    assert await shell.type("imagine", "a red heart --stepz 20", "--json") == 2
    assert json.loads(shell.out)["code"] == "bad_words"


@pytest.mark.parametrize("out", ["no/such/folder/heart.png", "heart.gif", "heart"])
async def test_where_the_file_cannot_go_nothing_is_asked_for(shell: Shell, out: str) -> None:
    assert await shell.type("imagine", "a red heart", "--out", out) == 2
    assert await shell.type("history", "--json") == 0
    assert json.loads(shell.out) == []


async def test_a_folder_takes_each_picture_under_its_id(shell: Shell, tmp_path: Path) -> None:
    assert await shell.type("imagine", "a red heart", "--out", str(tmp_path)) == 0
    assert shell.out.split()[1].startswith(f"{tmp_path}/limner-")


async def test_a_sketch_is_taken_from_a_file_or_a_painted_picture(shell: Shell) -> None:
    write("sketch.png", png())
    assert await shell.type("imagine", "a heart", "--sketch", "sketch.png", "--strength", "0.5", "--json") == 0
    (job,) = json.loads(shell.out)
    first = job["pictures"][0]
    assert first["recipe"]["strength"] == 0.5 and first["sketch"]
    assert await shell.type("imagine", "a heart", "--sketch", first["id"][-6:], "--json") == 0
    second = json.loads(shell.out)[0]["pictures"][0]
    assert second["sketch"] and second["sketch"] != first["sketch"]
    assert await shell.type("imagine", "a heart", "--sketch", "nothing.png") == 2
    assert "nothing.png cannot be read" in shell.err


async def test_a_part_alone_is_painted_where_it_is_transparent_or_a_mask_is_white(shell: Shell) -> None:
    write("holed.png", holed())
    write("mask.png", half_mask((192, 128)))
    digests = []
    for more in (["--inpaint"], ["--mask", "mask.png"], ["--inpaint", "--mask=mask.png"]):
        assert await shell.type("imagine", "a heart", "--seed", "7", "--sketch", "holed.png", *more, "--json") == 0
        (job,) = json.loads(shell.out)
        digests.append(job["pictures"][0]["recipe_digest"])
    assert len(set(digests)) == 1
    assert await shell.type("show") == 0
    assert "inpainted" in shell.out and "--inpaint" in shell.out and job["pictures"][0]["mask"] in shell.out
    write("plain.png", png())
    for wrong, said in (
        (["--inpaint"], "needs a sketch"),
        (["--inpaint", "--sketch", "plain.png"], "no transparent part"),
        (["--mask", "mask.png"], "A mask goes with its sketch"),
        (["--mask", "holed.png", "--sketch", "plain.png"], "The mask has a transparent part"),
        (["--mask", "mask.png", "--sketch", "plain.png"], "The mask is 192x128, the sketch 64x64"),
        (["--mask", "nothing.png", "--sketch", "plain.png"], "nothing.png cannot be read"),
    ):
        assert await shell.type("imagine", "a heart", *wrong) == 2
        assert said in shell.err


async def test_from_file_is_a_job_a_line(shell: Shell) -> None:
    write("prompts.txt", b"a red heart --seed 1\n\n   \na blue star\nyellow\n")
    assert await shell.type("imagine", "--from-file", "prompts.txt", "--steps", "3", "--out", "p.png", "--json") == 0
    jobs = json.loads(shell.out)
    assert [job["typed"] for job in jobs] == [
        "a red heart --seed 1 --steps 3",
        "a blue star --steps 3",
        "yellow --steps 3",
    ]
    assert [job["files"] for job in jobs] == [["p-1.png"], ["p-2.png"], ["p-3.png"]]
    assert jobs[0]["pictures"][0]["recipe"]["steps"] == 3


async def test_a_bad_line_is_told_by_number_and_the_others_are_painted(shell: Shell) -> None:
    assert await shell.type("imagine", "--from-file", "-", typed="a heart\na star --steps 900\na moon\n") == 1
    assert "Line 2:" in shell.err and "--steps 900" in shell.err
    assert len(shell.out.splitlines()) == 2


async def test_more_lines_than_may_wait_are_asked_for_as_room_comes(shell: Shell) -> None:
    lines = "".join(f"heart number {number} --steps 1\n" for number in range(15))
    assert await shell.type("imagine", "--from-file", "-", "--json", typed=lines) == 0
    assert len(json.loads(shell.out)) == 15


async def test_a_file_without_words_is_refused(shell: Shell) -> None:
    write("empty.txt", b"\n \n")
    assert await shell.type("imagine", "--from-file", "empty.txt") == 2
    write("latin.txt", b"caf\xe9\n")
    assert await shell.type("imagine", "--from-file", "latin.txt") == 2
    assert "UTF-8" in shell.err


async def test_a_picture_that_fails_is_told_and_exits_1(shell: Shell) -> None:
    assert await shell.type("imagine", "nan --steps 4") == 1
    assert "Not painted" in shell.err and "Nothing was charged." in shell.err
    assert shell.out == ""


async def test_reroll_vary_and_upscale_take_the_newest_or_the_named(shell: Shell) -> None:
    await shell.type("imagine", "a red heart --seed 42", "--out", "heart.png")
    first = shell.out.split()[0]
    assert await shell.type("reroll", "--seed", "43", "--json") == 0
    (job,) = json.loads(shell.out)
    assert job["kind"] == "reroll" and job["pictures"][0]["seed"] == 43
    assert await shell.type("vary", first[-6:].lower(), "--seed", "7", "--json") == 0
    assert json.loads(shell.out)[0]["pictures"][0]["recipe"]["vary"] == {"seed": 7, "amount": 0.15}
    assert await shell.type("upscale", first, "--out", "large.png") == 0
    assert read("large.png").startswith(PNG)
    assert "Enlarged to" in shell.err


async def test_reproduce_says_identical_for_a_picture_and_for_its_file(shell: Shell) -> None:
    await shell.type("imagine", "a red heart --seed 42", "--out", "heart.png")
    picture = shell.out.split()[0]
    assert await shell.type("reproduce", picture) == 0
    assert shell.out == "identical\n"
    assert await shell.type("reproduce", "heart.png", "--out", "again.png") == 0
    assert shell.out == "identical\n"
    assert read("again.png").startswith(PNG)
    assert await shell.type("reproduce") == 0


async def test_reproduce_says_cannot_and_why(shell: Shell) -> None:
    write("bare.png", png())
    for named in ("bare.png", "nowhere.png", "ZZZZZZ", "two words"):
        assert await shell.type("reproduce", *named.split(" ")) == 2, named
        assert shell.out.startswith("cannot: "), named
        assert "\n" not in shell.out.strip()
    assert await shell.type("reproduce", "bare.png", "--json") == 2
    assert json.loads(shell.out)["code"]


async def test_history_and_show_read_the_log(shell: Shell) -> None:
    assert await shell.type("history") == 0
    assert "Nothing is there yet." in shell.err
    assert await shell.type("show") == 2
    await shell.type("imagine", "a red heart beside --seed 42 --n 2")
    await shell.type("imagine", "a blue star --seed 43")
    assert await shell.type("history", "heart", "--limit", "5") == 0
    (line,) = shell.out.splitlines()
    assert "a red heart" in line and ("delivered" in line or "rendered" in line)
    pictures = line.split()[5:7]
    assert await shell.type("show", pictures[1], "--out", "second.jpg") == 0
    assert "seed 43" in shell.out and "--seed 43" in shell.out
    assert "The sketch as it was prepared: 128x128" in shell.out
    assert read("second.jpg")[:2] == read("second-prepared.jpg")[:2] == b"\xff\xd8"
    assert await shell.type("history", "--json") == 0
    newest, oldest = json.loads(shell.out)
    assert newest["created_at"] >= oldest["created_at"]
    assert await shell.type("history", "--before", newest["id"], "--json") == 0
    assert [job["id"] for job in json.loads(shell.out)] == [oldest["id"]]
    assert await shell.type("history", "--limit", "0") == 2


async def test_show_reads_a_file_of_another_tool(shell: Shell) -> None:
    write("fox.png", foreign_files.png({"parameters": foreign_files.A1111}))
    assert await shell.type("show", "fox.png") == 0
    assert "A1111" in shell.out and "--seed 42" in shell.out and "LoRA paws" in shell.out
    assert await shell.type("show", "fox.png", "--json") == 0
    assert json.loads(shell.out)["tool"] == "A1111"
    write("bare.png", foreign_files.png({}))
    for wrong in (("bare.png",), ("nowhere.png",), ("fox.png", "--out", "x.png")):
        assert await shell.type("show", *wrong) == 2, wrong


async def test_models_lists_the_built_in_one(shell: Shell) -> None:
    await shell.type("imagine", "a heart")
    assert await shell.type("models") == 0
    assert shell.out.startswith("builtin (default): ")
    assert await shell.type("models", "--json") == 0
    assert json.loads(shell.out)[0]["name"] == "builtin"


async def test_cancel_takes_one_id(shell: Shell) -> None:
    assert await shell.type("cancel") == 2
    assert await shell.type("cancel", "ZZZZZZ") == 2
    await shell.type("imagine", "a heart", "--json")
    (job,) = json.loads(shell.out)
    assert await shell.type("cancel", job["id"][-6:]) == 0
    assert "Done" in shell.out


async def test_an_unknown_option_of_a_verb_without_words_names_the_nearest(shell: Shell) -> None:
    with pytest.raises(BadInput, match="--limmit") as caught:
        await shell.type("history", "--limmit", "3")
    assert "--limit" in caught.value.hint


async def test_every_example_of_help_runs(shell: Shell) -> None:
    asked = [verb for verb in VERBS if verb.needs != "settings"]
    for verb in asked:
        dot, name, *args = shlex.split(verb.example)
        assert (dot, name) == ("./limner", verb.name)
        if name == "cancel":
            await shell.type("history", "--json")
            args = [json.loads(shell.out)[0]["id"][-6:]]
        if name in ("share", "unshare"):
            await shell.type("show", "--json")
            args = [json.loads(shell.out)["id"], *args[1:]]
        code = await asyncio.wait_for(shell.type(name, *args), 30)
        assert code == 0, (verb.example, shell.out, shell.err)
