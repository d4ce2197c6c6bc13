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
from bimotion.data.store import Event, Item
from bimotion.evaluators.caption_batch import token_batch
from bimotion.evaluators.contrastive import ContrastiveEvaluator
from bimotion.evaluators.folder import ContrastiveParts, save_contrastive
from bimotion.features.layout import FPS
from bimotion.inference.request import sentence_of
from bimotion.models.tokens import MotionTokenizer
from bimotion.training.clips import ClipPool
from bimotion.training.evaluator.calibration import LearnedStems, calibrate
from bimotion.training.evaluator.loss import CaptionSimilarity, ContrastiveLossConfig, info_nce
from bimotion.training.evaluator.phrases import (
    OTHER_MOMENTS,
    PhraseBatch,
    other_moments,
    phrase_losses,
    timed_phrases,
)
from bimotion.training.folders import replaced_folder
from bimotion.training.order import BatchOrder, Draw, OrderConfig, OrderedBatches
from bimotion.training.task import Shard

LAST_SCALE = 100.0
"""Greatest factor of cosines."""

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
    phrases: PhraseBatch | None = None
    """Timed phrases of the motions; None where there are none, or they are not compared."""

    def to(self, device: torch.device) -> "PairBatch":
        """The same on another device."""
        phrases = None if self.phrases is None else self.phrases.to(device)
        tensors = {name: value for name, value in vars(self).items() if name != "phrases"}
        moved = {name: value.to(device, non_blocking=True) for name, value in tensors.items()}
        return PairBatch(**moved, phrases=phrases)


@dataclass(frozen=True)
class _Example:
    """A motion with what is said of it."""

    clip: Float[Tensor, "T F"]
    """Features."""
    events: tuple[Event, ...]
    """Timed phrases."""
    start: int
    """First frame of the clip in the window of the phrases."""
    caption: str
    """A true caption."""
    wrong: str | None
    """A hard negative of it."""
    parts: tuple[int, ...] = ()
    """Rows of the batch that this motion contains."""


