"""Prompt -> text embeddings: A1111's weights, BREAK, long Prompts in chunks; cached, so a Reroll encodes nothing."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from inference.families.facts import LONG, tokens_read

if TYPE_CHECKING:
    import torch

EMPHASIS = 1.1
"""What one pair of round brackets multiplies by, and one pair of square ones divides by."""
WEIGHT = re.compile(r":\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)")
BREAK = re.compile(r"\s*\bBREAK\b\s*")
MOST_CHUNKS = 16
SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""CLIP's own word pattern, as transformers builds its CLIPTokenizer."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Hold what the text encoder reads at once: token ids with start, end and padding, and a weight for each."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def plain(self) -> bool:
        """Say whether no token has a weight of its own."""
        return all(weight == 1.0 for weight in self.weights)


def parse(prompt: str) -> tuple[tuple[str, float], ...]:
    """Return (words, weight) pieces of a Prompt in A1111's syntax: (a) [a] (a:1.3), nested.

    After a backslash, a bracket or backslash is a plain sign. A bracket that is never closed weighs all that follows;
    one that was never opened is a plain sign.
    """
    pieces: list[tuple[str, float]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    at, word = 0, ""
    while at < len(prompt):
        sign = prompt[at]
        number = WEIGHT.match(prompt, at) if sign == ":" and opened["("] else None
        step = number.end() - at if number else 1
        if sign == "\\" and prompt[at + 1 : at + 2] in {*"()[]\\"}:
            word, step = word + prompt[at + 1], 2
        elif sign in opened:
            pieces, word = [*pieces, (word, 1.0)], ""
            opened[sign].append(len(pieces))
        elif number or (sign == ")" and opened["("]):
            pieces = _weighed([*pieces, (word, 1.0)], opened["("].pop(), float(number[1]) if number else EMPHASIS)
            word = ""
        elif sign == "]" and opened["["]:
            pieces, word = _weighed([*pieces, (word, 1.0)], opened["["].pop(), 1 / EMPHASIS), ""
        else:
            word += sign
        at += step
    pieces.append((word, 1.0))
    for start in sorted(opened["("]):
        pieces = _weighed(pieces, start, EMPHASIS)
    for start in sorted(opened["["]):
        pieces = _weighed(pieces, start, 1 / EMPHASIS)
    return _merged(pieces)


class Reader:
    """Read Prompts as one Model's tokenizer does; needs no torch, so Faces can ask what it cuts."""

    _marks = 2
    """How many tokens of a chunk are no words: its start and its end."""

    def __init__(self, folder: Path, part: str = "") -> None:
        """Open `folder`/tokenizer; part: what the names of a second tokenizer and encoder end in."""
        place = folder / f"tokenizer{part}"
        config = _json(place / "tokenizer_config.json")
        names = {name: _name(config.get(f"{name}_token"), "<|endoftext|>") for name in ("eos", "pad")}
        names["bos"] = _name(config.get("bos_token"), "<|startoftext|>")
        self._tokenizer = _tokenizer(place, (names["bos"], names["eos"], names["pad"]))
        self._start, self._end, self._pad = (self._id(names[name]) for name in ("bos", "eos", "pad"))
        self.tokens = tokens_read(folder, part)
        """How many tokens the text encoder reads at once, start and end among them."""
        self.size = int(self._tokenizer.get_vocab_size())
        """How many tokens there are; the vectors of learned words are counted on from here."""
        self._learned: Mapping[str, tuple[int, ...]] = {}
        self._words: re.Pattern[str] | None = None

    def taught(self, words: Mapping[str, int]) -> Reader:
        """Return a Reader that takes each of these words, in upper or lower case, for so many vectors."""
        found = copy(self)
        starts = accumulate(words.values(), initial=self.size)
        spans = zip(words.items(), starts, strict=False)
        found._learned = {word.lower(): tuple(range(start, start + count)) for (word, count), start in spans}
        names = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        found._words = re.compile(rf"(?<![\w-])({names})(?![\w-])", re.IGNORECASE) if words else None
        return found

    def chunks(self, prompt: str) -> tuple[Chunk, ...]:
        """Return what the text encoder is to read, at least one chunk."""
        return tuple(self._chunk(part) for part in self._parts(prompt)[: self._most])

    def cut(self, prompt: str) -> str | None:
        """Return the words the Model's limit cuts off a Prompt, None where it reads all of it."""
        lost = [token for part in self._parts(prompt)[self._most :] for token, _ in part]
        if not lost:
            return None
        learned = {ids[0]: f"{word} " for word, ids in self._learned.items()}
        words = (learned.get(token) or self._tokenizer.id_to_token(token) or "" for token in lost)
        return "".join(words).replace("</w>", " ").strip() or None

    def _id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer has no {token}")
        return found

    @property
    def _most(self) -> int:
        # A shorter one (the built-in Model's) was trained on one chunk alone.
        return MOST_CHUNKS if self.tokens >= LONG else 1

    def _parts(self, prompt: str) -> list[list[tuple[int, float]]]:
        """Return the (token, weight) pairs of each chunk; BREAK ends a chunk where the Model reads several."""
        parts: list[list[tuple[int, float]]] = [[]]
        room = self.tokens - self._marks
        for tokens, weight in self._stream(prompt):
            if not tokens:
                if self._most > 1 and parts[-1]:
                    parts.append([])
                continue
            # The vectors of one word stay together.
            if len(parts[-1]) + len(tokens) > room:
                parts.append([])
            parts[-1] += [(token, weight) for token in tokens]
        return parts if parts[-1] or len(parts) == 1 else parts[:-1]

    def _stream(self, prompt: str) -> Iterator[tuple[tuple[int, ...], float]]:
        """Yield the tokens of each word or part of one with their weight; none at all where BREAK stands."""
        for words, weight in parse(prompt):
            for place, piece in enumerate(BREAK.split(words)):
                if place:
                    yield (), 1.0
                for number, part in enumerate(self._words.split(piece) if self._words else (piece,)):
                    if number % 2:
                        yield self._learned[part.lower()], weight
                        continue
                    for token in self._tokenizer.encode(part, add_special_tokens=False).ids:
                        yield (token,), weight

    def _chunk(self, part: list[tuple[int, float]]) -> Chunk:
        padding = self.tokens - 2 - len(part)
        ids = (self._start, *(token for token, _ in part), self._end, *(self._pad,) * padding)
        return Chunk(ids, (1.0, *(weight for _, weight in part), *(1.0,) * (padding + 1)))


