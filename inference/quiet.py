"""Set what the model libraries must find before they are imported: offline, silent, no code from a model's folder."""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib import import_module

BEFORE_IMPORT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DIFFUSERS_DISABLE_REMOTE_CODE": "1",
    "DIFFUSERS_GGUF_CUDA_KERNELS": "false",  # Those are code from the hub.
    "TRANSFORMERS_OFFLINE": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}


def set_environment(environ: MutableMapping[str, str]) -> None:
    """Write BEFORE_IMPORT into an environment; call it with os.environ before torch, diffusers or transformers load."""
    environ.update(BEFORE_IMPORT)


def hush() -> None:
    """Silence both libraries' own logging and progress bars; imports them, so it takes seconds."""
    for name in ("diffusers.utils.logging", "transformers.utils.logging"):
        logging = import_module(name)
        logging.set_verbosity_error()
        logging.disable_progress_bar()
