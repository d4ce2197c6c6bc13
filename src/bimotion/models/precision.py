"""Inference in bfloat16 or with int8 weights."""

import warnings
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bimotion.errors import ModelError
from bimotion.models.choices import Precision
from bimotion.models.kernels import Activation, Norm, available, product
from bimotion.models.linear import Linear, linear_with_epilogue
from bimotion.models.motion_language import MotionLanguage


class QuantizedLinear(nn.Module):
    """A linear layer for inference on a CPU with weights in bfloat16, or in int8 with one scale per output.

    Without the kernels it uses torch's dynamic quantisation.

    Shapes: R rows, G gate rows (at most R; the last one is repeated), D inputs, N outputs.
    """

    weight: Tensor
    bias: Tensor | None
    scale: Tensor | None

    def __init__(
        self,
        weight: Float[Tensor, "N D"],
        bias: Float[Tensor, " N"] | None,
        precision: Literal["bf16", "int8"],
    ) -> None:
        super().__init__()
        self.quantised = None if available() else _quantised(weight, bias)
        if self.quantised is not None:
            return
        scale = None
        if precision == "int8":
            scale = (weight.abs().amax(1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
            weight = (weight / scale[:, None]).round().to(torch.int8)
        self.register_buffer("weight", weight.to(torch.bfloat16) if scale is None else weight)
        self.register_buffer("bias", bias)
        self.register_buffer("scale", scale)

    def forward(
        self,
        x: Float[Tensor, "*R D"],
        *,
        norm: Norm | None = None,
        activation: Activation | None = None,
        gate: Float[Tensor, "G N"] | None = None,
        dropout: float = 0.0,
        add: Float[Tensor, "*R N"] | None = None,
    ) -> Float[Tensor, "*R N"]:
        """As `Linear`, without dropout."""
        if self.quantised is not None:
            return linear_with_epilogue(
                self.quantised, x, norm=norm, activation=activation, gate=gate, add=add
            )
        return product(
            x, self.weight, self.bias, self.scale, norm=norm, activation=activation, gate=gate, add=add
        )


def _quantised(weight: Float[Tensor, "N D"], bias: Float[Tensor, " N"] | None) -> nn.Module:
    from torch.ao import quantization
    from torch.ao.nn.quantized import dynamic

    layer: Any = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = nn.Parameter(weight, requires_grad=False)
    layer.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    layer.qconfig = quantization.per_channel_dynamic_qconfig
    with warnings.catch_warnings():
        # torch 2.13 announces its removal in 2.10; its successor is a separate package.
        warnings.filterwarnings("ignore", message=".*deprecated", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*deprecated", category=UserWarning)
        quantised: nn.Module = dynamic.Linear.from_float(layer)  # type: ignore[no-untyped-call]
    return quantised


def set_precision(network: MotionLanguage, precision: Precision) -> None:
    """Convert a single-precision network to `precision` in place.

    Without the kernels, bf16 converts all parameters to bfloat16 and int8 uses torch's dynamic quantisation.

    Raises:
        ModelError: int8 on a device other than the CPU.
    """
    device = network.mixture.text.embedding.weight.device
    if precision == "fp32":
        return
    if precision == "int8" and device.type != "cpu":
        raise ModelError(f"int8 is for the CPU, the model is on {device}; use bf16 there")
    if precision == "bf16" and not (device.type == "cpu" and available()):
        for parameter in network.parameters():
            parameter.data = parameter.data.to(torch.bfloat16)
        return
    mixture = network.mixture
    with torch.no_grad():
        for branch in (mixture.text, mixture.motion):
            for part in list(branch.layers.modules()):
                for name, layer in part.named_children():
                    if isinstance(layer, Linear):
                        bias = None if layer.bias is None else layer.bias.detach()
                        setattr(part, name, QuantizedLinear(layer.weight.detach(), bias, precision))
        mixture.output = QuantizedLinear(mixture.text.embedding.weight.detach(), None, precision)
