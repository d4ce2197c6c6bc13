"""Composing: a motion of any length from several phrases, generated one after the other.

The motion of each phrase but the first begins with the last half second of the one before: guidance makes those frames
equal, and they are blended in features, where heading and position are changes from frame to frame, so that neither
pose nor speed nor heading jumps. Each piece is cleaned together with the two seconds before it.

Legend: T frames, K = `OVERLAP` frames, F = 263 feature columns, J = 22 joints.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from bimotion.errors import ConfigError
from bimotion.features.clips import FloorTransform, features_to_clip
from bimotion.features.layout import FEATURE_DIM, FPS
from bimotion.features.mirror import symmetric_skeleton
from bimotion.inference import prompts
from bimotion.inference.constraints import Constraint, KnownFrames, body_of
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress, report
from bimotion.inference.guidance import sample_guided
from bimotion.inference.postprocess.bones import with_bones
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.postprocess.feet import plant_feet
from bimotion.inference.request import read_request
from bimotion.inference.settings import Sampling
from bimotion.inference.timeline import Phrase, TimedPhrase
from bimotion.motion.clip import Clip

OVERLAP = 10
"""Frames at 20 per second that the motion of a phrase shares with the one before: half a second."""

CONTEXT = 40
"""Frames before a new piece that are cleaned again with it, so that the clean-up sees what came before."""

JOIN_FRAMES = 8
"""Frames over which what is left between a cleaned piece and the motion before it fades."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a composed motion."""

    clip: Clip
    """Its frames, where they stand in the world; its caption is the phrase."""
    start: float
    """When it begins, seconds."""
    index: int
    """Number of the phrase, from 0."""
    phrase: TimedPhrase
    """The phrase that was generated last."""


@dataclass(frozen=True, eq=False)
class ComposedClip(Clip):
    """A motion of several phrases, which are joined in its `caption`."""

    phrases: tuple[TimedPhrase, ...] = ()
    """When each phrase begins and ends."""

    @classmethod
    def of(cls, chunks: Sequence[Chunk]) -> "ComposedClip":
        """The motion of all chunks of a stream."""
        phrases = tuple({chunk.index: chunk.phrase for chunk in chunks}.values())
        joints = np.concatenate([chunk.clip.joints for chunk in chunks])
        return cls(joints, float(FPS), caption="; ".join(phrase.text for phrase in phrases), phrases=phrases)


def compose_chunks(
    model: FeatureModel,
    phrases: Iterable[Phrase],
    sampling: Sampling,
    *,
    clean: bool = True,
    cancel: Cancel | None = None,
) -> Iterator[Chunk]:
    """The motion of phrases as chunks, each generated when it is asked for; `phrases` is read as late as possible.

    The chunks of a motion continue each other without a gap; the last half second of a phrase comes with the chunk
    that follows. Memory does not grow.

    Raises:
        ConfigError: a phrase is shorter than the model can generate.
        Cancelled: `cancel` returned True.
    """
    writer = _Writer(clean=clean)
    emitted, piece, start, chunk = 0, 0, 0, None
    for index, phrase in enumerate(phrases):
        lengths = _pieces(model, phrase, sampling)
        end = start + sum(lengths)
        timed = TimedPhrase(phrase.text, start / FPS, end / FPS)
        for length in lengths:
            report(None, cancel, piece, piece + 1)
            features = _piece(model, phrase.text, length, writer.tail, _seeded(sampling, piece))
            chunk = Chunk(_clip(writer.add(features), timed), emitted / FPS, index, timed)
            yield chunk
            emitted, piece = emitted + len(chunk.clip), piece + 1
        start = end
    if chunk is not None:
        yield replace(chunk, clip=_clip(writer.rest(), chunk.phrase), start=emitted / FPS)


def compose_clip(
    model: FeatureModel,
    phrases: list[Phrase],
    sampling: Sampling,
    *,
    clean: bool,
    progress: Progress | None,
    cancel: Cancel | None,
) -> ComposedClip:
    """The whole motion of phrases; what the chunks of `compose_chunks` make together."""
    chunks = []
    for chunk in compose_chunks(model, phrases, sampling, clean=clean, cancel=cancel):
        chunks.append(chunk)
        report(progress, None, min(chunk.index + 1, len(phrases) - 1), len(phrases))
    report(progress, None, len(phrases), len(phrases))
    return ComposedClip.of(chunks)