class EvaluatorObjective(nn.Module):
    """The evaluator with its loss."""

    def __init__(self, network: ContrastiveEvaluator, losses: ContrastiveLossConfig) -> None:
        super().__init__()
        self.network, self.moment_weight = network, losses.moment_weight
        self.log_scale = nn.Parameter(torch.tensor(math.log(losses.first_scale)))

    def forward(self, batch: PairBatch, noise: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """The loss; every process compares the items of its own part of the batch."""
        text = self.network.embed_text(batch.ids, batch.mask)
        parts = self.network.motion_parts(batch.features, batch.lengths)
        phrases = batch.phrases
        wrong = self._wrong(batch.wrong_ids, batch.wrong_mask)
        phrase_text = None if phrases is None else self.network.embed_text(phrases.ids, phrases.mask)
        wrong_phrases = None if phrases is None else self._wrong(phrases.wrong_ids, phrases.wrong_mask)
        with torch.autocast(text.device.type, enabled=False):
            scale = self.log_scale.exp().clamp(max=LAST_SCALE)
            negatives = None if wrong is None else (batch.wrong_rows, wrong)
            loss = info_nce(text, parts.whole(), batch.same_meaning, scale, negatives)
            values = {"whole": loss.detach(), "scale": scale.detach()}
            if phrases is not None and phrase_text is not None:
                moment, part = phrase_losses(phrase_text, wrong_phrases, parts, phrases, scale)
                loss = loss + self.moment_weight * (moment + part)
                values |= {"moment": moment.detach(), "part": part.detach()}
            return {"loss": loss, **values}

    def _wrong(self, ids: Int[Tensor, "W M"], mask: Bool[Tensor, "W M"]) -> Float[Tensor, "W D"] | None:
        return self.network.embed_text(ids, mask) if len(ids) else None


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
        self.module = EvaluatorObjective(network, losses)
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
        same_meaning = self.similarity.same_meaning(texts, [item.captions for item in items])
        return PairBatch(
            padded.features,
            padded.lengths,
            *self._tokens(texts),
            torch.from_numpy(same_meaning),
            *self._wrong_tokens(wrong),
        )

    def batches(self, batch_size: int, seed: int, shard: Shard) -> OrderedBatches[PairBatch]:
        """The training batches of one process."""
        order = BatchOrder(self.train.items, self.order, batch_size=batch_size, seed=seed, shard=shard)
        return OrderedBatches(order, self._training_batch)

    def _training_batch(self, draw: Draw) -> PairBatch:
        items = [self.train.items[index] for index in draw.indices.tolist()]
        noise = [np.random.default_rng(int(seed)) for seed in draw.seeds]
        examples = [
            _Example(clip, item.events, start, *self.captions(item, rng))
            for clip, item, start, rng in zip(
                self.train.drawn(draw), items, draw.starts.tolist(), noise, strict=True
            )
        ]
        if self.losses.join_share:
            examples = self._joined(examples, noise)
        batch = self.batch(
            [each.clip for each in examples],
            [each.caption for each in examples],
            items,
            [each.wrong for each in examples],
        )
        for row, example in enumerate(examples):
            for part in example.parts:  # a motion and one that contains it are no negatives of each other
                batch.same_meaning[row, part] = batch.same_meaning[part, row] = True
        return replace(batch, phrases=self._phrases(examples, noise))

    def _joined(self, examples: Sequence[_Example], noise: Sequence[np.random.Generator]) -> list[_Example]:
        """The examples; some of the short ones continue with another one, so that their order is known."""
        size = self.network.config.frames_per_token
        longest = self.network.config.max_frames // 2
        short = [
            row for row, each in enumerate(examples) if size <= len(each.clip) <= longest and each.events
        ]
        followers = dict(zip(short, short[1:] + short[:1], strict=True))
        joined = list(examples)
        for row, other in followers.items():
            if row != other and noise[row].random() < self.losses.join_share:
                joined[row] = self._join(examples, row, other, noise[row])
        return joined

    def _join(self, examples: Sequence[_Example], row: int, other: int, rng: np.random.Generator) -> _Example:
        """Two motions as one; the border lies between two parts."""
        first, second = examples[row], examples[other]
        size = self.network.config.frames_per_token
        clip = first.clip[: len(first.clip) // size * size]
        at = [[_moved(event, -each.start) for event in each.events] for each in (first, second)]
        events = (*at[0], *(_moved(event, len(clip)) for event in at[1]))
        phrases = tuple(event.text for event in events)
        seed = int(rng.integers(2**31))
        swapped = tuple(event.text for event in (*at[1], *at[0]))
        wrong = None if swapped == phrases else join_phrases(swapped, np.random.default_rng(seed))
        caption = join_phrases(phrases, np.random.default_rng(seed))
        return _Example(torch.cat((clip, second.clip)), events, 0, caption, wrong, (row, other))

    def _phrases(
        self, examples: Sequence[_Example], noise: Sequence[np.random.Generator]
    ) -> PhraseBatch | None:
        size = self.network.config.frames_per_token
        if not self.losses.moment_weight:
            return None
        by_row = [
            timed_phrases(row, each.events, each.start, len(each.clip), size)
            for row, each in enumerate(examples)
        ]
        phrases = [phrase for found in by_row for phrase in found]
        if not phrases:
            return None
        texts = [sentence_of(phrase.text) for phrase in phrases]
        same_meaning = self.similarity.same_meaning(texts)
        others = torch.zeros((2, len(phrases), OTHER_MOMENTS), dtype=torch.long)
        wrong: list[str | None] = []
        for number, phrase in enumerate(phrases):
            rng = noise[phrase.row]
            same = [
                phrases[index]
                for index in np.flatnonzero(same_meaning[number])
                if phrases[index].row == phrase.row
            ]
            parts = -(-len(examples[phrase.row].clip) // size)
            for column, moment in enumerate(other_moments(phrase, same, parts, rng)):
                others[:, number, column] = torch.tensor(moment)
            changed = rng.random() < self.losses.wrong_share
            wrong.append(changed_caption(texts[number], rng) if changed else None)
        return PhraseBatch(
            torch.tensor([phrase.row for phrase in phrases]),
            torch.tensor([slot for found in by_row for slot in range(len(found))]),
            torch.tensor([phrase.first for phrase in phrases]),
            torch.tensor([phrase.stop for phrase in phrases]),
            others[0],
            others[1],
            *self._tokens(texts),
            torch.from_numpy(same_meaning),
            *self._wrong_tokens(wrong),
        )

    def _tokens(self, texts: Sequence[str]) -> tuple[Int[Tensor, "B L"], Bool[Tensor, "B L"]]:
        return token_batch(self.tokenizer, texts, self.network.config.max_tokens)

    def _wrong_tokens(
        self, texts: Sequence[str | None]
    ) -> tuple[Int[Tensor, " W"], Int[Tensor, "W M"], Bool[Tensor, "W M"]]:
        """Rows that have a text, and tokens of these texts."""
        rows = [row for row, text in enumerate(texts) if text is not None]
        if not rows:
            return (
                torch.zeros(0, dtype=torch.long),
                torch.zeros((0, 1), dtype=torch.long),
                torch.zeros((0, 1), dtype=torch.bool),
            )
        return torch.tensor(rows), *self._tokens([text for text in texts if text is not None])

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


def _moved(event: Event, frames: int) -> Event:
    return Event(event.start + frames / FPS, event.end + frames / FPS, event.text)
