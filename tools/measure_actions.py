"""How often a data set shows each action, and how well a model makes it.

A generated motion is recognised as the action of its caption if most of the training windows nearest to it, by their
latents, show that action (`training.language.metrics`).
"""

from collections import Counter

import numpy as np
import torch

from bimotion.data.store import Item, MotionStore
from bimotion.features.layout import FPS
from bimotion.inference.actions import Action
from bimotion.inference.prompts import motion_of_text
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.tokens import MotionTokenizer
from bimotion.training.clips import ClipPool
from bimotion.training.language.init_model import feature_stats
from bimotion.training.language.metrics import Neighbours

EXAMPLES = 3
"""Captions that are listed of each action."""

CHUNK = 32
"""Batch size."""

MIN_HELD_OUT = 5
"""Actions with fewer held-out windows have no share."""


@torch.inference_mode()
def measure_actions(model: MotionLanguage, tokenizer: MotionTokenizer, store: MotionStore) -> list[Action]:
    """The actions of the training windows, most frequent first; shares are those of the validation and test windows."""
    model.eval()
    train = store.items("train", mirrored=False, text=True)
    held_out = [item for split in ("val", "test") for item in store.items(split, mirrored=False, text=True)]
    neighbours = Neighbours(
        _recorded(model, store, store.items("train", text=True)), store.items("train", text=True)
    )
    recorded = neighbours.content(_recorded(model, store, held_out))
    generated = neighbours.content(_generated(model, tokenizer, [item.captions[0] for item in held_out]))
    totals = Counter(item.content for item in held_out)
    right = [
        Counter(
            item.content for item, content in zip(held_out, contents, strict=True) if content == item.content
        )
        for contents in (generated, recorded)
    ]
    actions = []
    for name, _ in Counter(item.content for item in train).most_common():
        items = [item for item in train if item.content == name]
        shares = [counts[name] / totals[name] if totals[name] >= MIN_HELD_OUT else None for counts in right]
        captions = list(dict.fromkeys(item.captions[0] for item in items))
        rows = np.linspace(0, len(captions) - 1, min(EXAMPLES, len(captions)), dtype=int)
        actions.append(
            Action(
                name,
                len({item.take for item in items}),
                round(sum(item.num_frames for item in items) / FPS / 60, 2),
                tuple(captions[row] for row in rows),
                *shares,
            )
        )
    return actions


def _recorded(model: MotionLanguage, store: MotionStore, items: list[Item]) -> torch.Tensor:
    """Normalised latents of windows, flat."""
    pool = ClipPool(store, items, feature_stats(model))
    rows = []
    for first in range(0, len(items), CHUNK):
        clips = [pool.clip(row) for row in range(first, min(first + CHUNK, len(items)))]
        lengths = torch.tensor([len(clip) for clip in clips])
        padded = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
        rows.append(model.encode(padded, lengths).flatten(1))
    return torch.cat(rows)


def _generated(model: MotionLanguage, tokenizer: MotionTokenizer, captions: list[str]) -> torch.Tensor:
    """Normalised latents generated from captions, flat."""
    limit = model.config.mixture.max_positions
    rows = []
    for first in range(0, len(captions), CHUNK):
        requests = [motion_of_text(tokenizer, caption, limit) for caption in captions[first : first + CHUNK]]
        generators = [torch.Generator().manual_seed(first + row) for row in range(len(requests))]
        rows.append(model.sample(model.batch(requests), generator=generators)[0].flatten(1))
    return torch.cat(rows)
