"""The work folder: where each step of the training finds and leaves its files."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Work:
    """Name every path of one work folder."""

    root: Path

    @property
    def packages(self) -> Path:
        """Hold the unpacked npm and PyPI packages."""
        return self.root / "packages"

    @property
    def sprites(self) -> Path:
        """Hold the rendered sprites, uint8 [N, 128, 128, 4]."""
        return self.root / "sprites.npy"

    @property
    def concepts(self) -> Path:
        """Hold the name, group, tags and sprite numbers of each concept."""
        return self.root / "concepts.json"

    @property
    def latents(self) -> Path:
        """Hold the shards of encoded pictures."""
        return self.root / "latents"

    @property
    def text(self) -> Path:
        """Hold a new tokenizer and a new text encoder."""
        return self.root / "text"

    @property
    def vae(self) -> Path:
        """Hold a new VAE."""
        return self.root / "vae"

    @property
    def checkpoint(self) -> Path:
        """Hold the newest state of the UNet training, Adam's included."""
        return self.root / "checkpoint.pt"

    @property
    def classifier(self) -> Path:
        """Hold the weights of the classifier that measures."""
        return self.root / "classifier.pt"


def arguments(description: str) -> argparse.ArgumentParser:
    """Make the parser that every step shares."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=lambda text: Work(Path(text)), default=Work(Path("data/training")))
    return parser
