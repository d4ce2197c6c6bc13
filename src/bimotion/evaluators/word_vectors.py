"""Captions as word vectors and word classes, the input of the published evaluator.

Shapes: L words, W values of a word vector, P word classes, V words of the vocabulary.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.errors import ModelError

CLASSES = (
    *("VERB", "NOUN", "DET", "ADP", "NUM", "AUX", "PRON", "ADJ", "ADV"),
    *("Loc_VIP", "Body_VIP", "Obj_VIP", "Act_VIP", "Desc_VIP", "OTHER"),
)
"""Word classes, in the order of their indices."""

_SPECIAL = {
    "Loc_VIP": "left right clockwise counterclockwise anticlockwise forward back backward up down straight curve",
    "Body_VIP": "arm chin foot feet face hand mouth leg waist eye knee shoulder thigh",
    "Obj_VIP": "stair dumbbell chair window floor car ball handrail baseball basketball",
    "Act_VIP": (
        "walk run swing pick bring kick put squat throw hop dance jump turn stumble stop sit lift lower raise wash "
        "stand kneel stroll rub bend balance flap jog shuffle lean rotate spin spread climb"
    ),
    "Desc_VIP": "slowly carefully fast careful slow quickly happy angry sad happily angrily sadly",
}
_CLASS_OF_WORD = {word: name for name, words in _SPECIAL.items() for word in words.split()}

START, END, UNKNOWN = "sos/OTHER", "eos/OTHER", "unk/OTHER"
"""Tokens before and after a caption's words, and for padding."""


class WordVectors:
    """Vectors of a vocabulary.

    Source: Guo et al. 2022, the word vectoriser of the published code: words that matter for motion have
    classes of their own, words without a vector are `unk/OTHER`.
    """

    def __init__(self, words: Sequence[str], vectors: Float[Tensor, "V W"]) -> None:
        """`words[i]` has the vector `vectors[i]`.

        Raises:
            ModelError: the numbers differ, or `unk` is missing.
        """
        if len(words) != len(vectors):
            raise ModelError(f"{len(words)} words but {len(vectors)} word vectors")
        self.words = list(words)
        self.vectors = vectors
        self._index = {word: index for index, word in enumerate(words)}
        if "unk" not in self._index:
            raise ModelError("the word vectors have no entry `unk` for unknown words")

    def encode(
        self, tokens: Sequence[str], max_words: int = 20
    ) -> tuple[Float[Tensor, "L W"], Float[Tensor, "L P"], int]:
        """Vectors and one-hot classes of a caption's tagged words (`walk/VERB`), and how many rows are not padding.

        Always `max_words` + 2 rows: words beyond are cut, padding is `unk/OTHER` as published.

        Raises:
            ModelError: a token is not `word/CLASS`.
        """
        row = [START, *tokens[:max_words], END]
        length = len(row)
        row += [UNKNOWN] * (max_words + 2 - length)
        indices = torch.zeros(len(row), dtype=torch.long)
        classes = torch.zeros(len(row), len(CLASSES))
        for number, token in enumerate(row):
            word, slash, tag = token.rpartition("/")
            if not slash:
                raise ModelError(f"the token {token!r}: expected word/CLASS, as in walk/VERB")
            known = word in self._index
            name = _CLASS_OF_WORD.get(word, tag) if known else "OTHER"
            indices[number] = self._index[word if known else "unk"]
            classes[number, CLASSES.index(name if name in CLASSES else "OTHER")] = 1
        return self.vectors[indices], classes, length
