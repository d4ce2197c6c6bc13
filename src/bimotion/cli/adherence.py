"""`bimotion adherence`: how well motions follow their sentences."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from bimotion.cli.options import Device, Flag, Model, SamplerName

if TYPE_CHECKING:
    from bimotion.evaluation.adherence.classifier import Classifier
    from bimotion.evaluation.adherence.motions import Motions
    from bimotion.evaluation.adherence.recordings import Window


@dataclass(frozen=True)
class Adherence:
    """Measure how well motions follow their sentences: contrasts, requests, order, left and right, motion quality.

    Motions for a fixed list of prompts are judged by kinematic rules and, for styles and dances, by a classifier
    trained on recordings. With --recordings the recorded motions are scored in the same way, for comparison; with
    --data, reconstruction and captions are measured too. docs/evaluation.md has the details.

    another system's motions:
      bimotion adherence --export FOLDER --seeds 3       writes FOLDER/prompts.jsonl: file, text, seed
      (the other system writes the files that the list names)
      bimotion adherence --motions FOLDER --seeds 3

    examples:
      bimotion adherence --model runs/mine/model
      bimotion adherence --recordings cmu-22joints --classifier runs/activities --out adherence.json
      bimotion adherence --recordings cmu-22joints --check
    """

    model: Model = None
    """A model folder or a Hub repository."""
    motions: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Score the motion files in this folder instead of a model."""
    recordings: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Recordings to compare with: joint positions with captions and timed phrases (docs/formats.md)."""
    classifier: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Activity classifier; trained on the recordings and stored here if the folder has none."""
    data: Annotated[Path | None, arg(metavar="DATA", help_behavior_hint="")] = None
    """A prepared data set: also measure reconstruction and captions of its test windows (models only)."""
    warnings: Flag = False
    """Also measure how well the model's own warnings separate wrong requests from right ones (models only)."""
    check: Flag = False
    """Only measure the accuracy of the judges, on the recordings."""
    export: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Only write the prompts for another system into this folder."""
    seeds: Annotated[int, arg(metavar="N")] = 3
    """Motions per prompt."""
    best: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")] = None
    """Candidates for each motion, of which the best one is kept; 1: the network's own motion."""
    guidance: Annotated[float | None, arg(metavar="W", help_behavior_hint="(default: the model's)")] = None
    """Guidance scale; 1 samples without guidance."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")] = None
    """Number of sampling steps."""
    sampler: SamplerName = None
    """Diffusion sampler."""
    raw: Flag = False
    """Skip clean-up (constant bone lengths, foot locking)."""
    device: Device = "cpu"
    """Device that the model runs on: cpu, cuda, mps."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(.json)")] = None
    """Also write all scores and the verdict on every motion to this file."""
    json: Flag = False
    """Print JSON instead of Markdown tables."""

    def run(self) -> None:
        """Measure, or check, or export."""
        from bimotion.cli.usage import UsageError

        if self.seeds < 1:
            raise UsageError(f"--seeds: expected 1 or more, got {self.seeds}")
        if self.motions is not None and self.model is not None:
            raise UsageError("give only one of --model and --motions")
        if self.motions is not None and (self.data is not None or self.warnings):
            raise UsageError("--data and --warnings measure a model and cannot be combined with --motions")
        if (
            (self.check or self.classifier is not None)
            and self.recordings is None
            and not self._has_classifier()
        ):
            raise UsageError("--recordings: expected a folder; --check and a new classifier need recordings")
        if self.out is not None and not self.out.absolute().parent.is_dir():
            raise UsageError(f"--out: the folder {self.out.parent} does not exist")
        if self.export is not None:
            self._export(self.export)
        elif self.check:
            self._check()
        else:
            self._measure()

    def _export(self, folder: Path) -> None:
        from bimotion.cli.terminal import say
        from bimotion.evaluation.adherence.motions import export_prompts
        from bimotion.evaluation.adherence.prompts import load_prompts

        path = export_prompts(load_prompts(), self.seeds, folder)
        say(f"{path}: {self.seeds * len(load_prompts().texts())} motions to generate")

    def _check(self) -> None:
        from bimotion.cli.progress import track
        from bimotion.evaluation.adherence.check import check, rates_to_json, table
        from bimotion.evaluation.adherence.targets import activity_table

        rates = check(track(self._windows(), "checking judges"))
        classifier = self._classifier()
        scores = classifier.scores if classifier else {}
        self._print(
            {"judges": rates_to_json(rates), "activities": scores},
            f"{table(rates)}\n\n{activity_table(scores)}",
        )

    def _measure(self) -> None:
        from bimotion.evaluation.adherence.run import measure
        from bimotion.evaluation.adherence.targets import markdown

        source, name = self._source()
        test_set = self._test_set(source)
        classifier = self._classifier()
        windows = self._windows() if self.recordings is not None else []
        results = measure(
            source,
            seeds=self.seeds,
            classifier=classifier,
            windows=windows,
            test_set=test_set,
            warnings=self.warnings,
        )
        self._print({"name": name, **results}, markdown(results))

    def _source(self) -> "tuple[Motions, str]":
        from bimotion.evaluation.adherence.motions import FolderMotions, ModelMotions

        if self.motions is not None:
            return FolderMotions(self.motions), self.motions.resolve().name
        from bimotion.api import load, model_folder
        from bimotion.cli.progress import track
        from bimotion.inference.settings import Sampling

        folder = model_folder(self.model).resolve()
        sampling = Sampling(None, self.guidance, self.steps, self.sampler)
        name = folder.parent.name if folder.name == "model" else folder.name
        return (
            ModelMotions(
                load(folder, device=self.device), sampling, clean=not self.raw, best=self.best, track=track
            ),
            name,
        )

    def _test_set(self, source: "Motions") -> dict[str, Any] | None:
        from bimotion.evaluation.adherence.motions import ModelMotions

        if self.data is None or not isinstance(source, ModelMotions):
            return None
        from bimotion.cli.progress import track
        from bimotion.data.store import MotionStore
        from bimotion.evaluation.adherence.test_set import measure_test_set

        return measure_test_set(source.model, MotionStore.open(self.data), track)

    def _windows(self) -> "list[Window]":
        from bimotion.evaluation.adherence.recordings import read_windows

        assert self.recordings is not None
        return read_windows(self.recordings)

    def _has_classifier(self) -> bool:
        from bimotion.evaluation.adherence.classifier import CONFIG_FILE

        return self.classifier is not None and (self.classifier / CONFIG_FILE).is_file() and not self.check

    def _classifier(self) -> "Classifier | None":
        from bimotion.evaluation.adherence.classifier import CONFIG_FILE, Classifier, train_on
        from bimotion.evaluation.adherence.recordings import of_split, read_parts

        if self.classifier is None:
            return None
        if (self.classifier / CONFIG_FILE).is_file():
            return Classifier.load(self.classifier)
        assert self.recordings is not None
        return train_on(
            self.classifier, of_split(self._windows(), "train"), list(read_parts(self.recordings, "test"))
        )

    def _print(self, results: dict[str, Any], tables: str) -> None:
        import json

        from bimotion.cli.terminal import say_lines

        text = json.dumps(results, indent=1, ensure_ascii=False)
        if self.out is not None:
            from bimotion.storage.atomic import atomic_path

            with atomic_path(self.out) as path:
                path.write_text(text + "\n", "utf-8")
        say_lines(text if self.json else tables)
