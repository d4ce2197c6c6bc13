"""Token batches of captions for the contrastive evaluator.

Shapes: B captions, L tokens.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from bimotion.captions.sentence import tidy
from bimotion.models.tokens import MotionTokenizer


def token_batch(
    tokenizer: MotionTokenizer, texts: Sequence[str], max_tokens: int
) -> tuple[Int[Tensor, "B L"], Bool[Tensor, "B L"]]:
    """Ids of captions, tidied, padded to the longest, cut at `max_tokens`; and which of them are not padding.

    Raises:
        ConfigError: a caption is empty.
    """
    rows = [tokenizer.encode(tidy(text))[:max_tokens] for text in texts]
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for padded, row in zip(ids, rows, strict=True):
        padded[: len(row)] = torch.tensor(row)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1]) < lengths[:, None]
