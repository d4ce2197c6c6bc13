"""Training of the evaluator: contrastive learning of captions and motions.

Shapes: B batch, W of it with a wrong caption of M tokens, T frames, F feature columns (263), L text tokens, N items,
D embedding width.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.captions.amounts import add_amounts
from bimotion.captions.contrasts import changed_caption, changed_order
from bimotion.data.spans import join_phrases
from bimotion.data.store import Item
from bimotion.evaluators.caption_batch import token_batch
from bimotion.evaluators.contrastive import ContrastiveEvaluator
from bimotion.evaluators.folder import ContrastiveParts, save_contrastive
from bimotion.models.tokens import MotionTokenizer
from bimotion.training.clips import ClipPool
from bimotion.training.evaluator.calibration import LearnedStems, calibrate
from bimotion.training.evaluator.loss import CaptionSimilarity, ContrastiveLossConfig, info_nce
from bimotion.training.folders import replaced_folder
from bimotion.training.order import BatchOrder, Draw, OrderConfig, OrderedBatches
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
    same_meaning: Bool[Tensor, "B B"]
    """Pairs with the same meaning."""
    wrong_rows: Int[Tensor, " W"]
    """Motions that have a hard negative caption."""
    wrong_ids: Int[Tensor, "W M"]
    """Tokens of these captions."""
    wrong_mask: Bool[Tensor, "W M"]
    """Which of them are not padding."""

    def to(self, device: torch.device) -> "PairBatch":
        """The same on another device."""
        return PairBatch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})


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
        wrong = None
        if len(batch.wrong_rows):
            wrong = batch.wrong_rows, self.network.embed_text(batch.wrong_ids, batch.wrong_mask).float()
        with torch.autocast(text.device.type, enabled=False):
            scale = self.log_scale.exp().clamp(max=LAST_SCALE)
            return {
                "loss": info_nce(text.float(), motion.float(), batch.same_meaning, scale, wrong),
                "scale": scale.detach(),
            }


class EvaluatorTask:
    """The task of `run_loop` to train an evaluator; the pools hold features that are not normalised."""

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
        self.similarity = CaptionSimilarity(captions, losses.alike_words)

    def captions(self, item: Item, rng: np.random.Generator) -> tuple[str, str | None]:
        """A true caption of the item, and possibly a hard negative of it."""
        losses = self.losses
        with_negative = rng.random() < losses.wrong_share
        phrases = tuple(event.text for event in item.events)
        if len(phrases) > 1 and rng.random() < losses.phrase_share:
            seed = int(rng.integers(2**31))
            other = changed_order(phrases, rng) if with_negative else None
            # The same seed, so that subject and joining words do not reveal the changed caption.
            wrong = None if other is None else join_phrases(other, np.random.default_rng(seed))
            return join_phrases(phrases, np.random.default_rng(seed)), wrong
        caption = self._caption(item, rng)
        return caption, changed_caption(caption, rng) if with_negative else None

    def _caption(self, item: Item, rng: np.random.Generator) -> str:
        caption = item.captions[rng.integers(len(item.captions))]
        facts = item.motion_facts()
        if facts is not None and rng.random() < self.losses.amount_share:
            return add_amounts(caption, facts, rng)
        return caption

    def batch(
        self,
        clips: list[Float[Tensor, "_ F"]],
        texts: Sequence[str],
        items: Sequence[Item],
        wrong: Sequence[str | None] = (),
    ) -> PairBatch:
        """Motions and captions as one batch."""
        padded = self.train.batch(clips)
        limit = self.network.config.max_tokens
        ids, mask = token_batch(self.tokenizer, texts, limit)
        same_meaning = self.similarity.same_meaning(texts, [item.captions for item in items])
        rows = [row for row, text in enumerate(wrong) if text is not None]
        wrong_ids, wrong_mask = ids[:0], mask[:0]
        if rows:
            wrong_ids, wrong_mask = token_batch(self.tokenizer, [text for text in wrong if text], limit)
        return PairBatch(
            padded.features,
            padded.lengths,
            ids,
            mask,
            torch.from_numpy(same_meaning),
            torch.tensor(rows, dtype=torch.long),
            wrong_ids,
            wrong_mask,
        )

    def batches(self, batch_size: int, seed: int, shard: Shard) -> OrderedBatches[PairBatch]:
        """The training batches of one process."""

        def batch(draw: Draw) -> PairBatch:
            items = [self.train.items[index] for index in draw.indices.tolist()]
            pairs = [
                self.captions(item, np.random.default_rng(int(seed)))
                for item, seed in zip(items, draw.seeds, strict=True)
            ]
            texts, wrong = [text for text, _ in pairs], [wrong for _, wrong in pairs]
            return self.batch(self.train.drawn(draw), texts, items, wrong)

        order = BatchOrder(self.train.items, self.order, batch_size=batch_size, seed=seed, shard=shard)
        return OrderedBatches(order, batch)

    def validate(self) -> dict[str, float]:
        """Share of held-out captions whose motion is the nearest, among the nearest 3, of 32 drawn once.

        Motions that share the caption also count as correct. `contrast`: share of captions that are nearer to their
        motion than with a word or all sides changed. Empty if nothing is held out.
        """
        pool = self.held_out
        if not len(pool):
            return {}
        text, motion = self._embed(pool)
        captions = [set(item.captions) for item in pool.items]
        right = torch.tensor(
            [[item.captions[0] in item_captions for item_captions in captions] for item in pool.items]
        )
        order = torch.from_numpy(np.random.default_rng(0).permutation(len(pool)))
        hits: list[Tensor] = []
        for start in range(0, len(order), VALIDATION_GROUP):
            group = order[start : start + VALIDATION_GROUP]
            apart = torch.cdist(text[group], motion[group])
            correct = right[group][:, group]
            nearest = apart.masked_fill(~correct, torch.inf).min(1).values
            hits.append(((apart <= nearest[:, None]) & ~correct).sum(1))
        ranks = torch.cat(hits)
        return {f"top_{k}": float((ranks < k).float().mean()) for k in (1, 3)} | self._contrast(motion)

    def _contrast(self, motion: Float[Tensor, "N D"]) -> dict[str, float]:
        """How often the last caption of a held-out item is nearer to its motion than a changed version of it."""
        rng = np.random.default_rng(0)
        pairs = [
            (row, item.captions[-1], wrong)
            for row, item in enumerate(self.held_out.items)
            if (wrong := changed_caption(item.captions[-1], rng)) is not None
        ]
        if not pairs:
            return {}
        rows, *texts = zip(*pairs, strict=True)
        device = next(self.network.parameters()).device
        apart = []
        for each in texts:
            ids, mask = token_batch(self.tokenizer, each, self.network.config.max_tokens)
            embedded = self.network.embed_text(ids.to(device), mask.to(device)).cpu()
            apart.append((embedded - motion[list(rows)]).norm(dim=-1))
        return {"contrast": float((apart[0] < apart[1]).float().mean())}

    def sample(self, folder: Path) -> None:
        """Write the motions that are retrieved for some held-out captions."""
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
        parts = ContrastiveParts(self.network, self.tokenizer)
        pool = self.held_out
        motions = [pool.clip(index).numpy() for index in range(len(pool))]
        calibration = calibrate(parts, pool.items, motions, self._learned_stems)
        with replaced_folder(folder) as partial:
            save_contrastive(replace(parts, calibration=calibration), partial, self.card)

    @cached_property
    def _learned_stems(self) -> LearnedStems:
        return LearnedStems.of(self.train.items)

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
