"""`FeatureModel`: a network on features and token sequences; what evaluation uses and `MotionLanguageModel` builds on.

Legend: B clips, T frames, F = 263 feature columns, N latents of a clip, D latent width. Features are not normalised.
"""

import logging
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.errors import Cancelled, ConfigError, ModelError
from bimotion.evaluators.embedding import Embedder, read_embedder
from bimotion.evaluators.moments import PartsEmbedder
from bimotion.features.layout import FPS
from bimotion.features.normalise import FeatureStats
from bimotion.inference.arguments import check_integer, check_number
from bimotion.inference.captioner import CAPTION_CANDIDATES, Captioner
from bimotion.inference.doubt import Doubt
from bimotion.inference.examples import Examples
from bimotion.inference.nearest_captions import NEAREST, NearestCaptions
from bimotion.inference.phrase_bank import PhraseBank
from bimotion.inference.settings import Sampling
from bimotion.models.batch_invariance import batch_invariant
from bimotion.models.continuous import MAX_ROWS
from bimotion.models.diffusion import Guide
from bimotion.models.kernels import available
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.tokens import MotionTokenizer, TokenSequence

logger = logging.getLogger(__name__)

BATCH = 16
"""Clips in a batch; larger batches need more memory and are hardly faster on a CPU."""

PUBLISHED_MAX_FRAMES = 196
"""Longest clip of a model whose configuration does not give it: 9.8 s."""

Progress = Callable[[int, int], None]
"""Called with the number of finished pieces of work and the number of all."""

Cancel = Callable[[], bool]
"""Asked between pieces of work; True ends the call with `Cancelled`."""

FOLLOWED_SHARE = 0.6
"""Share of the sampling steps, from the noisiest on, in which sampling follows a given latent."""


