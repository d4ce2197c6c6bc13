"""Composing: a motion of any length from several phrases, generated one after the other.

The motion of each phrase but the first begins with the last half second of the one before: guidance makes those frames
equal, and they are blended in features, where heading and position are changes from frame to frame, so that neither
pose nor speed nor heading jumps. Each piece is cleaned together with the two seconds before it.

Legend: T frames, K = `OVERLAP` frames, F = 263 feature columns, J = 22 joints.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from bimotion.errors import ConfigError
from bimotion.features import features_to_joints
from bimotion.features.clips import FloorTransform, features_to_clip
from bimotion.features.layout import FEATURE_DIM, FPS
from bimotion.features.mirror import symmetric_skeleton
from bimotion.inference import prompts
from bimotion.inference.constraints import OVERLAP, Constraint, Loop, overlap_constraint
from bimotion.inference.controls import Controls
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress, report
from bimotion.inference.guidance import sample_guided, text_request
from bimotion.inference.postprocess.bones import with_bones
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.postprocess.feet import plant_feet
from bimotion.inference.request import read_request, sentence_of
from bimotion.inference.settings import Sampling
from bimotion.inference.steering import Steering, fit
from bimotion.inference.timeline import Phrase, TimedPhrase
from bimotion.motion.clip import Clip

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
    controls: Controls | None = None,
    cancel: Cancel | None = None,
) -> Iterator[Chunk]:
    """The motion of phrases as chunks, each generated when it is asked for; `phrases` is read as late as possible.

    The chunks of a motion continue each other without a gap; the last half second of a phrase comes with the chunk
    that follows. Memory does not grow. With `controls` all phrases are read first.

    Raises:
        ConfigError: a phrase is shorter than the model can generate, or the motion cannot meet the controls.
        Cancelled: `cancel` returned True.
    """
    steering, loop = Steering(), controls is not None and controls.loop
    planned: Iterable[tuple[Phrase, list[int]]] = ((each, _pieces(model, each, sampling)) for each in phrases)
    last = -1
    if controls:
        planned = list(planned)
        steering = Steering.of(
            controls, [phrase for phrase, _ in planned], [sum(lengths) for _, lengths in planned]
        )
        last = sum(len(lengths) for _, lengths in planned) - 1
    writer = _Writer(steering, clean=clean)
    piece, start, chunk = 0, 0, None
    for index, (phrase, lengths) in enumerate(planned):
        end = start + sum(lengths)
        timed = TimedPhrase(phrase.text, start / FPS, end / FPS)
        for length in lengths:
            report(None, cancel, piece, piece + 1)
            closes = loop and piece == last
            features = _piece(model, phrase.text, length, writer, _seeded(sampling, piece), closes=closes)
            given = writer.given
            joints = writer.add(features, closes=closes)
            chunk = Chunk(_clip(joints, timed, steering), given / FPS, index, timed)
            yield chunk
            piece += 1
        start = end
    if chunk is not None and not loop:
        given = writer.given
        yield replace(chunk, clip=_clip(writer.rest(), chunk.phrase, steering), start=given / FPS)


def compose_clip(
    model: FeatureModel,
    phrases: list[Phrase],
    sampling: Sampling,
    *,
    clean: bool,
    controls: Controls | None = None,
    progress: Progress | None,
    cancel: Cancel | None,
) -> ComposedClip:
    """The whole motion of phrases; what the chunks of `compose_chunks` make together."""
    chunks = []
    for chunk in compose_chunks(model, phrases, sampling, clean=clean, controls=controls, cancel=cancel):
        chunks.append(chunk)
        report(progress, None, min(chunk.index + 1, len(phrases) - 1), len(phrases))
    report(progress, None, len(phrases), len(phrases))
    return ComposedClip.of(chunks)


class _Writer:
    """Joins the features of pieces, cleans them with what came before, and gives out frames that are final."""

    def __init__(self, steering: Steering, *, clean: bool) -> None:
        self.steering, self.clean = steering, clean
        self.tail: Float[np.ndarray, "K 263"] | None = None
        """Features of the frames that are held back."""
        self.tail_origin = FloorTransform(0.0, (0.0, 0.0))
        """From the coordinates of the held-back features to those of the motion."""
        self.head: Float[np.ndarray, "K 263"] | None = None
        """Features of the first frames."""
        self.given = 0
        """Number of frames that were given out."""
        self._head_joints = np.zeros((0, 22, 3), np.float32)
        # The last frames that were given out: their features, and their joints as given out.
        self._features = np.zeros((0, FEATURE_DIM), np.float32)
        self._given = np.zeros((0, 22, 3), np.float32)

    def add(
        self, features: Float[np.ndarray, "T 263"], *, closes: bool = False
    ) -> Float[np.ndarray, "_ 22 3"]:
        """Take the next piece, which begins with the overlap; returns the frames that became final.

        With `closes` the piece ends with the overlap to the first frames, which are not given out again.
        """
        if self.head is None:
            self.head = features[:OVERLAP]
        if self.tail is not None:
            blended = blend(self.tail, features[:OVERLAP])
            features = np.concatenate([blended, features[OVERLAP:]])
        if closes:
            features = np.concatenate([features[:-OVERLAP], blend(features[-OVERLAP:], self.head)])
        return self._give(features, final=len(features) - OVERLAP, closes=closes)

    def rest(self) -> Float[np.ndarray, "_ 22 3"]:
        """The frames that were held back."""
        assert self.tail is not None
        return self._give(self.tail, final=OVERLAP)

    def _give(
        self, features: Float[np.ndarray, "T 263"], final: int, *, closes: bool = False
    ) -> Float[np.ndarray, "_ 22 3"]:
        known = len(self._given)
        window = np.concatenate([self._features, features])
        joints = self._finished(window)
        end = known + final
        if not self.given:
            self._head_joints = joints[:OVERLAP]
        if closes:
            joints = self._closed(joints, end)
        given = joints[known:end]
        self.steering.check(given, self.given)
        kept = max(0, end - CONTEXT)
        self._features, self._given = window[kept:end], joints[kept:end]
        self.tail = window[end:] if final < len(features) else None
        if self.tail is not None:
            self.tail_origin = fit(features_to_joints(self.tail), joints[end:])
        self.given += final
        return given

    def _finished(self, features: Float[np.ndarray, "T 263"]) -> Float[np.ndarray, "T 22 3"]:
        """The window's joints: cleaned, continuing what was given out, on the path, feet planted, at the keys."""
        known, first = len(self._given), self.given - len(self._given)
        if self.clean:
            joints = clean_clip(features, keep_path=self.steering.in_world).joints
        else:
            joints = features_to_clip(features).joints
        if known:
            joints = _continued(self._given, joints)
            if self.clean:
                joints[known:] = with_bones(joints[known:], symmetric_skeleton())
        moved = self.steering.on_path(joints, first, known)
        if self.clean and (known or moved is not joints):
            moved = plant_feet(moved, features, fixed=known)
        return self.steering.at_keys(moved, first, known)

    def _closed(self, joints: Float[np.ndarray, "T 22 3"], end: int) -> Float[np.ndarray, "T 22 3"]:
        """The window with its last frames before `end` leading into the first frames of the motion."""
        head = fit(self._head_joints[0], joints[end]).to_world(self._head_joints[:2].astype(np.float64))
        out = joints.astype(np.float64)
        num = min(JOIN_FRAMES, end - len(self._given))
        fade = _fading(head[::-1] - out[[end + 1, end]], num)
        out[end - num : end] += fade[::-1]
        if self.clean:
            out[end - num : end] = with_bones(out[end - num : end], symmetric_skeleton())
        return out.astype(np.float32)


