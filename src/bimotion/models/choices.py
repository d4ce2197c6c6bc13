"""Named choices of settings, importable without torch: the command line shows them in its help."""

from typing import Literal

Sampler = Literal["ancestral", "ddim", "dpmpp"]
"""ancestral: published, adds noise at every step; ddim and dpmpp: deterministic after the first draw, fewer steps."""

PresetName = Literal["micro", "tiny", "small", "gpt2", "smollm2"]
"""micro: for tests; tiny: small enough to train on a laptop; small: the bundled one, a narrow motion
branch beside the first layers of SmolLM2; gpt2: the paper's; smollm2: on a Llama-family text branch."""

Precision = Literal["fp32", "bf16", "int8"]
"""Type of the transformer's matrices, which are most of a model's weights. On a CPU everything else stays in single
precision; on other devices bf16 means all parameters in bfloat16, and int8 is not available."""

ComposeMethod = Literal["segments", "clips"]
"""segments: two seconds of motion at a time, each given the motion before; clips: a clip for each phrase, led by
guidance out of the one before."""
