"""What is known of this machine's processor, for choices that were measured on some kinds of it."""

from typing import Any

import torch


def capabilities() -> dict[str, Any]:
    """Instructions and name of the processor, as torch gives them; empty for versions of torch that do not."""
    return dict(torch.cpu.get_capabilities()) if hasattr(torch.cpu, "get_capabilities") else {}


def is_amd() -> bool:
    """Whether it is one of AMD's."""
    return str(capabilities().get("cpu_name", "")).startswith("AMD")


def multiplies_bf16() -> bool:
    """Whether torch multiplies bfloat16 matrices faster than those in single precision.

    AMX and ARM's instructions do, and AVX-512's on AMD's processors (Zen 4: 205 and 88 GFLOP/s a core; a step of
    training takes 0.55 to 0.85 of the time). On Intel's without AMX they do not (63 and 357 GFLOP/s on two cores).
    """
    found = capabilities()
    return any(found.get(name, False) for name in ("amx_bf16", "bf16")) or (
        bool(found.get("avx512_bf16", False)) and is_amd()
    )


def kernel_rows() -> int:
    """Rows up to which our kernels multiply single-precision weights faster than torch.

    With AVX-512 on Intel's processors torch is faster from 33 rows on. On Zen 4 and on processors without AVX-512 it is
    not: `python -m benchmarks.kernel_variants`.
    """
    return 32 if torch.backends.cpu.get_cpu_capability() == "AVX512" and not is_amd() else 1 << 14
