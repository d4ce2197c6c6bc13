"""The runs of the study, one after the other; an interrupted study continues where it stopped."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bimotion.errors import ConfigError
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.weights import load_model
from bimotion.storage.json_files import read_json_object
from bimotion.storage.locks import locked_folder
from bimotion.storage.records import read_record, record_to_json, write_record
from bimotion.study.arms import Arm, LatentKind
from bimotion.study.config import StudyConfig
from bimotion.study.figures import RUN_FILE, SETTINGS_FILE, SHARED_FILE
from bimotion.study.material import EMA, Material, loop, optimiser
from bimotion.study.task import Bench, StudyTask
from bimotion.training.logs import read_log
from bimotion.training.loop import run_loop

logger = logging.getLogger(__name__)


SAMPLINGS = {"vae": (1.0, 2.0, 4.0), "vq": (1.0, 0.7, 0.4)}
"""Guidance scales, and temperatures of codes, that are tried; the one with the best R@3 is used for all arms."""

TUNING_SEED = 100
"""Seed of the trials; no run uses it."""


def run_study(config: StudyConfig, arms: list[Arm]) -> None:
    """Train and measure every arm with every seed: `config.out` / ARM / seed-S / figures.json.

    Arms take turns, so that an interrupted study has about equally many runs of each.

    Raises:
        ConfigError: the folder holds a study with other settings.
        DataError: the data set is missing or has no captions.
    """
    with locked_folder(config.out):
        _check_settings(config)
        material = Material(config)
        study = _Study(material, sorted({arm.latents for arm in arms}))
        for seed in range(config.seeds):
            for arm in arms:
                study.run(arm, seed)


class _Study:
    def __init__(self, material: Material, kinds: Sequence[LatentKind]) -> None:
        self.material, self.config = material, material.config
        self.bench = Bench(material)
        write_record(self._shared(kinds), self.config.out / SHARED_FILE)

    def run(self, arm: Arm, seed: int) -> None:
        """One run of an arm, unless it is finished."""
        folder = self.config.out / arm.name / f"seed-{seed}"
        if (folder / RUN_FILE).is_file():
            return
        lr, sampling = self.tuned(arm), self.sampling(arm)
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

    def sampling(self, arm: Arm) -> float:
        """Guidance scale or temperature for the arm's kind of latents, by trials of the two branches."""
        path = self.config.out / "tuning" / f"sampling-{arm.latents}.json"
        if not path.is_file():
            two = Arm("two", arm.latents)
            folder = self._trial_folder(two, self.tuned(two))
            model, tokenizer = load_model(folder / "stage3" / "model")
            task = StudyTask(self.material, two, "stage3", model, tokenizer, self.bench, 1.0)
            scores = {
                value: self.bench.motion_scores(task.embedded_motions(value))
                for value in SAMPLINGS[arm.latents]
            }
            best = max(scores, key=lambda value: scores[value]["r3"])
            write_record({"best": best, "scores": {str(k): v for k, v in scores.items()}}, path)
        return float(read_json_object(path)["best"])

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
        run_loop(task, folder, loop(steps, size, seed, every), optimiser(lr), EMA, name=name, resume=True)

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
