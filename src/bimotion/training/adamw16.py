"""AdamW with moments in 16 bits: four bytes of state per parameter instead of eight."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

CHUNK = 1 << 18
"""Values updated together, so that intermediate results stay in the cache."""


class AdamW16(torch.optim.Optimizer):
    """AdamW with moments in bfloat16 and stochastic rounding.

    A second moment changes by a small share of itself per step, which rounding to the nearest value would lose;
    stochastic rounding is right on average. Steps are computed in single precision.

    Source: AdamW (Loshchilov and Hutter 2019); stochastic rounding as in "Revisiting BFloat16 Training" (Zamirai et al.
    2020).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update the parameters."""
        loss = None if closure is None else closure()
        noise: dict[torch.device, Tensor] = {}
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.zeros(())
                for name in ("exp_avg", "exp_avg_sq"):
                    if name not in state:
                        state[name] = torch.zeros_like(parameter, dtype=torch.bfloat16)
                    # torch restores it in the parameter's precision
                    state[name] = state[name].to(torch.bfloat16)
                state["step"] += 1
                device = parameter.device
                if device not in noise:
                    # the same in each process of a run, and when it is resumed
                    generator = torch.Generator().manual_seed(int(state["step"]))
                    noise[device] = torch.randint(
                        1 << 16, (2, CHUNK), dtype=torch.int32, generator=generator
                    ).to(device)
                self._move(parameter, state, group, noise[device])
        return loss

    def _move(
        self,
        parameter: Tensor,
        state: dict[str, Tensor],
        group: dict[str, Any],
        noise: Int[Tensor, "2 chunk"],
    ) -> None:
        assert parameter.grad is not None
        beta1, beta2 = group["betas"]
        steps = float(state["step"])
        rate, root = group["lr"] / (1 - beta1**steps), (1 - beta2**steps) ** -0.5
        flat = (
            parameter.view(-1),
            parameter.grad.reshape(-1),
            state["exp_avg"].view(-1),
            state["exp_avg_sq"].view(-1),
        )
        for p, g, m, v in zip(*(torch.split(values, CHUNK) for values in flat), strict=True):
            mean, square = (
                m.float().lerp_(g, 1 - beta1),
                v.float().mul_(beta2).addcmul_(g, g, value=1 - beta2),
            )
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.addcdiv_(mean, square.sqrt().mul_(root).add_(group["eps"]), value=-rate)
            m.copy_(round_at_random(mean, noise[0, : len(p)]))
            v.copy_(round_at_random(square, noise[1, : len(p)]))


def round_at_random(values: Float[Tensor, " n"], noise: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """`values` rounded stochastically to bfloat16: away from zero with the probability given by the last 16 bits.

    `noise` is uniform in 0..65535; the result is still float32. Overwrites `values`.
    """
    return values.view(torch.int32).add_(noise).bitwise_and_(-65536).view(torch.float32)
