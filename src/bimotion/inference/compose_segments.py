"""Composing by the segment model: phrases are generated two seconds at a time, each segment given those before.

With one candidate the frames of a segment are returned as soon as it is there. With several, each phrase is generated
that often, all candidates in one batch, and the one is kept that fulfils the phrase best.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.captions.sentence import tidy
from bimotion.errors import ConfigError
from bimotion.evaluators.embedding import Embedder
from bimotion.features.layout import FPS
from bimotion.features.mirror import mirror_features
from bimotion.inference.candidates import Tools, scored
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


@dataclass(frozen=True)
class PhrasePiece:
    """New frames of a composed motion, before they are joined to the ones before."""

    index: int
    """Number of the phrase, from 0."""
    phrase: TimedPhrase
    """The phrase."""
    features: Float[np.ndarray, "_ 263"]
    """Its new frames and those that it shares with what follows."""


def segment_chunks(
    generator: SegmentGenerator,
    phrases: Iterable[Phrase],
    sampling: Sampling,
    *,
    best: int = 1,
    tools: Tools | None = None,
    clean: bool = True,
    cancel: Cancel | None = None,
) -> Iterator[Chunk]:
    """The motion of phrases as chunks, each generated when it is requested; `phrases` is read as late as possible.

    Raises:
        ConfigError: a phrase is shorter than the model can generate.
        Cancelled: `cancel` returned True.
    """
    pieces = phrase_pieces(generator, phrases, sampling, best=best, tools=tools, cancel=cancel)
    return written(pieces, clean=clean)


def written(pieces: Iterable[PhrasePiece], *, clean: bool) -> Iterator[Chunk]:
    """Pieces joined to one motion, as chunks."""
    steering = Steering()
    writer = PieceWriter(steering, clean=clean)
    for piece in pieces:
        first = writer.num_final
        joints = writer.add(piece.features)
        yield Chunk(phrase_clip(joints, piece.phrase, steering), first / FPS, piece.index, piece.phrase)


def phrase_pieces(
    generator: SegmentGenerator,
    phrases: Iterable[Phrase],
    sampling: Sampling,
    *,
    best: int = 1,
    tools: Tools | None = None,
    history: Float[Tensor, "H F"] | None = None,
    cancel: Cancel | None = None,
) -> Iterator[PhrasePiece]:
    """The pieces of phrases: segments, or with several candidates whole phrases.

    `history` is the motion before the first phrase (`SegmentGenerator.normalised`).

    Raises:
        ConfigError: a phrase is shorter than the model can generate.
        Cancelled: `cancel` returned True.
    """
    number, start = 0, 0
    for index, phrase in enumerate(phrases):
        spoken = generator.speak(phrase.text)
        frames = _frames(generator, phrase, spoken, history)
        timed = TimedPhrase(phrase.text, start / FPS, (start + frames) / FPS)
        own = sampling.for_piece(number)
        leads = _leads(generator, phrase, frames, best // 2, own, tools)
        pieces = generator.pieces(spoken, frames, history, own, best, leads)
        if best > 1:
            embedder = None if tools is None else tools.embedder
            pieces = iter([_chosen(generator, list(_cancellable(pieces, cancel, number)), phrase, embedder)])
        for piece in _cancellable(pieces, cancel, number):
            history = piece.history[0]
            features = piece.features[0]
            yield PhrasePiece(index, timed, features[: len(features) - generator.segment.overlap + OVERLAP])
        number += -(-frames // generator.segment.frames)
        start += frames


def features_after(
    generator: SegmentGenerator,
    features: Float[np.ndarray, "T 263"],
    text: str,
    frames: int,
    sampling: Sampling,
    *,
    best: int = 1,
    tools: Tools | None = None,
) -> Float[np.ndarray, "T2 263"]:
    """The `frames` after a motion in which it shows what a phrase says: the best of several candidates."""
    if best == 1:
        return generator.after(features, frames, sampling, text)
    phrase = Phrase(text, (frames + generator.segment.overlap) / FPS)
    history = generator.normalised(features)
    pieces = phrase_pieces(generator, [phrase], sampling, best=best, tools=tools, history=history)
    (piece,) = pieces  # with several candidates the whole phrase is one
    return piece.features[generator.segment.overlap :][:frames]


def _cancellable(pieces: Iterator[Piece], cancel: Cancel | None, done: int) -> Iterator[Piece]:
    """The pieces, `cancel` being called before each."""
    while True:
        report(None, cancel, done, done + 1)
        piece = next(pieces, None)
        if piece is None:
            return
        yield piece
        done += 1


def _leads(
    generator: SegmentGenerator,
    phrase: Phrase,
    frames: int,
    count: int,
    sampling: Sampling,
    tools: Tools | None,
) -> Float[np.ndarray, "led T 263"] | None:
    """Captioned training motions that candidates of a phrase follow at first, each as its mirror image too where the
    phrase names a side; None without any."""
    if tools is None or tools.examples is None or count < 1:
        return None
    model, request = generator.model, read_request(sentence_of(phrase.text))
    prompt, length = request.prompt, min(frames, model.max_frames)
    embedding = None if tools.embedder is None else tools.embedder.embed_texts([tidy(prompt)])[0]
    sided = count > 1 and Chooser(request).names_side
    drawn = tools.examples.draw(
        prompt, count // 2 if sided else count, sampling.numpy_generator(0), embedding, length
    )
    if not drawn:
        return None
    latents = torch.stack([example.latent for example in drawn])
    motions = model.decode_features(
        latents.view(-1, *model.network.config.latent_shape), [length] * len(drawn)
    )
    if sided:
        motions += [mirror_features(motion) for motion in motions]
    return np.stack(motions)


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