class Conditioning:
    """Encode Prompts at batch 1, chunk by chunk, and keep the newest `keep` of them."""

    def __init__(self, keep: int = 256) -> None:
        self._keep = keep
        self._cache: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self.encoded = 0
        """How many Prompts the text encoder has read so far."""

    def rows(
        self,
        key: tuple[str, ...],
        reader: Reader,
        text_encoder: Any,
        negative: tuple[str, ...],
        positive: tuple[str, ...],
        clip_skip: int,
    ) -> list[torch.Tensor]:
        """Return [1, tokens, width] of each Prompt, the negative ones first, padded to the longest with empty chunks.

        key names the Model and how it is loaded. clip_skip leaves out that many last layers of the positive ones
        alone, as diffusers does.
        """
        import torch

        prompts, skips = negative + positive, [0] * len(negative) + [clip_skip] * len(positive)
        rows = [self._row(key, reader, text_encoder, words, skip) for words, skip in zip(prompts, skips, strict=True)]
        longest = max(row.shape[1] for row in rows)
        for place, (row, skip) in enumerate(zip(rows, skips, strict=True)):
            missing = (longest - row.shape[1]) // reader.tokens
            if missing:
                empty = self._row(key, reader, text_encoder, "", skip)
                rows[place] = torch.cat([row, *[empty] * missing], dim=1)
        return rows

    def recall(self, key: tuple[Any, ...], encode: Callable[[], Found]) -> Found:
        """Return what was encoded under a key, encoded now where it is not kept; the Model's digest stands first."""
        if key not in self._cache:
            self.encoded += 1
            self._cache[key] = encode()
            if len(self._cache) > self._keep:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]  # type: ignore[no-any-return]

    def forget(self, digest: str) -> None:
        """Drop what was encoded by a Model."""
        for key in [key for key in self._cache if key[0] == digest]:
            del self._cache[key]

    def _row(self, key: tuple[str, ...], reader: Reader, text_encoder: Any, words: str, skip: int) -> torch.Tensor:
        import torch

        return self.recall(
            (*key, words, skip),
            lambda: torch.cat([_encode(text_encoder, chunk, skip) for chunk in reader.chunks(words)], dim=1),
        )


