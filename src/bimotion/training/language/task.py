"""The language stages: text, stage 1 to 3, as one task.

Shapes: B clips, N latents of a clip, D latent width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.captions.instructions import MotionWords, TaskClass, own_templates
from bimotion.data.examples import Example, ExampleConfig, Examples
from bimotion.data.store import Item
from bimotion.features.decode import features_to_joints
from bimotion.features.layout import FPS
from bimotion.features.normalise import FeatureStats
from bimotion.inference.prompts import motion_of_text, text_of_motion
from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.weights import save_model
from bimotion.training.clips import ClipPool
from bimotion.training.language.batches import LanguageBatch, LanguageBatches, Turns
from bimotion.training.language.latent_cache import FULL, Latents
from bimotion.training.language.metrics import CaptionBank, Neighbours, ValidationConfig, relative_quality
from bimotion.training.language.objective import LanguageLossConfig, LanguageObjective
from bimotion.training.language.prompt_cache import PromptCache
from bimotion.training.language.stages import Part
from bimotion.training.samples import write_samples
from bimotion.training.task import Shard

CHUNK = 32
"""Batch size of validation."""


@dataclass(frozen=True)
class LanguageSplit:
    """Windows of a split with their latents; no latents in the text stage."""

    items: list[Item]
    """The windows."""
    latents: Latents | None
    """Their latents, one row per window."""
    pool: ClipPool | None = None
    """Their features, if motions are compared with them."""

    @property
    def index_of(self) -> dict[str, int]:
        """Row of each window by its id."""
        return {item.id: row for row, item in enumerate(self.items)}

    def turns(
        self, tokenizer: MotionTokenizer, limit: int, *, whole_text: bool = False, latent_noise: float = 0.0
    ) -> Turns:
        """Converter of this split's examples to turns."""
        return Turns(
            tokenizer, limit, self.latents, self.index_of, whole_text=whole_text, latent_noise=latent_noise
        )