class _Writer:
    """Joins the features of pieces, cleans them with what came before, and gives out frames that are final."""

    def __init__(self, *, clean: bool) -> None:
        self.clean = clean
        self.tail: Float[np.ndarray, "K 263"] | None = None
        self._features = np.zeros(
            (0, FEATURE_DIM), np.float32
        )  # context, whose frames were given out, and held-back frames
        self._given = np.zeros((0, 22, 3), np.float32)  # the frames of the context, as given out

    def add(self, features: Float[np.ndarray, "T 263"]) -> Float[np.ndarray, "_ 22 3"]:
        """Take the next piece, which begins with the overlap; returns the frames that became final."""
        if self.tail is not None:
            blended = blend(self.tail, features[:OVERLAP])
            features = np.concatenate([blended, features[OVERLAP:]])
        return self._give(features, final=len(features) - OVERLAP)

    def rest(self) -> Float[np.ndarray, "_ 22 3"]:
        """The frames that were held back."""
        assert self.tail is not None
        return self._give(self.tail, final=OVERLAP)

    def _give(self, features: Float[np.ndarray, "T 263"], final: int) -> Float[np.ndarray, "_ 22 3"]:
        known = len(self._given)
        window = np.concatenate([self._features, features])
        joints = self._joints(window)
        if known:
            joints = self._continued(joints, window)
        given = joints[known : known + final]
        kept = max(0, known + final - CONTEXT)
        self._features, self._given = window[kept : known + final], joints[kept : known + final]
        self.tail = window[known + final :] if final < len(features) else None
        return given

    def _joints(self, features: Float[np.ndarray, "T 263"]) -> Float[np.ndarray, "T 22 3"]:
        return clean_clip(features).joints if self.clean else features_to_clip(features).joints

    def _continued(
        self, window: Float[np.ndarray, "T 22 3"], features: Float[np.ndarray, "T 263"]
    ) -> Float[np.ndarray, "T 22 3"]:
        """The window moved to where the frames that were given out stand, which it begins with.

        What the clean-up made different in them fades over `JOIN_FRAMES`; then bones and standing feet are mended.
        """
        known = len(self._given)
        here, there = FloorTransform.of(window[known - 1]), FloorTransform.of(self._given[-1])
        moved = there.to_world(here.to_local(window.astype(np.float64)))
        moved[..., 1] -= here.floor - there.floor
        missing = self._given[-2:] - moved[known - 2 : known]
        s = np.minimum(np.arange(1, len(moved) - known + 1) / JOIN_FRAMES, 1)[:, None, None]
        value, slope = (1 + 2 * s) * (1 - s) ** 2, s * (1 - s) ** 2 * JOIN_FRAMES
        moved[known:] += value * missing[1] + slope * (missing[1] - missing[0])
        moved[:known] = self._given
        if not self.clean:
            return moved.astype(np.float32)
        moved[known:] = with_bones(moved[known:], symmetric_skeleton())
        return plant_feet(moved.astype(np.float32), features, fixed=known)


def blend(
    before: Float[np.ndarray, "K 263"], after: Float[np.ndarray, "K 263"]
) -> Float[np.ndarray, "K 263"]:
    """The same frames of two motions, from the first to the second."""
    s = np.linspace(0, 1, len(before) + 2)[1:-1, None]
    weight = s * s * (3 - 2 * s)
    return np.asarray((1 - weight) * before + weight * after, dtype=np.float32)


def sentence_of(text: str) -> str:
    """A phrase that begins with its verb ("walks forward") as a sentence; others as they are."""
    first = text.split()[0].lower()
    return f"a person {text}" if first.endswith("s") and first not in _SUBJECTS else text


_SUBJECTS = ("this", "his", "its", "persons", "humans", "dancers", "arms", "hands", "legs", "feet")
"""Words with an s at the end that begin a sentence and are no verb."""


def overlap_constraint(features: Float[np.ndarray, "K 263"], start: int = 0) -> Constraint:
    """The frames from `start` on are those given."""
    return KnownFrames(start, body_of(features), torch.ones(len(features)))


def _piece(
    model: FeatureModel,
    text: str,
    length: int,
    tail: Float[np.ndarray, "K 263"] | None,
    sampling: Sampling,
) -> Float[np.ndarray, "_ 263"]:
    """`length` new frames of a phrase, after the overlap where there is one."""
    prompt = read_request(sentence_of(text)).prompt
    frames = length if tail is None else length + OVERLAP
    request = prompts.motion_of_text(
        model.tokenizer, prompt, model.max_tokens, frames if model.length_in_prompt else None
    )
    constraints = [] if tail is None else [overlap_constraint(tail)]
    return sample_guided(model, request, frames, constraints, sampling).features


def _pieces(model: FeatureModel, phrase: Phrase, sampling: Sampling) -> list[int]:
    """New frames of each piece in which a phrase is generated.

    Raises:
        ConfigError: the phrase is too short, or has no length and the model predicts none.
    """
    request = read_request(sentence_of(phrase.text))
    seconds = phrase.seconds if phrase.seconds is not None else request.estimated_seconds()
    if seconds is None:
        if model.network.length is None:
            raise ConfigError(
                f"{phrase.text!r:.60}: this model does not predict lengths; write '... @3' (seconds)"
            )
        prompt_ids = prompts.motion_of_text(model.tokenizer, request.prompt, model.max_tokens)
        frames = len(model.sample_features([prompt_ids], [], None, sampling)[0])
    else:
        frames = round(seconds * FPS)
    if frames < model.min_frames:
        raise ConfigError(
            f"{phrase.text!r:.60}: {frames / FPS:g} s are too short; this model generates phrases of at least "
            f"{model.min_frames / FPS:g} s"
        )
    longest = model.max_frames - OVERLAP
    count = -(-frames // longest)
    return [frames // count + (index < frames % count) for index in range(count)]


def _seeded(sampling: Sampling, piece: int) -> Sampling:
    """Each piece has a seed of its own."""
    return sampling if sampling.seed is None else replace(sampling, seed=(sampling.seed + piece) % 2**63)


def _clip(joints: Float[np.ndarray, "T 22 3"], phrase: TimedPhrase) -> Clip:
    return Clip(joints, float(FPS), caption=phrase.text)
