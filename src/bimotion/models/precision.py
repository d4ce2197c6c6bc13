"""Computing in fewer bits, for inference."""

import warnings
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bimotion.errors import ModelError
from bimotion.models.linear import Linear
from bimotion.models.motion_language import MotionLanguage

Precision = Literal["fp32", "bf16", "int8"]
"""bf16: everything in bfloat16. int8: the transformer's matrices as 8-bit numbers with a scale for each row, the
activations before them rounded to 7 bits on the way (CPU only); all else in single precision."""


def dtype_of(precision: Precision) -> torch.dtype:
    """What a model's parameters are loaded as."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


def quantise(network: MotionLanguage) -> None:
    """Turn the linear layers of both branches, and the output matrix, into torch's dynamically quantised ones.

    Raises:
        ModelError: the network is not on a CPU.
    """
    from torch.ao import quantization
    from torch.ao.nn.quantized import dynamic

    mixture, quantised = network.mixture, dynamic.Linear
    embedding = mixture.text.embedding.weight
    if embedding.device.type != "cpu":
        raise ModelError(f"int8 is for the CPU, the model is on {embedding.device}; use bf16 there")

    def of(weight: Tensor, bias: Tensor | None) -> nn.Module:
        layer: Any = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
        layer.weight, layer.bias, layer.qconfig = weight, bias, quantization.per_channel_dynamic_qconfig
        made: nn.Module = quantised.from_float(layer)  # type: ignore[no-untyped-call]
        return made

    with warnings.catch_warnings():
        # torch 2.13 says that 2.10 will no longer have it; its successor is a package of its own
        warnings.filterwarnings("ignore", message=".*deprecated", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*deprecated", category=UserWarning)
        for branch in (mixture.text, mixture.motion):
            for part in list(branch.layers.modules()):
                for name, layer in part.named_children():
                    if isinstance(layer, Linear):
                        setattr(part, name, of(layer.weight, layer.bias))
        mixture.output = of(embedding, None)
