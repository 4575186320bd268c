"""Pack a checkpoint into a model folder: the averaged weights in half precision, as diffusers lays them out."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from training.learner import Learner
from training.models import Parts, load_parts, load_text, load_vae, new_unet, pipeline
from training.work import Work, arguments


def checkpointed(work: Work, base: Path | None) -> tuple[Parts, int]:
    """Join the checkpoint's average to the base's tokenizer, or to the work folder's; return its step too."""
    parts = Parts(*load_text(work.text), new_unet(), None) if base is None else load_parts(base)
    learner = Learner(parts.unet, parts.text_encoder, 0.0)
    learner.load(work.checkpoint)
    unet, text_encoder = learner.averaged()
    return replace(parts, unet=unet, text_encoder=text_encoder), learner.step


def write(parts: Parts, out: Path) -> None:
    """Write copies of the parts in float16."""
    joined = pipeline(
        Parts(
            parts.tokenizer,
            copy.deepcopy(parts.text_encoder),
            copy.deepcopy(parts.unet).to(memory_format=torch.contiguous_format),
            copy.deepcopy(parts.vae).to(memory_format=torch.contiguous_format),
        )
    )
    joined.to(torch.float16)
    joined.save_pretrained(out, safe_serialization=True)
    for name in ("vocab.json", "merges.txt"):
        # transformers writes tokenizer.json alone; other readers of CLIP folders look for these two.
        shutil.copyfile(Path(parts.tokenizer.name_or_path) / name, out / "tokenizer" / name)
    for path in out.rglob("*.safetensors"):
        path.chmod(0o644)
    for path in out.glob("*/config.json"):
        # A part's config remembers the folder that it was loaded from, which is nobody's business.
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Pack the work folder's checkpoint, or another VAE into the base."""
    parser = arguments("Pack a checkpoint into a model folder.")
    parser.add_argument("--base", type=Path, default=Path("models/builtin"), help="the model that was gone on from")
    parser.add_argument("--new", action="store_true", help="the checkpoint began from nothing, on the new text encoder")
    parser.add_argument("--only-vae", action="store_true", help="no checkpoint: keep the base's UNet and text encoder")
    parser.add_argument("--vae", type=Path, default=Path("models/builtin/vae"))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.only_vae:
        parts = load_parts(options.base)
    else:
        parts, step = checkpointed(options.work, None if options.new else options.base)
        print(f"step {step}")
    write(replace(parts, vae=load_vae(options.vae)), options.out)
    print(f"{options.out}: {sum(path.stat().st_size for path in options.out.rglob('*.*')) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
