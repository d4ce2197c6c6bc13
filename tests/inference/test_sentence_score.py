"""An evaluator's comparison of motions with a sentence: phrases in their order."""

import numpy as np
import pytest

from bimotion.data.window_features import Features
from bimotion.evaluators.embedding import Embeddings
from bimotion.inference.sentence_score import SentenceScore

AXES = np.eye(4, dtype=np.float32)
WORDS = {"walk": 0, "sit": 1, "wave": 2}


class Words:
    """Texts are the mean of their words' axes; a part of a motion is the axis in its first feature column."""

    kind, max_frames, frames_per_part = "contrastive", 200, 4
    tagged: dict[str, list[str]] = {}

    def embed_texts(self, captions: list[str]) -> Embeddings:
        return np.stack(
            [
                sum((AXES[axis] for word, axis in WORDS.items() if word in text), AXES[3] * 0.1)
                for text in captions
            ]
        )

    def embed_motions(self, motions: list[Features]) -> Embeddings:
        return np.stack([parts.mean(0) for parts in self.motion_parts(motions)])

    def motion_parts(self, motions: list[Features]) -> list[Embeddings]:
        return [AXES[np.asarray(motion)[::4, 0].astype(int)] for motion in motions]


def motion(*axes: int) -> Features:
    features = np.zeros((40 * len(axes), 263), np.float32)
    features[:, 0] = np.repeat(axes, 40)
    return features


def test_the_order_of_phrases_decides() -> None:
    score = SentenceScore(Words(), "a person walks, then sits")  # type: ignore[arg-type]
    right, wrong, other = score([motion(0, 1), motion(1, 0), motion(2, 2)])
    assert right > wrong + 0.1
    assert wrong > other


def test_a_sentence_of_one_action_is_compared_as_a_whole() -> None:
    score = SentenceScore(Words(), "a person walks, sits")  # type: ignore[arg-type]
    first, second = score([motion(0, 1), motion(1, 0)])
    assert first == pytest.approx(second)


def test_without_an_evaluator_all_are_equal() -> None:
    assert SentenceScore(None, "a person walks")([motion(0), motion(1)]).tolist() == [0, 0]
