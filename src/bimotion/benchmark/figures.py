"""The figures: what is timed, made ready once and run again and again.

Shapes: B sequences or clips, T frames, F feature columns, N latents of a clip, D latent width, V text vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from bimotion.benchmark.work import (
    Part,
    mixture_part,
    sampling_parts,
    training_parts,
    vae_part,
    writing_parts,
)
from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.precision import Precision
from bimotion.models.tokens import SpecialIds, TokenSequence
from bimotion.training.language.batches import LanguageBatch
from bimotion.training.language.objective import LanguageLossConfig, LanguageObjective
from bimotion.training.language.stages import LANGUAGE_STAGES
from bimotion.training.optimisers import OptimiserConfig, Optimisers
from bimotion.training.task import Shard

Kind = Literal["text to motion", "captioning", "stage1", "stage3", "stage3, less memory"]
"""What is done; less memory: AdamW's moments in 16 bits."""


@dataclass(frozen=True)
class Figure:
    """One thing that is timed; the sizes are what the field's usual clips and captions have."""

    kind: Kind
    """What is done."""
    batch: int
    """Clips at once."""
    precision: Precision = "fp32"
    """What the network computes in; training is in single precision."""
    words: int = 16
    """Tokens of a caption; in a batch they are spread evenly from 4 fewer to 4 more."""
    frames: int = 140
    """Length of a clip: 7 s at 20 per second, the mean of HumanML3D."""
    steps: int = 100
    """Sampling steps: ancestral, with guidance."""
    written: int = 40
    """Tokens that captioning writes."""

    @property
    def trains(self) -> bool:
        """Whether it is a training step."""
        return self.kind.startswith("stage")

    @property
    def caption_lengths(self) -> list[int]:
        """Tokens of each clip's caption."""
        if self.batch == 1:
            return [self.words]
        return [max(1, self.words - 4 + number % 9) for number in range(self.batch)]


FIGURES = (
    Figure("text to motion", 1),
    Figure("text to motion", 32),
    Figure("captioning", 1),
    Figure("captioning", 8),
    Figure("stage1", 32),
    Figure("stage3", 32),
    Figure("stage3, less memory", 32),
    Figure("text to motion", 1, "bf16"),
    Figure("captioning", 1, "bf16"),
    Figure("text to motion", 1, "int8"),
    Figure("captioning", 1, "int8"),
    Figure("captioning", 8, "int8"),
)
"""What `bimotion benchmark` measures."""


@dataclass(frozen=True)
class Job:
    """A figure made ready."""

    run: Callable[[], object]
    """Does it once."""
    outcome: Callable[[], Tensor]
    """What is compared between precisions: a motion's features, the scores of an answer's first token, a loss."""
    parts: list[Part]
    """What it must compute and read."""


def job(figure: Figure, network: MotionLanguage) -> Job:
    """The figure on a network, which a training step changes."""
    if figure.kind == "text to motion":
        return _text_to_motion(figure, network)
    if figure.kind == "captioning":
        return _captioning(figure, network)
    return _training_step(figure, network)


def _text_to_motion(figure: Figure, network: MotionLanguage) -> Job:
    requests = Requests(network.config.special, network.config.slots)
    batch = network.batch([requests.motion(words) for words in figure.caption_lengths])
    lengths = torch.full((figure.batch,), figure.frames)

    def run() -> Tensor:
        latents, _ = network.sample(
            batch,
            steps=figure.steps,
            sampler="ancestral",
            guidance_scale=3.0,
            generator=torch.Generator().manual_seed(0),
        )
        with torch.inference_mode():
            return network.decode(latents, lengths, figure.frames)

    parts = [
        mixture_part(network, batch, _weight_bytes(figure)),
        *sampling_parts(network, figure.batch, figure.steps),
        vae_part(network, network.vae.decoder, figure.batch, figure.frames),
    ]
    return Job(run, run, parts)


