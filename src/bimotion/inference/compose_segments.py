"""Composing by the segment model: phrases are generated two seconds at a time, each segment given those before.

With one candidate the frames of a segment are returned as soon as it is there. With several, each phrase is generated
that often, all candidates in one batch, and the one is kept that fulfils the phrase best.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float
from torch import Tensor

from bimotion.errors import ConfigError
from bimotion.evaluators.embedding import Embedder
from bimotion.features.layout import FPS
from bimotion.inference.candidates import scored
from bimotion.inference.choice import Chooser
from bimotion.inference.compose import Chunk, phrase_clip
from bimotion.inference.constraints import OVERLAP
from bimotion.inference.feature_model import Cancel, report
from bimotion.inference.joining import Candidate
from bimotion.inference.piece_writer import PieceWriter
from bimotion.inference.request import read_request, sentence_of
from bimotion.inference.segment_generator import Piece, SegmentGenerator, SpokenPhrase
from bimotion.inference.settings import Sampling
from bimotion.inference.steering import Steering
from bimotion.inference.timeline import Phrase, TimedPhrase


def segment_chunks(
    generator: SegmentGenerator,
    phrases: Iterable[Phrase],
    sampling: Sampling,
    *,
    best: int = 1,
    embedder: Embedder | None = None,
    clean: bool = True,
    cancel: Cancel | None = None,
) -> Iterator[Chunk]:
    """The motion of phrases as chunks, each generated when it is requested; `phrases` is read as late as possible.

    Raises:
        ConfigError: a phrase is shorter than the model can generate.
        Cancelled: `cancel` returned True.
    """
    steering = Steering()
    writer = PieceWriter(steering, clean=clean)
    history: Float[Tensor, "H F"] | None = None
    number, start = 0, 0
    for index, phrase in enumerate(phrases):
        spoken = generator.speak(phrase.text)
        frames = _frames(generator, phrase, spoken, history)
        timed = TimedPhrase(phrase.text, start / FPS, (start + frames) / FPS)
        pieces = generator.pieces(spoken, frames, history, sampling.for_piece(number), best)
        if best > 1:
            pieces = iter([_chosen(generator, list(_cancellable(pieces, cancel, number)), phrase, embedder)])
        for piece in _cancellable(pieces, cancel, number):
            history = piece.history[0]
            first = writer.num_final
            features = piece.features[0]
            joints = writer.add(features[: len(features) - generator.segment.overlap + OVERLAP])
            yield Chunk(phrase_clip(joints, timed, steering), first / FPS, index, timed)
        number += -(-frames // generator.segment.frames)
        start += frames


def _cancellable(pieces: Iterator[Piece], cancel: Cancel | None, done: int) -> Iterator[Piece]:
    """The pieces, `cancel` being called before each."""
    while True:
        report(None, cancel, done, done + 1)
        piece = next(pieces, None)
        if piece is None:
            return
        yield piece
        done += 1


def _chosen(
    generator: SegmentGenerator, pieces: list[Piece], phrase: Phrase, embedder: Embedder | None
) -> Piece:
    """The pieces of the best candidate as one piece."""
    whole = generator.joined(pieces)
    request = read_request(sentence_of(phrase.text))
    pool = [Candidate(np.asarray(features[: -generator.segment.overlap])) for features in whole]
    graded = scored(pool, request, Chooser(request), embedder, mirrored=False)
    row = max(range(len(graded)), key=lambda index: graded[index].score)
    return Piece(whole[row : row + 1], pieces[-1].history[row : row + 1])


def _frames(generator: SegmentGenerator, phrase: Phrase, spoken: SpokenPhrase, history: Tensor | None) -> int:
    """Frames of a phrase: as given, as the sentence says, or as the network predicts.

    Raises:
        ConfigError: too few.
    """
    seconds = phrase.seconds
    if seconds is None:
        seconds = read_request(sentence_of(phrase.text)).estimated_seconds()
    frames = generator.length(spoken, history) if seconds is None else round(seconds * FPS)
    shortest = generator.model.min_frames
    if frames < shortest:
        raise ConfigError(
            f"{phrase.text!r:.60}: {frames / FPS:g} s are too short; this model generates phrases of at least "
            f"{shortest / FPS:g} s"
        )
    return frames