class FeatureModel:
    """A trained network with its tokenizer and feature statistics."""

    caption_ids: tuple[int, ...] | None = None
    """Token ids allowed in captions, where the words of the training captions are known; None: all."""
    examples: Examples | None = None
    """Captioned training motions, where its folder has them: sampling may start from them, captions come from them."""
    phrases: PhraseBank | None = None
    """Phrases of moments of training motions, where its folder has them: timed captions come from them."""
    doubt: Doubt | None = None
    """Weighs the evidence that a motion shows its sentence, where its folder has it."""

    def __init__(self, network: MotionLanguage, tokenizer: MotionTokenizer) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.stats = FeatureStats(
            mean=network.feature_mean.float().cpu().numpy(), std=network.feature_std.float().cpu().numpy()
        )
        length = network.config.length
        self.max_frames = min(
            network.config.vae.max_frames, PUBLISHED_MAX_FRAMES if length is None else length.max_frames
        )
        self.min_frames = FPS if length is None else length.min_frames
        self.length_in_prompt = network.config.length_in_prompt
        self.max_tokens = network.config.mixture.max_positions

    def frames_of(self, seconds: float | None, frames: int | None) -> int | None:
        """The number of frames for `seconds` or `frames`; None if neither is given.

        Raises:
            ConfigError: both are given, or the length is out of range.
        """
        if seconds is None and frames is None:
            return None
        if seconds is not None and frames is not None:
            raise ConfigError("give either seconds or frames")
        low, high = self.min_frames, self.max_frames
        try:
            if frames is not None:
                return check_integer(frames, "frames", low, high)
            return round(check_number(seconds, "seconds", low / FPS, high / FPS) * FPS)
        except ConfigError as error:
            raise ConfigError(
                f"{error}; this model generates {low / FPS:g} to {high / FPS:g} seconds ({low} to {high} frames) at a "
                "time, and longer motions with predict"
            ) from None

    @property
    def batch_invariant(self) -> bool:
        """Whether results are, to the last bit, those that a motion gets alone: on a CPU with the compiled kernels."""
        return available() and self.network.latent_mean.is_cpu

    @torch.inference_mode()
    def encode_features(self, features: Sequence[Float[np.ndarray, "_ 263"]]) -> Float[Tensor, "B N D"]:
        """Latents of features, each of at most `max_frames` rows."""
        with batch_invariant(self.batch_invariant):
            return self._encode(features, 1 if self.batch_invariant else BATCH)

    def _encode(self, features: Sequence[Float[np.ndarray, "_ 263"]], at_once: int) -> Float[Tensor, "B N D"]:
        weights = next(self.network.parameters())
        latents = []
        for start in range(0, len(features), at_once):
            rows = features[start : start + at_once]
            lengths = torch.tensor([len(row) for row in rows], device=weights.device)
            padded = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), dtype=np.float32)
            for index, row in enumerate(rows):
                padded[index, : len(row)] = self.stats.normalise(row)
            batch = torch.from_numpy(padded).to(weights.device, weights.dtype)
            latents.append(self.network.encode(batch, lengths))
        return torch.cat(latents)

    @torch.inference_mode()
    def decode_features(
        self, latents: Float[Tensor, "B N D"], lengths: Sequence[int]
    ) -> list[Float[np.ndarray, "_ 263"]]:
        """Features of latents."""
        if not self.batch_invariant:
            return self._decode(latents, lengths)
        with batch_invariant():
            return [
                self._decode(latents[row : row + 1].clone(), [length])[0]
                for row, length in enumerate(lengths)
            ]

    def _decode(
        self, latents: Float[Tensor, "B N D"], lengths: Sequence[int]
    ) -> list[Float[np.ndarray, "_ 263"]]:
        rows = torch.tensor(list(lengths), device=latents.device)
        normalised = self.network.decode(latents, rows, max(lengths)).float().cpu().numpy()
        features = self.stats.denormalise(normalised)
        return [each[:length] for each, length in zip(features, lengths, strict=True)]

    def sample_features(
        self,
        sequences: Sequence[TokenSequence],
        context: Sequence[Float[np.ndarray, "_ 263"]],
        frames: int | Sequence[int | None] | None,
        sampling: Sampling,
        *,
        draws: Sequence[tuple[int, int]] | None = None,
        starts: Sequence[Float[Tensor, " X"] | None] | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> list[Float[np.ndarray, "_ 263"]]:
        """Generated features for requests; `context` are those of the motions in the requests, in order.

        `frames` is the length of all, or of each; None takes the length that the model predicts. `draws` are entry and
        candidate of each request, which decide its noise (`Sampling.generator`); None: the requests are entries.
        `starts` are latents that the first noise levels follow, None where the model is free.

        Raises:
            ConfigError: settings out of their range.
            Cancelled: `cancel` returned True.
        """
        generated: list[Float[np.ndarray, "_ 263"]] = []
        total = len(sequences)
        lengths = list(frames) if isinstance(frames, Sequence) else [frames] * total
        draws = [(index, 0) for index in range(total)] if draws is None else draws
        steps = self.network.config.diffusion.sample_steps if sampling.steps is None else sampling.steps
        per_request = len(context) // total if total else 0
        for start in range(0, total, BATCH):
            report(progress, cancel, start, total)
            stop = min(start + BATCH, total)
            latents = (
                self.encode_features(context[start * per_request : stop * per_request])
                if per_request
                else None
            )
            unique, rows = _unique(
                sequences[start:stop], alone=per_request > 0 or self.network.codes is not None
            )
            with batch_invariant(self.batch_invariant):
                x, predicted = self.network.sample(
                    self.network.batch(unique).sharing_prefixes(),
                    latents,
                    steps=sampling.steps,
                    sampler=sampling.sampler,
                    guidance_scale=sampling.guidance_scale,
                    generator=[sampling.generator(*draw) for draw in draws[start:stop]],
                    guide=None if starts is None else following(starts[start:stop], steps),
                    rows=rows,
                )
            fallback = (
                [self.max_frames] * (stop - start)
                if predicted is None
                else predicted.clamp(self.min_frames, self.max_frames).tolist()
            )
            chosen = [own or other for own, other in zip(lengths[start:stop], fallback, strict=True)]
            generated += self.decode_features(x, chosen)
            logger.debug("generated %d of %d motions", stop, total)
        report(progress, None, total, total)
        return generated

    def features_to_text(
        self,
        features: Sequence[Float[np.ndarray, "_ 263"]],
        *,
        guard: bool = True,
        best: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> list[str]:
        """Captions of features, each of at most `max_frames` rows.

        A caption is the best of those of the `best` nearest training motions, where the model has examples (None: 32);
        with 1, and without `guard`, it is the network's own. With `guard`, a caption that measured facts of the motion
        contradict is replaced by another one that they do not contradict, or is corrected.

        Raises:
            Cancelled: `cancel` returned True.
        """
        captioner = self.captioner(len(features) * CAPTION_CANDIDATES, best=best)
        for index, each in enumerate(features):
            captioner.add(index, each, guard=guard)
        captions: dict[Hashable, str] = {}
        report(progress, cancel, 0, len(features))
        while captioner.busy:
            finished = captioner.step()
            captions |= dict(finished)
            report(progress if finished else None, cancel, len(captions), len(features))
        return [captions[index] for index in range(len(features))]

    @cached_property
    def embedder(self) -> Embedder | None:
        """The evaluator of this installation, if it has one: it compares motions with sentences."""
        try:
            return read_embedder(None, str(self.network.latent_mean.device))
        except ModelError as error:
            logger.info("motions and sentences are not compared: %s", error)
            return None

    @property
    def moment_tools(self) -> tuple[PhraseBank, PartsEmbedder] | None:
        """What timed captions are chosen from and compared with, if the model and this installation have both."""
        if self.phrases is None or not isinstance(self.embedder, PartsEmbedder):
            return None
        return self.phrases, self.embedder

    def captioner(self, max_rows: int = MAX_ROWS, *, best: int | None = None) -> Captioner:
        """A captioner that decodes at most `max_rows` captions at once; `best` as in `features_to_text`."""
        nearest = None
        if best != 1 and self.examples is not None and self.embedder is not None:
            nearest = NearestCaptions(self.examples, self.embedder, NEAREST if best is None else best)
        return Captioner(
            self.network,
            self.tokenizer,
            self.encode_features,
            length_in_prompt=self.length_in_prompt,
            allowed=self.caption_ids,
            invariant=self.batch_invariant,
            max_rows=min(max_rows, MAX_ROWS),
            nearest=nearest,
        )


def _unique(
    sequences: Sequence[TokenSequence], *, alone: bool
) -> tuple[Sequence[TokenSequence], list[int] | None]:
    """The distinct sequences, and the index of each among them; with `alone` all count as distinct."""
    if alone:
        return sequences, None
    index: dict[TokenSequence, int] = {}
    rows = [index.setdefault(sequence, len(index)) for sequence in sequences]
    return list(index), rows


def following(starts: Sequence[Float[Tensor, " X"] | None], steps: int) -> Guide | None:
    """A guide that replaces predictions of the first steps by latents to start from, where there are such."""
    if all(start is None for start in starts):
        return None
    last = round(FOLLOWED_SHARE * steps)
    mask = torch.tensor([start is not None for start in starts])[:, None, None]
    rows = [start for start in starts if start is not None]
    latents = torch.stack([torch.zeros_like(rows[0]) if start is None else start for start in starts])[
        :, None
    ]

    def guide(x0: Float[Tensor, "B 1 X"], step: int) -> Float[Tensor, "B 1 X"]:
        if step >= last:
            return x0
        return torch.where(mask.to(x0.device), latents.to(x0.device, x0.dtype), x0)

    return guide


def report(progress: Progress | None, cancel: Cancel | None, done: int, total: int) -> None:
    """Report the progress, and stop if `cancel` returns True.

    Raises:
        Cancelled: `cancel` returned True.
    """
    if cancel is not None and cancel():
        raise Cancelled(f"cancelled after {done} of {total}")
    if progress is not None:
        progress(done, total)
