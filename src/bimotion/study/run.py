"""The runs of the study, one after the other; an interrupted study continues where it stopped."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bimotion.errors import ConfigError
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.weights import load_model
from bimotion.storage.json_files import read_json_object
from bimotion.storage.locks import locked_folder
from bimotion.storage.records import read_record, record_to_json, write_record
from bimotion.study.arms import LATENTS, Arm, LatentKind
from bimotion.study.config import StudyConfig
from bimotion.study.figures import RUN_FILE, SETTINGS_FILE, SHARED_FILE
from bimotion.study.material import Material, loop, train
from bimotion.study.task import Bench, StudyTask
from bimotion.training.logs import read_log

logger = logging.getLogger(__name__)


SAMPLINGS: dict[LatentKind, tuple[float, ...]] = {"vae": (1.0, 2.0, 4.0), "vq": (1.0, 0.7, 0.4)}
"""Guidance scales, and temperatures of codes, that are tried; the one with the best mean R@3 is taken for all arms."""

TUNING_SEED = 100
"""Seed of the trials; no run uses it."""


def run_study(config: StudyConfig, arms: list[Arm]) -> None:
    """Train and measure every arm with every seed: `config.out` / ARM / seed-S / figures.json.

    Arms take turns, so that an interrupted study has about equally many runs of each.

    Raises:
        ConfigError: the folder holds a study with other settings.
        DataError: the data set is missing or has no captions.
        StudyStopped: a signal came; finished runs stay, and the one that was stopped goes on at the next call.
    """
    with locked_folder(config.out):
        _check_settings(config)
        material = Material(config)
        study = _Study(material, arms)
        for seed in range(config.seeds):
            for arm in arms:
                study.run(arm, seed)


class _Study:
    def __init__(self, material: Material, arms: Sequence[Arm]) -> None:
        self.material, self.config, self.arms = material, material.config, arms
        self.bench = Bench(material)
        kinds = {arm.latents for arm in arms} | {kind for kind in LATENTS if material.has_vae(kind)}
        write_record(self._shared(sorted(kinds)), self.config.out / SHARED_FILE)

    def run(self, arm: Arm, seed: int) -> None:
        """One run of an arm, unless it is finished."""
        folder = self.config.out / arm.name / f"seed-{seed}"
        if (folder / RUN_FILE).is_file():
            return
        lr, sampling = self.tuned(arm), self.sampling(arm.latents)
        logger.info("%s, seed %d: learning rate %g, sampling %g", arm.name, seed, lr, sampling)
        stages = []
        model, tokenizer = self.material.new_arm(arm, seed)
        counts = parameter_counts(model)
        for stage, steps in arm.stage_steps(self.config.steps).items():
            torch.manual_seed(seed)
            task = StudyTask(self.material, arm, stage, model, tokenizer, self.bench, sampling)
            self._train(task, folder / stage, steps, lr, seed, self.config.validate_every)
            stages.append({"stage": stage, "steps": steps, "log": compact(read_log(folder / stage))})
            model, tokenizer = load_model(folder / stage / "model")
        figures = {
            "arm": arm.name,
            "seed": seed,
            "lr": lr,
            "sampling": sampling,
            "parameters": counts,
            "stages": stages,
        }
        write_record(figures, folder / RUN_FILE)
        for stage in arm.schedule:
            shutil.rmtree(folder / stage)

    def tuned(self, arm: Arm) -> float:
        """The learning rate of an arm: the best of the trials by the held-out objective of stage 3."""
        trials = {lr: float(self._trial(arm, lr)["objective"]) for lr in self.config.learning_rates}
        return min(trials, key=lambda lr: trials[lr])

    def sampling(self, kind: LatentKind) -> float:
        """Guidance scale or temperature for a kind of latents: the best mean R@3 of the streams' trials."""
        path = self.config.out / "tuning" / f"sampling-{kind}.json"
        if not path.is_file():
            arms = [arm for arm in self.arms if arm.latents == kind and arm.schedule == ("stage3",)]
            found = [self._samplings(arm) for arm in arms or [Arm("two", kind)]]
            means = {value: float(np.mean([r3[value] for r3 in found])) for value in SAMPLINGS[kind]}
            best = max(means, key=lambda value: means[value])
            write_record({"best": best, "mean_r3": {f"{k:g}": v for k, v in means.items()}}, path)
        return float(read_json_object(path)["best"])

    def _samplings(self, arm: Arm) -> dict[float, float]:
        """R@3 of an arm's best trial with each guidance scale or temperature."""
        folder = self._trial_folder(arm, self.tuned(arm))
        model, tokenizer = load_model(folder / "stage3" / "model")
        task = StudyTask(self.material, arm, "stage3", model, tokenizer, self.bench, 1.0)
        return {
            value: self.bench.motion_scores(task.embedded_motions(value))["r3"]
            for value in SAMPLINGS[arm.latents]
        }

    def _trial(self, arm: Arm, lr: float) -> dict[str, Any]:
        """A short run with one learning rate, without generation: its last losses."""
        folder = self._trial_folder(arm, lr)
        if not (folder / RUN_FILE).is_file():
            model, tokenizer = self.material.new_arm(arm, TUNING_SEED)
            last: dict[str, float] = {}
            for stage, steps in arm.stage_steps(self.config.tuning_steps).items():
                task = StudyTask(self.material, arm, stage, model, tokenizer, None, 1.0)
                self._train(task, folder / stage, steps, lr, TUNING_SEED, 0)
                last = compact(read_log(folder / stage, "validation"))[-1]
                model, tokenizer = load_model(folder / stage / "model")
            write_record({"arm": arm.name, "lr": lr, **last}, folder / RUN_FILE)
        return read_json_object(folder / RUN_FILE)

    def _trial_folder(self, arm: Arm, lr: float) -> Path:
        return self.config.out / "tuning" / arm.name / f"lr-{lr:g}"

    def _train(self, task: StudyTask, folder: Path, steps: int, lr: float, seed: int, every: int) -> None:
        name = f"{folder.parent.parent.name} {folder.name}"
        size = self.config.batch_size
        train(task, folder, loop(steps, size, seed, every), lr, name)

    def _shared(self, kinds: Sequence[LatentKind]) -> dict[str, Any]:
        """What all runs share, for the report: scores of recordings and of reconstructions, sizes of the data."""
        bench, material = self.bench, self.material
        shared: dict[str, Any] = {
            "windows": {"train": len(material.train_items), "validation": len(bench.set)},
            "recorded": bench.motion_scores(bench.motions),
            "references": bench.caption_scores(bench.repeat.captions),
            "threads": torch.get_num_threads(),
        }
        for kind in kinds:
            shared[f"reconstruction_{kind}"] = material.reconstruction(kind) | self._reconstructed(kind)
        return shared

    def _reconstructed(self, kind: LatentKind) -> dict[str, float]:
        """Scores of the validation windows after encoding and decoding: what the latents allow."""
        vae, (_, pool) = self.material.vae(kind), self.material.pools
        features = []
        for index in range(len(pool)):
            clip = pool.batch([pool.clip(index)])
            with torch.no_grad():
                decoded = vae.decode(vae.rounded(vae.encode(clip.features)[0]), clip.lengths)
            features.append(pool.stats.denormalise(decoded[0].numpy()))
        return self.bench.motion_scores(self.bench.embedder.embed_motions(features))