def _continued(
    given: Float[np.ndarray, "K 22 3"], window: Float[np.ndarray, "T 22 3"]
) -> Float[np.ndarray, "T 22 3"]:
    """The window moved to where the frames that were given out stand, which it begins with.

    What the clean-up made different in them fades over `JOIN_FRAMES`.
    """
    known = len(given)
    moved = fit(window[known - 1], given[-1]).to_world(window.astype(np.float64))
    num = min(JOIN_FRAMES, len(moved) - known)
    moved[known : known + num] += _fading(given[-2:] - moved[known - 2 : known], num)
    moved[:known] = given
    return moved.astype(np.float32)


def _fading(missing: Float[np.ndarray, "2 22 3"], num: int) -> Float[np.ndarray, "n 22 3"]:
    """Offsets of `num` frames that start with the value and rate of two frames before and fade to zero."""
    s = (np.arange(1, num + 1) / JOIN_FRAMES)[:, None, None]
    value, slope = (1 + 2 * s) * (1 - s) ** 2, s * (1 - s) ** 2 * JOIN_FRAMES
    return np.asarray(value * missing[1] + slope * (missing[1] - missing[0]))


def blend(
    before: Float[np.ndarray, "K 263"], after: Float[np.ndarray, "K 263"]
) -> Float[np.ndarray, "K 263"]:
    """The same frames of two motions, from the first to the second."""
    s = np.linspace(0, 1, len(before) + 2)[1:-1, None]
    weight = s * s * (3 - 2 * s)
    return np.asarray((1 - weight) * before + weight * after, dtype=np.float32)


def _piece(
    model: FeatureModel, text: str, length: int, writer: _Writer, sampling: Sampling, *, closes: bool
) -> Float[np.ndarray, "_ 263"]:
    """`length` new frames of a phrase, after the overlap where there is one, before that with the start for a loop."""
    frames = length + (OVERLAP if writer.tail is not None else 0) + (OVERLAP if closes else 0)
    constraints: list[Constraint] = [] if writer.tail is None else [overlap_constraint(writer.tail)]
    if closes:
        constraints.append(
            Loop(OVERLAP) if writer.head is None else overlap_constraint(writer.head, start=-OVERLAP)
        )
    constraints += writer.steering.constraints(writer.given, frames, writer.tail_origin)
    return sample_guided(model, text_request(model, text, frames), frames, constraints, sampling).features


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
    longest = model.max_frames - 2 * OVERLAP
    count = -(-frames // longest)
    return [frames // count + (index < frames % count) for index in range(count)]


def _seeded(sampling: Sampling, piece: int) -> Sampling:
    """Each piece has a seed of its own."""
    return sampling if sampling.seed is None else replace(sampling, seed=(sampling.seed + piece) % 2**63)


def _clip(joints: Float[np.ndarray, "T 22 3"], phrase: TimedPhrase, steering: Steering) -> Clip:
    if steering.world.yaw or any(steering.world.xz):
        joints = steering.world.to_world(joints)
    return Clip(joints, float(FPS), caption=phrase.text)
