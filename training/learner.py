"""The learner: the two networks in training, Adam's state, and the running average that is shipped."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import Parameter

AVERAGE_KEEP: Final = 0.9985
AVERAGE_EVERY: Final = 2


class Learner:
    """Hold everything that a checkpoint must bring back."""

    def __init__(self, unet: Any, text_encoder: Any, learning_rate: float) -> None:
        self.unet = unet.train().to(memory_format=torch.channels_last)
        self.text_encoder = text_encoder.train()
        # The words already mean something; training on a few hundred of them would move only those.
        self.text_encoder.get_input_embeddings().weight.requires_grad_(False)
        self.step = 0
        both = [*self.unet.parameters(), *self.text_encoder.parameters()]
        self.parameters: list[Parameter] = [parameter for parameter in both if parameter.requires_grad]
        groups = [
            {"params": [parameter for parameter in self.parameters if parameter.ndim > 1], "weight_decay": 0.01},
            {"params": [parameter for parameter in self.parameters if parameter.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)
        self._average = {name: value.detach().clone() for name, value in self._state().items()}

    def _state(self) -> dict[str, Tensor]:
        unet = {f"unet.{name}": value for name, value in self.unet.state_dict().items()}
        return unet | {f"text_encoder.{name}": value for name, value in self.text_encoder.state_dict().items()}

    def advance(self, learning_rate: float, *, averaging: bool) -> None:
        """Take one step of Adam, unless a gradient is not finite, and follow it with the average."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)):
            self.optimizer.step()
        self.step += 1
        if averaging and self.step % AVERAGE_EVERY == 0:
            self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(AVERAGE_KEEP, (1 + self.step) / (12 + self.step)) ** AVERAGE_EVERY
        state = self._state()
        names = [name for name, value in self._average.items() if value.is_floating_point()]
        torch._foreach_lerp_([self._average[name] for name in names], [state[name] for name in names], 1 - keep)

    def averaged(self) -> tuple[Any, Any]:
        """Return copies of UNet and text encoder that hold the average."""
        unet, text_encoder = copy.deepcopy(self.unet), copy.deepcopy(self.text_encoder)
        text_encoder.get_input_embeddings()._forward_hooks.clear()
        for network, head in ((unet, "unet."), (text_encoder, "text_encoder.")):
            network.load_state_dict(
                {name.removeprefix(head): value for name, value in self._average.items() if name.startswith(head)}
            )
            network.eval()
        return unet, text_encoder

    def save(self, path: Path) -> None:
        """Write the checkpoint; a reader never sees half of one."""
        part = path.with_suffix(".part")
        state = {
            "step": self.step,
            "weights": self._state(),
            "average": self._average,
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, part)
        os.replace(part, path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.step = state["step"]
        own = self._state()
        for name, value in state["weights"].items():
            own[name].copy_(value)
        self._average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