def _captioning(figure: Figure, network: MotionLanguage) -> Job:
    requests = Requests(network.config.special, network.config.slots)
    batch = network.batch([requests.caption()] * figure.batch)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(figure.batch, figure.frames, network.config.vae.feature_dim, generator=generator)
    features = features.to(network.vae.embed.weight.dtype)
    lengths = torch.full((figure.batch,), figure.frames)

    def encode() -> Tensor:
        with torch.inference_mode():
            return network.encode(features, lengths)

    def run() -> None:
        written = network.generate(batch, encode(), DecodingConfig(max_tokens=figure.written))
        assert {len(ids) for ids in written} == {figure.written}, "an answer ended early"

    def outcome() -> Tensor:
        with torch.inference_mode():
            given = network.understanding(encode().flatten(1)).view(figure.batch, network.config.slots, -1)
            return network.mixture.logits(network.mixture(batch, given, text_rows=batch.last_rows).text)

    size = _weight_bytes(figure)
    parts = [
        vae_part(network, network.vae.encoder, figure.batch, figure.frames),
        mixture_part(network, batch, size),
        *writing_parts(network, figure.batch, figure.written, size),
    ]
    return Job(run, outcome, parts)


def _training_step(figure: Figure, network: MotionLanguage) -> Job:
    stage = LANGUAGE_STAGES["stage1" if figure.kind == "stage1" else "stage3"]
    losses = LanguageLossConfig(stage.text_weight, stage.diffusion_weight, stage.length_weight)
    module = LanguageObjective(network, losses, stage.trains)
    module.train()
    lean = figure.kind == "stage3, less memory"
    optimiser = Optimisers(module, OptimiserConfig(lr=1e-5, moments="bf16" if lean else "fp32"))
    requests = Requests(network.config.special, network.config.slots)
    sequences = [
        requests.of(task, words) for task, words in zip(_tasks(figure), figure.caption_lengths, strict=True)
    ]
    tokens = network.batch(sequences)
    latents = torch.randn(figure.batch, network.config.vae.num_latents, network.config.vae.latent_dim)
    asked = len(tokens.out_rows)
    batch = LanguageBatch(
        tokens,
        latents[: len(tokens.in_rows)] if len(tokens.in_rows) else None,
        latents[:asked],
        torch.full((asked,), figure.frames),
        Shard(),
    )

    def loss() -> Tensor:
        found: Tensor = module(batch, torch.Generator().manual_seed(0))["loss"]
        return found

    def run() -> None:
        torch.autograd.backward(loss())
        nn.utils.clip_grad_norm_([p for p in module.parameters() if p.grad is not None], 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return Job(run, loss, training_parts(network, tokens))


def _tasks(figure: Figure) -> list[str]:
    """What each sequence of a training batch asks for: motions; in stage 3 half of them, as its shares are."""
    shares = ("motion",) if figure.kind == "stage1" else (*("motion",) * 4, *("caption",) * 2, "rest", "text")
    return [shares[number % len(shares)] for number in range(figure.batch)]


def _weight_bytes(figure: Figure) -> int:
    return {"fp32": 4, "bf16": 2, "int8": 1}[figure.precision]


class Requests:
    """Sequences as the tokenizer makes them, with made-up words; the frames around them have 3 and 2 tokens."""

    def __init__(self, special: SpecialIds, slots: int) -> None:
        self.special, self.slots = special, slots
        self.generator = torch.Generator().manual_seed(0)

    def words(self, count: int) -> tuple[int, ...]:
        """So many ids of text, the end token not among them."""
        ids = torch.randint(self.special.start - 1, (count,), generator=self.generator)
        return tuple((ids + (ids >= self.special.eos)).tolist())

    def motion(self, words: int) -> TokenSequence:
        """A caption, answered by a motion."""
        return TokenSequence(self.words(3 + words + 2), self._slots(self.special.out_slot))

    def caption(self, words: int = 0) -> TokenSequence:
        """A motion, answered by a caption."""
        prompt = (*self.words(3), *self._slots(self.special.in_slot)[1:], self.special.end, *self.words(2))
        return TokenSequence(prompt, (*self.words(words), self.special.eos) if words else ())

    def of(self, task: str, words: int) -> TokenSequence:
        """A training example with a caption of so many tokens."""
        if task == "motion":
            return self.motion(words)
        if task == "caption":
            return self.caption(words)
        if task == "rest":  # of a motion, by its beginning
            return TokenSequence(self.caption().prompt, self._slots(self.special.out_slot))
        return TokenSequence(self.words(words + 2), (*self.words(words), self.special.eos))

    def _slots(self, kind: int) -> tuple[int, ...]:
        return (*self.words(1), self.special.start, *(kind,) * self.slots)
