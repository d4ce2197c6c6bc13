"""Captions of motions that come at any time: decoded together, checked against measured facts, replaced where false.

Legend: T frames, F = 263 feature columns, B motions, N latents of a motion, D latent width.
"""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.inference import prompts
from bimotion.inference.caption_guard import GuardedCaption, nearest_that_holds
from bimotion.inference.nearest_captions import NearestCaptions
from bimotion.models.batch_invariance import batch_invariant
from bimotion.models.continuous import MAX_ROWS, ContinuousDecoder
from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.tokens import MotionTokenizer

CAPTION_CANDIDATES = 6
"""Captions that are drawn for a clip whose likeliest caption measured facts contradict."""

MIN_CAPTION_TOKENS = 3
"""Shortest caption, in tokens: a subject and a verb."""

PROMPTS = 16
"""Motions whose prompts go through the network at once."""

Features = Float[np.ndarray, "_ 263"]


@dataclass(frozen=True, eq=False)
class _Motion:
    """A motion whose captions are waiting or being decoded."""

    key: Hashable
    features: Features
    guard: bool
    doubted: GuardedCaption | None = None
    """Its likeliest caption, where facts contradict that one and others are drawn."""


class Captioner:
    """Captions motions that are added at any time; a caption does not depend on the others in hand.

    >>> captioner.add("walk.bvh", features)
    >>> while captioner.busy:
    ...     for key, caption in captioner.step():
    ...         print(key, caption)
    """

    def __init__(
        self,
        network: MotionLanguage,
        tokenizer: MotionTokenizer,
        encode: Callable[[Sequence[Features]], Float[Tensor, "B N D"]],
        *,
        length_in_prompt: bool,
        allowed: tuple[int, ...] | None,
        invariant: bool = False,
        max_rows: int = MAX_ROWS,
        nearest: NearestCaptions | None = None,
    ) -> None:
        """`encode` gives latents of features, `allowed` are the ids that captions are made of (None: all).

        `invariant`: whether the network computes within `batch_invariant`. With `nearest`, a motion gets a caption of
        the nearest examples, and one by the network only where facts contradict all of those.
        """
        self._nearest = nearest
        self._network, self._tokenizer, self._encode = network, tokenizer, encode
        self._length_in_prompt, self._invariant = length_in_prompt, invariant
        self._likeliest = DecodingConfig(min_tokens=MIN_CAPTION_TOKENS, allowed=allowed)
        self._drawn = replace(self._likeliest, temperature=0.8, top_k=20)
        self._decoder = ContinuousDecoder(
            network.mixture, network.config.special, max(max_rows, CAPTION_CANDIDATES)
        )
        self._seeking: deque[_Motion] = deque()
        self._waiting: deque[_Motion] = deque()

    @property
    def busy(self) -> bool:
        """Whether a motion waits for its caption."""
        return bool(self._seeking or self._waiting or self._decoder.rows)

    @property
    def rows(self) -> int:
        """Number of captions that are being decoded."""
        return len(self._decoder.rows)

    def add(self, key: Hashable, features: Features, *, guard: bool = True) -> None:
        """Add a motion of at most `max_frames` rows.

        With `guard`, a caption that measured facts contradict gives way to another one that they do not contradict, or
        is corrected. Without, the caption is the network's.
        """
        queue = self._seeking if guard and self._nearest is not None else self._waiting
        queue.append(_Motion(key, features, guard))

    def drop(self, key: Hashable) -> None:
        """Cancel the caption of a motion."""
        self._seeking = deque(motion for motion in self._seeking if motion.key != key)
        self._waiting = deque(motion for motion in self._waiting if motion.key != key)
        for motion in {row.answer.key for row in self._decoder.rows}:
            if isinstance(motion, _Motion) and motion.key == key:
                self._decoder.drop(motion)

    def step(self) -> list[tuple[Hashable, str]]:
        """One more caption of examples and one more token of each caption being decoded; returns the finished ones."""
        with torch.inference_mode(), batch_invariant(self._invariant):
            finished = self._found()
            self._admit()
            decoded = self._decoder.step() if self._decoder.rows else []
        for motion, texts in decoded:
            assert isinstance(motion, _Motion)
            captions = [self._tokenizer.caption(ids) for ids in texts]
            if motion.doubted is not None:
                finished.append((motion.key, motion.doubted.replaced(captions)))
                continue
            guarded = GuardedCaption.of(captions[0], motion.features) if motion.guard else None
            if guarded is not None and guarded.facts is not None:
                self._waiting.appendleft(replace(motion, doubted=guarded))
            else:
                finished.append((motion.key, captions[0] if guarded is None else guarded.caption))
        return finished

    def _found(self) -> list[tuple[Hashable, str]]:
        """The caption that examples give to the motion that has waited longest; without one, the network is next."""
        if self._nearest is None or not self._seeking:
            return []
        motion = self._seeking.popleft()
        caption = nearest_that_holds(self._nearest.captions(motion.features), motion.features)
        if caption is not None:
            return [(motion.key, caption)]
        self._waiting.append(motion)
        return []

    def _admit(self) -> None:
        """Start decoding waiting motions, in order, while there are free rows."""
        while self._waiting:
            drawn = self._waiting[0].doubted is not None
            candidates = CAPTION_CANDIDATES if drawn else 1
            several: list[_Motion] = []
            while (
                self._waiting
                and (self._waiting[0].doubted is not None) == drawn
                and len(several) < min(PROMPTS, self._decoder.free // candidates)
            ):
                several.append(self._waiting.popleft())
            if not several:
                return
            lengths = [len(motion.features) if self._length_in_prompt else None for motion in several]
            batch = self._network.batch([prompts.text_of_motion(self._tokenizer, each) for each in lengths])
            context = self._network.understand(self._encode([motion.features for motion in several]))
            decoding = self._drawn if drawn else self._likeliest
            self._decoder.add(several, batch, context, decoding, candidates=candidates)