def _encode(text_encoder: Any, chunk: Chunk, skip: int) -> torch.Tensor:
    """Return [1, tokens, width] in the encoder's dtype; a plain chunk is what the stock pipeline gives, bit for bit."""
    import torch

    ids = torch.tensor([chunk.ids], device=text_encoder.device)
    mask = None
    if getattr(text_encoder.config, "use_attention_mask", False):
        last = chunk.ids.index(text_encoder.config.eos_token_id, 1)
        mask = (torch.arange(len(chunk.ids), device=ids.device) <= last).long()[None]
    if skip:
        hidden = text_encoder(ids, attention_mask=mask, output_hidden_states=True).hidden_states
        # transformers 5.6 flattened CLIPTextModel: diffusers' own clip_skip fails there (huggingface/diffusers#14124).
        inner = getattr(text_encoder, "text_model", text_encoder)
        found = inner.final_layer_norm(hidden[-(min(skip, len(hidden) - 1) + 1)])
    else:
        found = text_encoder(ids, attention_mask=mask)[0]
    return weigh(found, chunk, text_encoder.dtype)


def weigh(found: torch.Tensor, chunk: Chunk, dtype: torch.dtype) -> torch.Tensor:
    """Return what an encoder found, weighted as A1111 does: it keeps the mean it had; a plain one is as it was."""
    import torch

    if chunk.plain:
        return found.to(dtype)
    exact = found.float()
    weighed = exact * torch.tensor(chunk.weights, device=exact.device)[None, :, None]
    return (weighed * (exact.mean() / weighed.mean())).to(dtype)


def _weighed(pieces: list[tuple[str, float]], start: int, factor: float) -> list[tuple[str, float]]:
    return [*pieces[:start], *((words, weight * factor) for words, weight in pieces[start:])]


def _merged(pieces: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    found: list[tuple[str, float]] = []
    for words, weight in pieces:
        if found and found[-1][1] == weight:
            found[-1] = (found[-1][0] + words, weight)
        elif words:
            found.append((words, weight))
    return tuple(found) or (("", 1.0),)


def _tokenizer(place: Path, special: tuple[str, ...]) -> Tokenizer:
    """Return CLIP's byte-level BPE from tokenizer.json, else from vocab.json and merges.txt."""
    if (place / "tokenizer.json").is_file():
        found = Tokenizer.from_file(str(place / "tokenizer.json"))
        found.no_truncation()
        found.no_padding()
    else:
        bpe = models.BPE.from_file(
            str(place / "vocab.json"), str(place / "merges.txt"), unk_token=special[1], end_of_word_suffix="</w>"
        )
        found = Tokenizer(bpe)
        spaces = normalizers.Replace(Regex(r"\s+"), " ")
        found.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
        split = pre_tokenizers.Split(Regex(SPLIT), behavior="removed", invert=True)
        found.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    found.add_special_tokens([AddedToken(token, special=True) for token in dict.fromkeys(special)])
    return found


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _name(token: Any, default: str) -> str:
    """Return a special token's text; older folders write it as an object."""
    return str(token.get("content", default) if isinstance(token, dict) else token or default)
