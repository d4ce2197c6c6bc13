"""Optimisers over named parameters, and the learning rate as a function of the step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from bimotion.errors import ConfigError, DataError, check_range
from bimotion.training.adamw16 import AdamW16


@dataclass(frozen=True)
class OptimiserConfig:
    """Optimiser and learning-rate schedule."""

    optimiser: Literal["adamw", "muon"] = "adamw"
    """`muon`: orthogonalised momentum for the matrices of hidden layers, AdamW for everything else. Muon computes
    in bfloat16: on a CPU without it in hardware a step of the tiny VAE takes minutes."""
    lr: float = 4e-4
    """Peak learning rate."""
    muon_lr: float = 2e-3
    """Peak learning rate of Muon's matrices; updates have the root mean square of AdamW's."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Decay rates of AdamW's first and second moments."""
    moments: Literal["fp32", "bf16"] = "fp32"
    """Type of AdamW's moments; bf16 with stochastic rounding takes half the memory (`AdamW16`)."""
    weight_decay: float = 0.01
    """Decoupled weight decay of matrices; vectors, norms and tables are not decayed."""
    warmup_steps: int = 300
    """Steps of linear warm-up from 0."""
    final_lr_ratio: float = 0.02
    """Learning rate at the last step, as a share of the peak."""
    clip_norm: float = 1.0
    """Maximum norm of the whole gradient; 0: no clipping."""

    def __post_init__(self) -> None:
        check_range(self, ("lr", "muon_lr"), 0, above=True)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(f"betas must lie in [0, 1), got {self.betas}")
        check_range(self, ("weight_decay", "warmup_steps", "clip_norm"), 0)
        check_range(self, "final_lr_ratio", 0, 1)


@dataclass(frozen=True)
class LrScale:
    """A factor on the learning rate of the parameters whose names start with `prefix`."""

    prefix: str
    """Prefix of parameter names; the first match applies."""
    scale: float
    """Factor on the learning rate."""


def lr_factor(step: int, steps: int, warmup_steps: int, final_ratio: float) -> float:
    """Learning rate of step number `step` (from 0) of `steps`, as a share of the peak.

    Linear from 1 / `warmup_steps` to 1, then half a cosine down to `final_ratio` at the last step.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(steps - 1 - warmup_steps, 1)
    return final_ratio + (1 - final_ratio) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class Optimisers:
    """The optimisers of a run; frozen parameters are excluded."""

    def __init__(self, module: nn.Module, config: OptimiserConfig, lr_scales: Sequence[LrScale] = ()) -> None:
        self.config = config
        self.parts: list[torch.optim.Optimizer] = []
        hidden: dict[str, Tensor] = {}
        rest: dict[str, Tensor] = {}
        matrices = _linear_weights(module)
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                muon = config.optimiser == "muon" and id(parameter) in matrices
                (hidden if muon else rest)[name] = parameter
        if not hidden and not rest:
            raise ConfigError("nothing to train: every parameter of the model is frozen")
        if rest:
            groups = _groups(rest, config.lr, config.weight_decay, lr_scales, matrices)
            some = next(iter(rest.values()))
            fused = some.is_floating_point() and some.device.type in ("cpu", "cuda")
            self.parts.append(
                AdamW16(groups, betas=config.betas)
                if config.moments == "bf16"
                else torch.optim.AdamW(groups, betas=config.betas, eps=1e-8, fused=fused)
            )
        if hidden:
            groups = _groups(hidden, config.muon_lr, config.weight_decay, lr_scales, matrices)
            self.parts.append(torch.optim.Muon(groups, adjust_lr_fn="match_rms_adamw"))

    def set_lr(self, factor: float) -> None:
        """Set every learning rate to `factor` times its peak."""
        for optimiser in self.parts:
            for group in optimiser.param_groups:
                group["lr"] = group["top_lr"] * factor

    def step(self) -> None:
        """Update the parameters."""
        for optimiser in self.parts:
            optimiser.step()

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for optimiser in self.parts:
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Tensors and scalars of the optimisers' state; keys `optimiser.parameter.name`."""
        tensors: dict[str, Tensor] = {}
        scalars: dict[str, float] = {}
        for index, optimiser in enumerate(self.parts):
            for number, values in optimiser.state_dict()["state"].items():
                for name, value in values.items():
                    key = f"{index}.{number}.{name}"
                    if isinstance(value, Tensor):
                        tensors[key] = value
                    elif value is not None:
                        scalars[key] = value
        return tensors, scalars

    def restore(self, tensors: dict[str, Tensor], scalars: dict[str, float]) -> None:
        """Restore the state that `state` returned; learning rates follow from the step and are not part of it."""
        for key in (*tensors, *scalars):
            part, number, _ = key.split(".", 2)
            parameter = self._parameters(int(part))[int(number)]
            if key in tensors and tensors[key].shape not in (parameter.shape, torch.Size()):
                raise DataError(f"optimiser.safetensors: {key} has shape {tuple(tensors[key].shape)}")
        for index, optimiser in enumerate(self.parts):
            state = optimiser.state_dict()
            values: dict[int, dict[str, object]] = {}
            for key, value in (*tensors.items(), *scalars.items()):
                part, number, name = key.split(".", 2)
                if int(part) == index:
                    values.setdefault(int(number), {})[name] = value
            state["state"] = cast(Any, values)
            optimiser.load_state_dict(state)

    def _parameters(self, part: int) -> list[Tensor]:
        """The parameters of one optimiser, in the order of their indices in its state."""
        return [parameter for group in self.parts[part].param_groups for parameter in group["params"]]


def _linear_weights(module: nn.Module) -> set[int]:
    """Identities of the weights of linear layers, to which weight decay and Muon apply."""
    return {id(part.weight) for part in module.modules() if isinstance(part, nn.Linear)}


def _groups(
    parameters: dict[str, Tensor],
    lr: float,
    weight_decay: float,
    lr_scales: Sequence[LrScale],
    matrices: set[int],
) -> list[dict[str, object]]:
    """Parameter groups by factor on the learning rate and by whether they are decayed."""
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    for name, parameter in parameters.items():
        scale = next((entry.scale for entry in lr_scales if name.startswith(entry.prefix)), 1.0)
        groups.setdefault((scale, id(parameter) in matrices), []).append(parameter)
    return [
        {
            "params": members,
            "lr": lr * scale,
            "top_lr": lr * scale,
            "weight_decay": weight_decay if decay else 0.0,
        }
        for (scale, decay), members in groups.items()
    ]
