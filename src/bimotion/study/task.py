"""A stage of an arm as the training loop runs it, with the study's measurements.

Shapes: B sequences, N latents of a motion, D latent width.
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bimotion.captions.instructions import TaskClass, own_templates
from bimotion.data.examples import Examples
from bimotion.evaluation.caption_scores import bleu, cider_d, rouge_l
from bimotion.evaluation.distribution import Gaussian, frechet_distance
from bimotion.evaluation.motion_to_text import EMPTY_CAPTION
from bimotion.evaluation.text_to_motion import group_retrieval
from bimotion.evaluators.embedding import Embeddings
from bimotion.inference.feature_model import FeatureModel
from bimotion.inference.prompts import motion_of_text
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.tokens import MotionTokenizer
from bimotion.study.arms import Arm
from bimotion.study.config import StudyConfig
from bimotion.study.material import Material, examples
from bimotion.training.language.batches import LanguageBatch, LanguageBatches
from bimotion.training.language.metrics import ValidationConfig
from bimotion.training.language.objective import LanguageLossConfig
from bimotion.training.language.stages import LANGUAGE_STAGES, LanguageStageName
from bimotion.training.language.task import CHUNK, LanguageSplit, LanguageTask
from bimotion.training.task import Shard

BATCHES = 2
"""Batches of each task whose gradients are compared, and over which arithmetic is counted."""


class Bench:
    """Motions and captions of the validation windows against the recorded ones, by the bundled evaluator."""

    def __init__(self, material: Material) -> None:
        self.set = material.evaluation_set
        self.embedder = material.embedder
        self.repeat = self.set.repeat(0)
        self.order = np.random.default_rng(0).permutation(len(self.set))
        self.texts = self.embedder.embed_texts(self.repeat.captions)
        self.motions = self.embedder.embed_motions(self.repeat.motions)
        self.references = [self.set.references(item) for item in self.set.items]

    def motion_scores(self, embeddings: Embeddings) -> dict[str, float]:
        """R-precision, MM-Dist and FID of one motion per window."""
        found = group_retrieval(
            self.set.protocol, self.texts, embeddings, self.order, self.repeat.correct
        ).scores()
        fid = frechet_distance(Gaussian.of(self.motions), Gaussian.of(embeddings))
        return {"r1": found["top_1"], "r3": found["top_3"], "mm_dist": found["mm_dist"], "fid": fid}

    def caption_scores(self, captions: Sequence[str]) -> dict[str, float]:
        """Similarity to the references, and R-precision among the recorded motions, of one caption per window."""
        spoken = [caption if caption.strip() else EMPTY_CAPTION for caption in captions]
        found = group_retrieval(
            self.set.protocol,
            self.embedder.embed_texts(spoken),
            self.motions,
            self.order,
            self.set.correct_answers(spoken),
        ).scores()
        return {
            "bleu_4": bleu(spoken, self.references, 4),
            "rouge_l": rouge_l(spoken, self.references),
            "cider_d": cider_d(spoken, self.references),
            "caption_r3": found["top_3"],
        }


class StudyTask(LanguageTask):
    """A stage of an arm; its validation measures what the study compares."""

    def __init__(
        self,
        material: Material,
        arm: Arm,
        stage: LanguageStageName,
        model: MotionLanguage,
        tokenizer: MotionTokenizer,
        bench: Bench | None,
        sampling: float,
    ) -> None:
        """Without a `bench` only losses are measured; `sampling` is a guidance scale, or the temperature of codes."""
        kind, config = LANGUAGE_STAGES[stage], material.config
        splits = material.splits(arm.latents)
        limit = model.config.mixture.max_positions
        train = LanguageSplit(material.fitting(splits.train.items, tokenizer, limit), splits.train.latents)
        held_out = LanguageSplit(
            material.fitting(splits.held_out.items, tokenizer, limit), splits.held_out.latents
        )
        tasks: tuple[tuple[TaskClass, float], ...] = (("t2m", 1.0),)
        if stage != "stage1":
            tasks = (("t2m", 0.5), ("m2t", 0.5))
        super().__init__(
            model,
            tokenizer,
            train,
            held_out,
            trains=kind.trains,
            losses=LanguageLossConfig(kind.text_weight, kind.diffusion_weight, 0.0),
            examples=examples(tasks),
            validation=ValidationConfig(len(held_out.items), 0),
        )
        self.bench, self.sampling, self.config = bench, sampling, config
        self.flops = self._flops_per_example(config)
        self.clock = time.process_time()
        self.seconds = 0.0

    def validate(self) -> dict[str, float]:
        """Held-out losses and, with a bench, scores of motions and captions; and what the training has cost."""
        self.seconds += time.process_time() - self.clock
        values = self._losses("t2m") | self._losses("m2t")
        weights = LANGUAGE_STAGES["stage3"]
        values["objective"] = (
            weights.text_weight * values["m2t_text"] + weights.diffusion_weight * values["t2m_diffusion"]
        )
        values |= {"cpu_seconds": self.seconds, "flops_per_example": self.flops}
        if self.bench is not None:
            values |= self.bench.motion_scores(self.embedded_motions(self.sampling))
            values |= self.bench.caption_scores(self.captions(self.held_out.items))
            values |= self.interference()
        self.clock = time.process_time()
        return values

    def sample(self, folder: Path) -> None:
        """No motions are written during training."""

    @torch.no_grad()
    def embedded_motions(self, sampling: float) -> Embeddings:
        """Embeddings of a motion generated for each validation window, at its length."""
        assert self.bench is not None
        reader = FeatureModel(self.model, self.tokenizer)
        captions, frames = self.bench.repeat.captions, self.bench.repeat.frames
        features: list[np.ndarray] = []
        for first in range(0, len(captions), CHUNK):
            rows = range(first, min(first + CHUNK, len(captions)))
            lengths = [min(frames[row], reader.max_frames) for row in rows]
            requests = [
                motion_of_text(self.tokenizer, captions[row], self.limit, length)
                for row, length in zip(rows, lengths, strict=True)
            ]
            generators = [torch.Generator().manual_seed(row) for row in rows]
            latents, _ = self.model.sample(
                self.model.batch(requests),
                guidance_scale=sampling,
                temperature=sampling if self.model.codes is not None else 1.0,
                generator=generators,
            )
            features += reader.decode_features(latents, lengths)
        return self.bench.embedder.embed_motions(features)

    def interference(self) -> dict[str, float]:
        """Cosine between the gradients of the motion and of the text loss on the weights of the layers that learn.

        Mean over some training batches, each of text to motion against one of motion to text; in all layers, and in
        those of each branch.
        """
        parts = {
            "interference": self.model.mixture,
            "interference_text": self.model.mixture.text,
            "interference_motion": self.model.mixture.motion,
        }
        cosines: dict[str, list[float]] = {name: [] for name in parts}
        motion, text = (self._fixed_batches(task) for task in ("t2m", "m2t"))
        for motion_batch, text_batch in zip(motion, text, strict=True):
            gradients = [
                self._gradients(motion_batch, "diffusion"),
                self._gradients(text_batch, "text"),
            ]
            for name, part in parts.items():
                chosen = {id(p) for key, p in part.named_parameters() if "layers." in key}
                pair = [
                    torch.cat([g.flatten() for key, g in each.items() if key in chosen] or [torch.zeros(1)])
                    for each in gradients
                ]
                if all(vector.norm() > 0 for vector in pair):
                    cosines[name].append(float(torch.cosine_similarity(pair[0], pair[1], dim=0)))
        return {name: float(np.mean(values)) for name, values in cosines.items() if values}

    @torch.enable_grad()
    def _gradients(self, batch: LanguageBatch, loss: str) -> dict[int, Tensor]:
        """The gradient of one loss on the parameters that learn, by their identity."""
        learns = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        value = self.module(batch, torch.Generator().manual_seed(0))[loss]
        found = torch.autograd.grad(value, learns, allow_unused=True)
        return {
            id(parameter): torch.zeros_like(parameter) if gradient is None else gradient
            for parameter, gradient in zip(learns, found, strict=True)
        }

    def _fixed_batches(self, task: TaskClass) -> Iterable[LanguageBatch]:
        """The same training batches of one task at every measurement."""
        return self._some_batches(((task, 1.0),))

    def _some_batches(self, tasks: tuple[tuple[TaskClass, float], ...]) -> list[LanguageBatch]:
        config = examples(tasks)
        drawn = Examples(self.train.items, own_templates(), config, self.words)
        turns = self.train.turns(self.tokenizer, self.limit)
        batches = LanguageBatches(drawn, turns, self.model.config.slots, 1, Shard())
        return [batches.next() for _ in range(BATCHES)]

    def _flops_per_example(self, config: StudyConfig) -> float:
        """Arithmetic of a training step, forward and backward, by example; counted by torch on some batches."""
        batches = self._some_batches(self.examples.tasks)
        self.module.train()
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            for batch in batches:
                self.module(batch, torch.Generator().manual_seed(0))["loss"].backward()
        self.module.zero_grad(set_to_none=True)
        flops: int = counter.get_total_flops()
        return flops / sum(batch.tokens.size for batch in batches)
