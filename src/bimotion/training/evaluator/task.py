"""Training of the evaluator: contrastive learning of captions and motions.

Shapes: B batch, T frames, F feature columns (263), L text tokens, N items, D embedding width.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.data.paraphrases import ParaphraseBank
from bimotion.data.store import Item
from bimotion.evaluators.caption_batch import token_batch
from bimotion.evaluators.contrastive import ContrastiveEvaluator
from bimotion.evaluators.folder import ContrastiveParts, save_contrastive
from bimotion.models.tokens import MotionTokenizer
from bimotion.training.clips import ClipPool
from bimotion.training.evaluator.loss import ContrastiveLossConfig, Likeness, info_nce
from bimotion.training.folders import replaced_folder
from bimotion.training.order import BatchOrder, OrderConfig
from bimotion.training.task import Shard

FIRST_SCALE, LAST_SCALE = 10.0, 100.0
"""Initial scale of cosines (TMR's temperature of 0.1) and its maximum."""

VALIDATION_GROUP = 32
"""Motions per retrieval group at validation."""


@dataclass(frozen=True)
class PairBatch:
    """Motions with a caption each."""

    features: Float[Tensor, "B T F"]
    """Features, not normalised; zeros beyond each length."""
    lengths: Int[Tensor, " B"]
    """Frames of each."""
    ids: Int[Tensor, "B L"]
    """Captions' tokens."""
    mask: Bool[Tensor, "B L"]
    """Which tokens are not padding."""
    alike: Bool[Tensor, "B B"]
    """Pairs with the same meaning."""

    def to(self, device: torch.device) -> "PairBatch":
        """The same on another device."""
        return PairBatch(
            *(
                value.to(device, non_blocking=True)
                for value in (self.features, self.lengths, self.ids, self.mask, self.alike)
            )
        )


class EvaluatorObjective(nn.Module):
    """The evaluator with its loss."""

    def __init__(self, network: ContrastiveEvaluator) -> None:
        super().__init__()
        self.network = network
        self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))

    def forward(self, batch: PairBatch, noise: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """The loss; every process compares the items of its own part of the batch."""
        text = self.network.embed_text(batch.ids, batch.mask)
        motion = self.network.embed_motion(batch.features, batch.lengths)
        with torch.autocast(text.device.type, enabled=False):
            scale = self.log_scale.exp().clamp(max=LAST_SCALE)
            return {
                "loss": info_nce(text.float(), motion.float(), batch.alike, scale),
                "scale": scale.detach(),
            }


class PairBatches:
    """Batches of motions with captions, from memory; the same for the same place in the order."""

    def __init__(self, task: "EvaluatorTask", order: BatchOrder) -> None:
        self.task, self.order = task, order

    def next(self) -> PairBatch:
        """The next batch of this process."""
        draw = self.order.next()
        pool = self.task.train
        clips = [
            pool.clip(*row)
            for row in zip(draw.indices.tolist(), draw.starts.tolist(), draw.lengths.tolist(), strict=True)
        ]
        items = [pool.items[index] for index in draw.indices.tolist()]
        texts = [
            self.task.caption(item, np.random.default_rng(int(seed)))
            for item, seed in zip(items, draw.seeds, strict=True)
        ]
        return self.task.batch(clips, texts, items)

    def state(self) -> dict[str, Any]:
        """The position in the order."""
        return self.order.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Continue at a position that `state` returned."""
        self.order.restore(state)


class EvaluatorTask:
    """What `run_loop` needs to train an evaluator; the pools hold features that are not normalised."""

    def __init__(
        self,
        network: ContrastiveEvaluator,
        tokenizer: MotionTokenizer,
        train: ClipPool,
        held_out: ClipPool,
        losses: ContrastiveLossConfig,
        order: OrderConfig,
        card: str = "",
    ) -> None:
        self.network, self.tokenizer, self.train, self.held_out = network, tokenizer, train, held_out
        self.losses, self.order, self.card = losses, order, card
        self.module = EvaluatorObjective(network)
        captions = (caption for item in train.items for caption in item.captions)
        self.likeness = Likeness(captions, losses.alike_words)
        self._bank = ParaphraseBank.load()

    def caption(self, item: Item, rng: np.random.Generator) -> str:
        """One of the item's captions, or a paraphrase."""
        if rng.random() < self.losses.paraphrase_share:
            other = self._bank.phrase(item, rng)
            if other:
                return other
        return item.captions[rng.integers(len(item.captions))]

    def batch(
        self, clips: list[Float[Tensor, "_ F"]], texts: Sequence[str], items: Sequence[Item]
    ) -> PairBatch:
        """Motions and captions as one batch."""
        padded = self.train.batch(clips)
        ids, mask = token_batch(self.tokenizer, texts, self.network.config.max_tokens)
        alike = self.likeness.alike(texts, [item.captions for item in items])
        return PairBatch(padded.features, padded.lengths, ids, mask, torch.from_numpy(alike))

    def batches(self, batch_size: int, seed: int, shard: Shard) -> PairBatches:
        """The training batches of one process."""
        order = BatchOrder(self.train.items, self.order, batch_size=batch_size, seed=seed, shard=shard)
        return PairBatches(self, order)

    def validate(self) -> dict[str, float]:
        """Share of held-out captions whose motion is the nearest, among the nearest 3, of 32 drawn once.

        Motions that share the caption also count as correct. Empty if nothing is held out.
        """
        pool = self.held_out
        if not len(pool):
            return {}
        text, motion = self._embed(pool)
        captions = [set(item.captions) for item in pool.items]
        right = torch.tensor([[item.captions[0] in others for others in captions] for item in pool.items])
        order = torch.from_numpy(np.random.default_rng(0).permutation(len(pool)))
        hits: list[Tensor] = []
        for start in range(0, len(order), VALIDATION_GROUP):
            group = order[start : start + VALIDATION_GROUP]
            apart = torch.cdist(text[group], motion[group])
            correct = right[group][:, group]
            nearest = apart.masked_fill(~correct, torch.inf).min(1).values
            hits.append(((apart <= nearest[:, None]) & ~correct).sum(1))
        ranks = torch.cat(hits)
        return {f"top_{k}": float((ranks < k).float().mean()) for k in (1, 3)}

    def sample(self, folder: Path) -> None:
        """Write which motions are retrieved for some held-out captions."""
        pool = self.held_out if len(self.held_out) else self.train
        text, motion = self._embed(pool)
        chosen = np.linspace(0, len(pool) - 1, num=min(12, len(pool)), dtype=int).tolist()
        rows = []
        for index in chosen:
            near = torch.cdist(text[index : index + 1], motion)[0].argsort()[:3].tolist()
            found = [{"id": pool.items[i].id, "caption": pool.items[i].captions[0]} for i in near]
            rows.append({"caption": pool.items[index].captions[0], "found": found})
        with replaced_folder(folder) as partial:
            (partial / "found.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")

    def export(self, folder: Path, step: int) -> None:
        """Write the evaluator as a folder."""
        with replaced_folder(folder) as partial:
            save_contrastive(ContrastiveParts(self.network, self.tokenizer), partial, self.card)

    def _embed(self, pool: ClipPool) -> tuple[Float[Tensor, "N D"], Float[Tensor, "N D"]]:
        """First captions and motions of a pool."""
        device = next(self.network.parameters()).device
        text = torch.empty(len(pool), self.network.config.width)
        motion = torch.empty_like(text)
        for rows in pool.by_length(64):
            batch = self.batch(
                [pool.clip(index) for index in rows],
                [pool.items[index].captions[0] for index in rows],
                [pool.items[index] for index in rows],
            ).to(device)
            text[rows] = self.network.embed_text(batch.ids, batch.mask).cpu()
            motion[rows] = self.network.embed_motion(batch.features, batch.lengths).cpu()
        return text, motion
