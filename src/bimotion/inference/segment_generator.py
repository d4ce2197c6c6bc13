"""Motion from phrases by the segment model: two seconds at a time, each continuing the motion before.

Legend: T frames, H frames of the motion so far, C candidates, F = 263 feature columns. A motion so far ends in the
overlap with the next segment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.features.layout import FPS
from bimotion.inference import prompts
from bimotion.inference.feature_model import FeatureModel, following
from bimotion.inference.request import read_request, sentence_of
from bimotion.inference.settings import Sampling
from bimotion.models.diffusion import Guide
from bimotion.models.mixture import KeyValueCache
from bimotion.models.segment_coder import fade
from bimotion.models.segment_language import Phrases, SegmentLanguage, is_probe_of, text_probe
from bimotion.models.token_batch import TokenBatch

MAX_LEAD = 2.5
"""Bound of the innovations that candidates follow, in deviations."""

MAX_PHRASE_TOKENS = 60
"""Longer phrases are cut to so many tokens, as in training."""


@dataclass(frozen=True)
class Piece:
    """What a segment adds to each candidate."""

    features: Float[np.ndarray, "C T 263"]
    """Its frames and the overlap with the next one, not normalised."""
    history: Float[Tensor, "C H F"]
    """The motion so far, normalised, as far as the next segment depends on it."""


@dataclass(frozen=True)
class SpokenPhrase:
    """A phrase as the network reads it."""

    text: str | None
    """The phrase; None: whatever comes next."""
    keys_values: KeyValueCache = field(repr=False)
    """Keys and values of its tokens."""


class SegmentGenerator:
    """The segment model beside the model whose text branch it reads."""

    def __init__(self, model: FeatureModel, network: SegmentLanguage) -> None:
        """Raises ModelError: the two do not fit."""
        own, other = network.config.mixture, model.network.config.mixture
        if (own.layers, own.groups, own.head_width) != (other.layers, other.groups, other.head_width):
            raise ModelError("the segment model reads a text branch of another shape than this model's")
        if not is_probe_of(text_probe(model.network), network.config.text_probe):
            raise ModelError(
                "the segment model was trained beside another text branch than this model's; "
                "train it again with `bimotion train segments`"
            )
        self.model, self.network = model, network.eval()
        self.segment = network.config.segment
        self.mean = network.feature_mean.float()
        self.std = network.feature_std.float()

    def speak(self, text: str | None) -> SpokenPhrase:
        """A phrase, read by the text branch once; None: whatever comes next."""
        network, special = self.model.network, self.model.network.config.special
        prompt = "a person moves" if text is None else read_request(sentence_of(text)).prompt
        ids = prompts.motion_of_text(self.model.tokenizer, prompt, MAX_PHRASE_TOKENS).ids
        row = torch.tensor([ids[: ids.index(special.out_slot)]])
        valid = torch.ones_like(row, dtype=torch.bool)
        batch = TokenBatch.of_ids(row, valid, ~valid, special, network.config.slots)
        batch = batch.to(network.latent_mean.device)
        with torch.inference_mode():
            cache = network.mixture.cache(1, batch.length)
            network.mixture(batch, cache=cache, text_rows=batch.last_rows[:0])
        return SpokenPhrase(text, cache)

    @torch.inference_mode()
    def length(self, phrase: SpokenPhrase, history: Float[Tensor, "H F"] | None) -> int:
        """Frames that a phrase takes after a motion, as the network predicts."""
        known = None if history is None else self._context(history[None])
        phrases = self._phrases(phrase, 1, 0.0, float("nan"))
        frames = self.network.remaining_frames(self.network.states(phrases, known)[:, 0])
        return max(int(frames[0]), self.model.min_frames)

    def pieces(
        self,
        phrase: SpokenPhrase,
        frames: int,
        history: Float[Tensor, "H F"] | None,
        sampling: Sampling,
        candidates: int = 1,
        leads: Float[np.ndarray, "led leading 263"] | None = None,
    ) -> Iterator[Piece]:
        """The segments of a phrase of `frames`, each with `candidates` that continue their own ones before.

        The phrase is cut into parts of equal length, of at most the frames of a segment. `leads` are motions that the
        first noise levels of the last candidates follow, as far as the motion before permits.
        """
        count = -(-frames // self.segment.frames)
        steps = [frames // count + (index < frames % count) for index in range(count)]
        known = None if history is None else history[None].expand(candidates, -1, -1)
        done = 0
        for index, step in enumerate(steps):
            phrases = self._phrases(phrase, candidates, done / FPS, (frames - done) / FPS)
            led = None if leads is None else self._window(leads, done)
            new = self._next(phrases, known, sampling.for_piece(index), led)[:, : step + self.segment.overlap]
            known = self._continued(known, new)
            yield Piece((new * self.std + self.mean).cpu().numpy(), known)
            done += step

    @torch.inference_mode()
    def _next(
        self,
        phrases: Phrases,
        known: Float[Tensor, "C H F"] | None,
        sampling: Sampling,
        led: Float[Tensor, "led W F"] | None,
    ) -> Float[Tensor, "C W F"]:
        """Normalised features of the next segment."""
        context = None if known is None else self._context(known)
        latents = self.network.sample(
            phrases,
            context,
            steps=sampling.steps,
            sampler=sampling.sampler,
            guidance_scale=sampling.guidance_scale,
            generator=[sampling.generator(0, number) for number in range(len(phrases.index))],
            guide=None if led is None else self._leading(led, len(phrases.index), context, sampling),
        )
        return self.network.coder.decode(latents)

    def _leading(
        self,
        led: Float[Tensor, "led W F"],
        candidates: int,
        context: Float[Tensor, "C before X"] | None,
        sampling: Sampling,
    ) -> Guide | None:
        """Lets the last candidates follow other motions at first.

        A motion that begins elsewhere has a large innovation where the motion before decides; bounded, it is near to
        what continues that motion.
        """
        coder, count = self.network.coder, len(led)
        first = torch.full((count,), context is None, device=led.device)
        before = led.new_zeros(count, self.segment.values) if context is None else context[-count:, -1]
        bound = MAX_LEAD * coder.deviations
        innovation = coder.innovation(coder.encode(led), before, first).clamp(-bound, bound)
        steps = self.network.config.diffusion.sample_steps if sampling.steps is None else sampling.steps
        return following([*[None] * (candidates - count), *innovation], steps)

    def _window(self, leads: Float[np.ndarray, "led leading 263"], start: int) -> Tensor | None:
        """The part of some motions that a segment from `start` on follows; None where little of them is left."""
        part = leads[:, start : start + self.segment.window]
        missing = self.segment.window - part.shape[1]
        if missing > self.segment.window // 2:
            return None
        rows = np.pad(part, ((0, 0), (0, missing), (0, 0)), mode="edge")
        normalised: Tensor = (torch.from_numpy(rows).to(self.mean.device) - self.mean) / self.std
        return normalised

    def joined(self, pieces: Sequence[Piece]) -> Float[np.ndarray, "C T 263"]:
        """The frames of consecutive pieces, faded into each other, and the overlap with what follows."""
        overlap = self.segment.overlap
        rise = fade(overlap).numpy()[:, None]
        whole = pieces[0].features
        for piece in pieces[1:]:
            shared = whole[:, -overlap:] * (1 - rise) + piece.features[:, :overlap] * rise
            whole = np.concatenate((whole[:, :-overlap], shared, piece.features[:, overlap:]), axis=1)
        return whole

    def after(
        self,
        features: Float[np.ndarray, "T 263"],
        frames: int,
        sampling: Sampling,
        text: str | None = None,
    ) -> Float[np.ndarray, "T2 263"]:
        """The `frames` after a motion: of a phrase, or whatever comes next."""
        overlap = self.segment.overlap
        pieces = self.pieces(self.speak(text), frames + overlap, self.normalised(features), sampling)
        return self.joined(list(pieces))[0, overlap : overlap + frames]

    def normalised(self, features: Float[np.ndarray, "T 263"]) -> Float[Tensor, "H F"]:
        """The end of a motion as a motion so far."""
        rows = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)).to(self.mean.device)
        normalised: Tensor = ((rows - self.mean) / self.std)[-self.reach :]
        return normalised

    @property
    def reach(self) -> int:
        """Most frames that a segment depends on."""
        return self.network.config.context * self.segment.frames + self.segment.overlap

    def _continued(
        self, known: Float[Tensor, "C H F"] | None, new: Float[Tensor, "C T F"]
    ) -> Float[Tensor, "C longer F"]:
        """The motion so far with a segment faded in over the overlap."""
        if known is None:
            return new
        overlap = self.segment.overlap
        rise = fade(overlap).to(new.device)[:, None]
        shared = known[:, -overlap:] * (1 - rise) + new[:, :overlap] * rise
        return torch.cat((known[:, :-overlap], shared, new[:, overlap:]), dim=1)[:, -self.reach :]

    def _context(self, known: Float[Tensor, "C H F"]) -> Float[Tensor, "C before X"]:
        """Latents of the segments before, the last one last; a shorter motion counts as standing still before."""
        window, frames = self.segment.window, self.segment.frames
        missing = window - known.shape[1]
        if missing > 0:
            known = torch.cat((known[:, :1].expand(-1, missing, -1), known), dim=1)
        count = min((known.shape[1] - window) // frames + 1, self.network.config.context)
        ends = [known.shape[1] - frames * index for index in reversed(range(count))]
        windows = torch.stack([known[:, end - window : end] for end in ends], dim=1)
        return self.network.coder.encode(windows.flatten(0, 1)).view(len(known), count, -1)

    def _phrases(self, phrase: SpokenPhrase, candidates: int, elapsed: float, remaining: float) -> Phrases:
        device = self.mean.device
        shape = (candidates, 1)
        return Phrases(
            phrase.keys_values,
            torch.full(shape, -1 if phrase.text is None else 0, device=device),
            torch.full(shape, elapsed, device=device),
            torch.full(shape, remaining, device=device),
        )
