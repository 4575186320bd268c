"""T5Reader: a Prompt -> the tokens of T5, in chunks as CLIP's."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from inference.conditioning import Chunk, Reader
from inference.families.folder import read_json


class T5Reader(Reader):
    """Read Prompts as T5's tokenizer does: no start, one end."""

    _marks = 1

    def __init__(self, folder: Path, tokens: int) -> None:
        """Open `folder`/tokenizer_3; tokens: how many the encoder is given at once, its end among them."""
        place = folder / "tokenizer_3"
        config = read_json(place / "tokenizer_config.json")
        self._tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._end = self._id(str(config.get("eos_token") or "</s>"))
        self._pad = self._id(str(config.get("pad_token") or "<pad>"))
        self.tokens = tokens
        self.size = int(self._tokenizer.get_vocab_size())
        self._learned, self._words = {}, None

    def _chunk(self, part: list[tuple[int, float]]) -> Chunk:
        padding = self.tokens - 1 - len(part)
        ids = (*(token for token, _ in part), self._end, *(self._pad,) * padding)
        return Chunk(ids, (*(weight for _, weight in part), *(1.0,) * (padding + 1)))
