"""Minimum work of a task: the sum over its parts is a lower bound of its time on a machine.

Weights of matrix products and attention are counted; norms, activations and tables are small in comparison. The
weights of a part are read each time it runs, from the last cache as far as they fit into it.

Shapes: B sequences or clips, T frames, S slots, V text vocabulary, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from bimotion.benchmark.machine import Machine
from bimotion.models.branch import BranchLayer
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.token_batch import TokenBatch

ADAM_VALUES = 8
"""Values moved per trained parameter: weight, gradient and two moments are read, three of them written, and the
gradient is read once more for its norm."""


@dataclass(frozen=True)
class Part:
    """One part of a task's work."""

    name: str
    """Name of the part."""
    flops: float
    """Operations; a multiplication and an addition count as two."""
    read: float
    """Bytes of weights read."""
    passes: int = 1
    """Equal passes over the same weights in which they are read."""


def bound_seconds(parts: Sequence[Part], machine: Machine) -> float:
    """Lower bound of the time of all parts, one after the other."""
    return sum(machine.seconds(part.flops, part.read, part.passes) for part in parts)


def weights(module: nn.Module) -> int:
    """Number of weights in a module's linear layers."""
    return sum(part.weight.numel() for part in module.modules() if isinstance(part, nn.Linear))


def mixture_part(network: MotionLanguage, batch: TokenBatch, size: float) -> Part:
    """A pass over prompts; `size`: bytes per weight.

    The last layer's text tokens need keys and values only, except the last of each request.
    """
    text, motion = weights(network.mixture.text.layers), weights(network.mixture.motion.layers)
    last = network.mixture.text.layers[-1]
    assert isinstance(last, BranchLayer)
    unread = weights(last) - weights(last.qkv)
    words, slots = batch.text_ids.numel(), batch.motion_ids.numel()
    config = network.config.mixture
    pairs = 2.0 * batch.size * batch.length**2 * config.width * config.layers  # causal: half of all
    flops = 2.0 * (words * (text - unread) + slots * motion) + pairs
    return Part("transformer", flops, size * (text + motion))


def sampling_parts(network: MotionLanguage, count: int, steps: int) -> list[Part]:
    """Guided sampling of `count` motions in single precision.

    Modulations depend on the step and the condition, not on the latent; the unconditioned one is shared by all.
    """
    head = network.head
    assert head is not None
    levels: list[nn.Module] = [block.get_submodule("modulate") for block in head.blocks]
    levels += [head.modulate] if head.direct is None else [head.modulate, head.direct]
    modulate = sum(map(weights, levels))
    denoise = weights(head) - weights(head.condition) - weights(head.time) - modulate
    rows = steps * (count + 1)
    return [
        Part("modulations", 2.0 * rows * modulate, 4.0 * modulate),
        Part("denoising", 2.0 * steps * 2 * count * denoise, 4.0 * steps * denoise, steps),
    ]


def vae_part(network: MotionLanguage, half: nn.Module, count: int, frames: int) -> Part:
    """The VAE's encoder or decoder over whole clips; attention to a single latent is one row per clip."""
    config = network.config.vae
    tokens = -(-frames // config.frames_per_token)
    feature_values = sum(
        part.weight.numel()
        for name, part in half.named_modules()
        if isinstance(part, nn.Linear) and ".cross." not in name
    )
    feature_values += weights(network.vae.embed)  # as large as the output's
    pairs = 4.0 * count * tokens**2 * config.width * config.layers
    name = "VAE decoder" if half is network.vae.decoder else "VAE encoder"
    return Part(name, 2.0 * count * tokens * feature_values + pairs, 4.0 * feature_values)


def writing_parts(network: MotionLanguage, count: int, tokens: int, size: float) -> list[Part]:
    """Generation of `tokens` tokens for `count` sentences: the whole text branch for each but the first."""
    layers = weights(network.mixture.text.layers)
    output = network.config.mixture.text_vocab_size * network.config.mixture.width
    return [
        Part(
            "layers, token by token",
            2.0 * (tokens - 1) * count * layers,
            size * (tokens - 1) * layers,
            max(1, tokens - 1),
        ),
        Part("output matrix", 2.0 * tokens * count * output, size * tokens * output, tokens),
    ]


def training_parts(network: MotionLanguage, batch: TokenBatch) -> list[Part]:
    """A training step: forward, backward (twice the forward's work for trained weights) and AdamW."""
    text, motion = weights(network.mixture.text.layers), weights(network.mixture.motion.layers)
    words, slots = batch.text_ids.numel(), batch.motion_ids.numel()
    learns = not network.mixture.text.frozen
    output = network.config.mixture.text_vocab_size * network.config.mixture.width
    answers = batch.answer_ids.numel()
    last = network.mixture.text.layers[-1]
    assert isinstance(last, BranchLayer)
    assert network.head is not None
    unread = (weights(last) - weights(last.qkv)) * (words - answers)
    flops = 2.0 * ((3 if learns else 1) * (words * text - unread) + 3 * slots * motion + 3 * answers * output)
    motions = len(batch.out_rows)
    rows, head, pool = (
        network.config.diffusion.repeats * motions,
        weights(network.head),
        weights(network.head.condition),
    )
    trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    return [
        Part("transformer", flops, 4.0 * 3 * (text + motion)),
        Part("diffusion head", 2.0 * 3 * (rows * (head - pool) + motions * pool), 4.0 * 3 * head),
        Part("AdamW", 0.0, 4.0 * ADAM_VALUES * trained),
    ]