class LanguageTask:
    """The task of `run_loop` to train a language stage."""

    def __init__(
        self,
        model: MotionLanguage,
        tokenizer: MotionTokenizer,
        train: LanguageSplit,
        held_out: LanguageSplit,
        *,
        trains: Sequence[Part],
        losses: LanguageLossConfig,
        examples: ExampleConfig,
        validation: ValidationConfig,
        whole_text: bool = False,
        latent_noise: float = 0.0,
        freeze_words: bool = False,
        frozen_text_layers: int = 0,
        prompts: PromptCache | None = None,
        card: str = "",
    ) -> None:
        """`examples` configures sampling; batch size and seed are the loop's.

        `prompts` stores keys and values of a frozen text branch; see `LanguageObjective`.
        """
        self.model, self.tokenizer, self.train, self.held_out = model, tokenizer, train, held_out
        self.examples, self.validation, self.card = examples, validation, card
        self.whole_text, self.latent_noise = whole_text, latent_noise
        self.module = LanguageObjective(
            model,
            losses,
            trains,
            freeze_words=freeze_words,
            frozen_text_layers=frozen_text_layers,
            mirror_pairs=examples.mirror_pairs,
            prompts=prompts,
        )
        self.words = MotionWords(tokenizer.motion_in, tokenizer.motion_out, tokenizer.motion_masked)
        self.tasks: list[TaskClass] = [task for task, _ in examples.tasks]
        self._neighbours: Neighbours | None = None
        self._bank: CaptionBank | None = None

    @property
    def limit(self) -> int:
        """Longest sequence."""
        return self.model.config.mixture.max_positions

    def batches(self, batch_size: int, seed: int, shard: Shard) -> LanguageBatches:
        """The training batches of one process."""
        config = replace(self.examples, batch_size=batch_size * shard.world, seed=seed)
        examples = Examples(self.train.items, own_templates(), config, self.words)
        turns = self.train.turns(
            self.tokenizer, self.limit, whole_text=self.whole_text, latent_noise=self.latent_noise
        )
        return LanguageBatches(examples, turns, self.model.config.slots, seed, shard)

    def validate(self) -> dict[str, float]:
        """Losses on held-out examples, and the quality of generated motions and captions (`metrics`)."""
        result: dict[str, float] = {}
        for task in self.tasks:
            result |= self._losses(task)
        chosen = self._chosen(self.validation.generate_clips)
        if chosen and "t2m" in self.tasks and not self.whole_text:
            result |= self._generate(chosen)
        if chosen and "m2t" in self.tasks:
            captions = self.captions(chosen)
            self._bank = self._bank or CaptionBank(self.train.items)
            agreement = self._bank.agreement(captions, chosen)
            result |= {f"m2t_{name}": value for name, value in agreement.items()}
        return result

    def captions(self, items: Sequence[Item]) -> list[str]:
        """Greedy captions of held-out windows."""
        assert self.held_out.latents is not None
        captions: list[str] = []
        for first in range(0, len(items), CHUNK):
            rows = [self.held_out.index_of[item.id] for item in items[first : first + CHUNK]]
            context = self._normalised(self.held_out.latents.mu[FULL][rows].float())
            timed = self.model.config.length_in_prompt
            frames = [item.num_frames if timed else None for item in items[first : first + CHUNK]]
            batch = self.model.batch([text_of_motion(self.tokenizer, each) for each in frames])
            ids = self.model.generate(batch, context, DecodingConfig())
            captions += [self.tokenizer.caption(row) for row in ids]
        return captions

    def motions(self, captions: Sequence[str], seed: int = 0) -> tuple[Float[Tensor, "B N D"], list[int]]:
        """Normalised latents and lengths generated from captions."""
        latents: list[Tensor] = []
        lengths: list[int] = []
        for first in range(0, len(captions), CHUNK):
            chunk = captions[first : first + CHUNK]
            requests = [motion_of_text(self.tokenizer, caption, self.limit) for caption in chunk]
            generators = [torch.Generator().manual_seed(seed + first + i) for i in range(len(chunk))]
            sampled, frames = self.model.sample(self.model.batch(requests), generator=generators)
            latents.append(sampled)
            lengths += [100] * len(chunk) if frames is None else frames.tolist()
        return torch.cat(latents), lengths

    def sample(self, folder: Path) -> None:
        """Write motions generated from some held-out captions beside the recordings.

        Nothing is written in the text stage, and where no captions are held out.
        """
        chosen = [] if self.whole_text else self._chosen(6)
        if not chosen:
            return
        latents, lengths = self.motions([item.captions[0] for item in chosen])
        joints: dict[str, np.ndarray] = {}
        for item, features in zip(chosen, self._features(latents, lengths), strict=True):
            joints[item.captions[0]] = features_to_joints(features)
            if self.held_out.pool is not None:
                clip = self.held_out.pool.clip(self.held_out.index_of[item.id]).numpy()
                recorded = features_to_joints(self.held_out.pool.stats.denormalise(clip))
                joints[f"recorded: {item.captions[0]}"] = recorded
        write_samples(joints, folder, fps=float(FPS))

    def export(self, folder: Path, step: int) -> None:
        """Write the model as a model folder, in single precision so that training can continue from it."""
        save_model(self.model, folder, self.tokenizer, f"{self.card}\nStep {step}.\n", dtype=torch.float32)

    def _chosen(self, count: int) -> list[Item]:
        """Some held-out windows with captions, evenly distributed over the split."""
        items = [item for item in self.held_out.items if item.text]
        rows = np.linspace(0, len(items) - 1, num=min(count, len(items)), dtype=int)
        return [items[row] for row in rows.tolist()]

    def _losses(self, task: TaskClass) -> dict[str, float]:
        """Mean losses over held-out examples of one task, and the accuracy of answer tokens."""
        items = self._chosen(self.validation.validate_clips)
        if not items:
            return {}
        config = replace(self.examples, tasks=((task, 1.0),), batch_size=CHUNK, plain_share=1.0)
        examples = Examples(items, own_templates(), config, self.words)
        turns = self.held_out.turns(self.tokenizer, self.limit, whole_text=self.whole_text)
        sums: dict[str, float] = {}
        right = answers = 0
        for first in range(0, len(items), CHUNK):
            chunk: list[Example] = [
                examples.example(item, [1, first, row])
                for row, item in enumerate(items[first : first + CHUNK])
            ]
            chosen = [
                turns.turn(example, np.random.default_rng((2, first, row)))
                for row, example in enumerate(chunk)
            ]
            batch = turns.batch(chosen, self.model.config.slots).to(self.model.latent_mean.device)
            losses = self.module(batch, torch.Generator().manual_seed(first))
            for name in ("text", "diffusion", "length"):
                sums[name] = sums.get(name, 0.0) + float(losses[name]) * len(chunk) / len(items)
            if batch.tokens.answer_rows.numel():
                right += self._right_answers(batch)
                answers += batch.tokens.answer_rows.numel()
        names = ("text",) if not any(turn.target is not None for turn in chosen) else ("diffusion", "length")
        result = {f"{task}_{name}": sums[name] for name in names}
        if answers:
            result[f"{task}_token_accuracy"] = right / answers
        return result

    def _right_answers(self, batch: LanguageBatch) -> int:
        context = None if batch.context is None else self._normalised(batch.context)
        slots = self.model.understand(context)
        states = self.model.mixture(batch.tokens, slots, text_rows=batch.tokens.answer_rows).text
        scores = self.model.mixture.logits(states)
        return int((scores.argmax(-1) == batch.tokens.answer_ids).sum())

    def _generate(self, items: list[Item]) -> dict[str, float]:
        """Content, quality and length of motions generated from the items' first captions."""
        assert self.train.latents is not None
        assert self.held_out.latents is not None
        if self._neighbours is None:
            bank = self._normalised(self.train.latents.mu[FULL].float()).flatten(1).cpu()
            self._neighbours = Neighbours(bank, self.train.items)
        generated, lengths = self.motions([item.captions[0] for item in items])
        rows = [self.held_out.index_of[item.id] for item in items]
        real = self._normalised(self.held_out.latents.mu[FULL][rows].float()).flatten(1).cpu()
        result = {
            f"{kind}_{name}": value
            for kind, latents in (("t2m", generated.flatten(1).cpu()), ("recorded", real))
            for name, value in self._neighbours.agreement(latents, items).items()
        }
        errors = [abs(length - item.num_frames) for length, item in zip(lengths, items, strict=True)]
        result["t2m_length_error_frames"] = float(np.mean(errors))
        result["t2m_latent_std"] = float(generated.std())
        if self.held_out.pool is not None:
            pool = self.held_out.pool
            recorded = [pool.stats.denormalise(pool.clip(row).numpy()) for row in rows]
            quality = relative_quality(self._features(generated, lengths), recorded)
            result |= {f"t2m_{name}": value for name, value in quality.items()}
        return result

    def _features(self, latents: Float[Tensor, "B N D"], lengths: Sequence[int]) -> list[np.ndarray]:
        """Features, not normalised, of normalised latents."""
        mean, std = (part.float().cpu().numpy() for part in (self.model.feature_mean, self.model.feature_std))
        stats = FeatureStats(mean=mean, std=std)
        features: list[np.ndarray] = []
        for first in range(0, len(latents), CHUNK):
            chunk = torch.tensor(lengths[first : first + CHUNK], device=latents.device)
            decoded = self.model.decode(latents[first : first + CHUNK], chunk).float().cpu().numpy()
            features += [
                stats.denormalise(clip[:length]) for clip, length in zip(decoded, chunk.tolist(), strict=True)
            ]
        return features

    def _normalised(self, latents: Float[Tensor, "B M E"]) -> Float[Tensor, "B N D"]:
        return self.model.normalise(latents.to(self.model.latent_mean.device))
