"""Products of the kernels' variants and of torch, by rows and kind of weights.

    python -m benchmarks.kernel_variants [--rows 1 8 32 64 128] [--shape 3072 768] [--rounds 15]

One thread unless `OMP_NUM_THREADS` says otherwise. The ways take turns; the fastest round counts, in GFLOP/s. Several
matrices are multiplied one after the other, so that none of them is in the second-level cache.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch.nn import functional as F

from bimotion.models.kernels import VARIANTS, product, use_variant, variant

MATRICES = 12
"""Matrices that are multiplied one after the other."""


def main() -> None:
    """Print one table for each kind of weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 48, 64, 128, 256])
    parser.add_argument("--shape", type=int, nargs=2, default=[3072, 768], help="outputs and inputs")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    best = variant()
    if best is None:
        raise SystemExit("the kernels were not compiled")
    names = [name for name in VARIANTS if use_variant(name)]
    outputs, inputs = arguments.shape
    weights = torch.randn(MATRICES, outputs, inputs)
    scale = torch.rand(outputs)
    kinds = {
        "fp32": (weights, None),
        "bf16": (weights.to(torch.bfloat16), None),
        "int8": ((weights * 30).to(torch.int8), scale),
    }
    with torch.inference_mode():
        for kind, (stored, factor) in kinds.items():
            ways: dict[str, Callable[[torch.Tensor], object]] = {
                name: lambda x, name=name, stored=stored, factor=factor: (  # type: ignore[misc]
                    use_variant(name),
                    [product(x, one, None, factor) for one in stored],
                )
                for name in names
            }
            if kind == "fp32":
                ways["torch"] = lambda x, stored=stored: [F.linear(x, one) for one in stored]  # type: ignore[misc]
            print(f"{kind}, {outputs} x {inputs}, {torch.get_num_threads()} threads: GFLOP/s")
            print("| rows |", " | ".join(ways), "|")
            print("| ---: |", " | ".join("---:" for _ in ways), "|")
            for rows in arguments.rows:
                rates = _rates(ways, torch.randn(rows, inputs), arguments.rounds, outputs)
                print(f"| {rows} |", " | ".join(f"{rate:.1f}" for rate in rates), "|", flush=True)
    use_variant(best)


def _rates(
    ways: dict[str, Callable[[torch.Tensor], object]], x: torch.Tensor, rounds: int, outputs: int
) -> list[float]:
    fastest = dict.fromkeys(ways, float("inf"))
    for _ in range(1 + rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way(x)
            fastest[name] = min(fastest[name], time.perf_counter() - begun)
    return [2e-9 * MATRICES * x.numel() * outputs / seconds for seconds in fastest.values()]


if __name__ == "__main__":
    main()
