import pytest
import torch

from bimotion.errors import ModelError
from bimotion.evaluators.word_vectors import CLASSES, WordVectors


@pytest.fixture
def vectors() -> WordVectors:
    words = ["unk", "sos", "eos", "walk", "person", "left"]
    return WordVectors(words, torch.arange(6.0)[:, None].repeat(1, 3))


def named(classes: torch.Tensor) -> list[str]:
    return [CLASSES[position] for position in classes.argmax(-1).tolist()]


def test_words_that_matter_for_motion_have_classes_of_their_own(vectors: WordVectors) -> None:
    words, classes, length = vectors.encode(
        ["person/NOUN", "walk/VERB", "left/ADV", "quokka/NOUN", "person/X"]
    )
    assert length == 7
    assert words.shape == (22, 3)
    assert words[:, 0].tolist() == [1, 4, 3, 5, 0, 4, 2] + [0] * 15
    assert named(classes)[:7] == ["OTHER", "NOUN", "Act_VIP", "Loc_VIP", "OTHER", "OTHER", "OTHER"]


def test_long_captions_are_cut(vectors: WordVectors) -> None:
    words, _, length = vectors.encode(["walk/VERB"] * 30)
    assert (len(words), length) == (22, 22)
    assert words[-1, 0] == 2  # the end still stands there


def test_faults_are_named(vectors: WordVectors) -> None:
    with pytest.raises(ModelError, match="'walk': expected word/CLASS"):
        vectors.encode(["walk"])
    with pytest.raises(ModelError, match="no entry `unk`"):
        WordVectors(["walk"], torch.zeros(1, 3))
