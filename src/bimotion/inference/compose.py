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
from bimotion.features.layout import FPS
from bimotion.inference import prompts
from bimotion.inference.constraints import OVERLAP, Constraint, Loop, overlap_constraint
from bimotion.inference.controls import Controls
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress, report
from bimotion.inference.guidance import sample_guided, text_request
from bimotion.inference.match import Match
from bimotion.inference.piece_writer import PieceWriter
from bimotion.inference.request import read_request, sentence_of
from bimotion.inference.settings import Sampling
from bimotion.inference.steering import Steering
from bimotion.inference.timeline import Phrase, TimedPhrase
from bimotion.motion.clip import Clip


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
    matches: tuple[Match, ...] = ()
    """How well the motion matches each phrase while it lasts, where that was checked."""

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
    """The motion of phrases as chunks, each generated when it is requested; `phrases` is read as late as possible.

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
    writer = PieceWriter(steering, clean=clean)
    piece, start, chunk = 0, 0, None
    for index, (phrase, lengths) in enumerate(planned):
        end = start + sum(lengths)
        timed = TimedPhrase(phrase.text, start / FPS, end / FPS)
        for length in lengths:
            report(None, cancel, piece, piece + 1)
            closes = loop and piece == last
            features = _piece(model, phrase.text, length, writer, sampling.for_piece(piece), closes=closes)
            start_frame = writer.num_final
            joints = writer.add(features, closes=closes)
            chunk = Chunk(phrase_clip(joints, timed, steering), start_frame / FPS, index, timed)
            yield chunk
            piece += 1
        start = end
    if chunk is not None and not loop:
        start_frame = writer.num_final
        yield replace(chunk, clip=phrase_clip(writer.rest(), chunk.phrase, steering), start=start_frame / FPS)


def composed_clip(chunks: Iterable[Chunk], count: int, progress: Progress | None) -> ComposedClip:
    """The whole motion of `count` phrases: all chunks of a stream."""
    taken = []
    report(progress, None, 0, count)
    for chunk in chunks:
        taken.append(chunk)
        report(progress, None, min(chunk.index + 1, count - 1), count)
    report(progress, None, count, count)
    return ComposedClip.of(taken)


def _piece(
    model: FeatureModel, text: str, length: int, writer: PieceWriter, sampling: Sampling, *, closes: bool
) -> Float[np.ndarray, "_ 263"]:
    """`length` new frames of a phrase, after the overlap where there is one, before that with the start for a loop."""
    frames = length + (OVERLAP if writer.tail is not None else 0) + (OVERLAP if closes else 0)
    constraints: list[Constraint] = [] if writer.tail is None else [overlap_constraint(writer.tail)]
    if closes:
        constraints.append(
            Loop(OVERLAP) if writer.head is None else overlap_constraint(writer.head, start=-OVERLAP)
        )
    constraints += writer.steering.constraints(writer.num_final, frames, writer.tail_origin)
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


def phrase_clip(joints: Float[np.ndarray, "T 22 3"], phrase: TimedPhrase, steering: Steering) -> Clip:
    """Frames of a composed motion as a clip, where they stand in the world."""
    world = steering.path.world
    if world.yaw or any(world.xz):
        joints = world.to_world(joints)
    return Clip(joints, float(FPS), caption=phrase.text)
