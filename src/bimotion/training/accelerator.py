"""Devices, processes and number format of a training run, by accelerate."""

from typing import TYPE_CHECKING

import torch

from bimotion.errors import ConfigError
from bimotion.models.processor import multiplies_bf16
from bimotion.training.loop_config import LoopConfig

if TYPE_CHECKING:
    from accelerate import Accelerator


def make_accelerator(loop: LoopConfig) -> "Accelerator":
    """Devices, processes and precision of a run, by accelerate.

    Raises:
        ConfigError: accelerate is not installed, or there is no such device.
    """
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from accelerate.utils import DistributedDataParallelKwargs
    except ImportError as error:
        raise ConfigError("training needs accelerate: pip install 'bimotion[train]'") from error
    if loop.device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device must be auto, cpu or cuda, got {loop.device!r}")
    if loop.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("torch finds no CUDA device for --device cuda; use --device cpu")
    cpu = loop.device == "cpu" or not torch.cuda.is_available()
    half = loop.precision == "bf16" or (loop.precision == "auto" and computes_bf16(cpu=cpu))
    # Accelerate keeps the precision of the process's first run; a later run may have another.
    AcceleratorState._reset_state()
    return Accelerator(
        mixed_precision="bf16" if half else "no",
        cpu=cpu,
        # a batch without captions as answers leaves the text branch's output without a gradient
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def computes_bf16(*, cpu: bool) -> bool:
    """Whether this machine's CPU, or its CUDA device, multiplies bfloat16 matrices faster than single precision."""
    return multiplies_bf16() if cpu else bool(torch.cuda.is_bf16_supported(including_emulation=False))