def parameter_counts(model: MotionLanguage) -> dict[str, int]:
    """Parameters of the parts of a model, without the VAE; `active` are those that a motion token's layers use."""
    config, mixture = model.config.mixture, model.mixture
    layers = [*mixture.text.layers.parameters(), *mixture.motion.layers.parameters()]
    total = sum(parameter.numel() for parameter in layers)
    used = sum(
        parameter.numel()
        for parameter in (mixture.motion if config.stream == "two" else mixture.text).layers.parameters()
    )
    if config.stream == "experts":
        experts = sum(p.numel() for name, p in mixture.text.named_parameters() if ".experts." in name)
        used -= experts * (config.experts - config.top_k) // config.experts
    heads = [part for part in (model.head, model.understanding, model.codes) if part is not None]
    return {
        "layers": total,
        "active": used,
        "words": mixture.text.embedding.weight.numel(),
        "heads": sum(parameter.numel() for part in heads for parameter in part.parameters()),
    }


def compact(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events of a log with five significant digits."""
    return [
        {key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in event.items()}
        for event in events
    ]


def _check_settings(config: StudyConfig) -> None:
    """Keep the settings, or compare them with those of the runs that are there.

    Raises:
        ConfigError: they differ in more than the number of seeds.
    """
    path = config.out / SETTINGS_FILE
    if path.is_file():
        old, new = (record_to_json(each) for each in (read_record(StudyConfig, path), config))
        free = {"seeds", "data", "out"}
        if odd := [name for name in new if name not in free and old[name] != new[name]]:
            raise ConfigError(
                f"{config.out}: holds a study with other settings ({', '.join(odd)}); use another folder"
            )
    write_record(config, path)
