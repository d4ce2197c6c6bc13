"""`bimotion evaluate`: score a model or any motions, and write a reproducible report."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from bimotion.cli.options import Device, Evaluator, Flag, MachineOptions, Machines, Model, SamplerName
from bimotion.cli.report_folder import check_report_folder, folder_name, write_and_show
from bimotion.cli.terminal import say, say_lines

if TYPE_CHECKING:
    from bimotion.evaluation.evaluate import EvaluationConfig
    from bimotion.evaluation.evaluation import Evaluation
    from bimotion.evaluation.evaluation_set import EvaluationSet
    from bimotion.evaluation.shards import Source, Spread, Subject
    from bimotion.evaluators.embedding import Embedder

Part = Literal["text-to-motion", "motion-to-text", "reconstruction", "completion", "natural"]


@dataclass(frozen=True)
class Evaluate:
    """Score a model, another system's motions, or recorded motions alone, and write a report.

    The report is a folder: report.md, report.html (tables, plots, best and worst motions) and results.json (every
    score, setting, seed, version and fingerprint). The same command gives the same scores again. Every report also
    scores the recorded motions. An interrupted evaluation continues when the same command is run again.

    another system's motions:
      bimotion evaluate --data DATA --export-prompts FOLDER   writes FOLDER/prompts.jsonl: captions, lengths, file names
      (generate these files with the other system, as HumanML3D features or any motion format)
      bimotion evaluate --data DATA --motions FOLDER          scores them
      bimotion evaluate --motions FOLDER|FILE                 without a data set: motion quality only

    examples:
      bimotion evaluate --data data/mine --out report
      bimotion evaluate --model runs/mine/model --data data/mine --out report --repeats 5
      bimotion evaluate --data data/mine --best 16 --repeats 1 --out report-of-best
      bimotion evaluate --data data/mine --real --out report-of-real
      bimotion evaluate --data data/mine --long --out report-long
      bimotion evaluate --data data/humanml3d --evaluator evaluators/published --protocol humanml3d-2022 --real
    """

    data: Annotated[Path | None, arg(metavar="DATA", help_behavior_hint="(optional with --motions)")] = None
    """A data set written by `bimotion prepare`."""
    model: Model = None
    """A model folder or a Hub repository."""
    motions: Annotated[Path | None, arg(metavar="FOLDER|FILE", help_behavior_hint="")] = None
    """Score the motions in this folder instead of a model's."""
    real: Flag = False
    """Score only the recorded motions."""
    nearest: Flag = False
    """Score, as a baseline, the nearest training motions and captions by the evaluator."""
    export_prompts: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Only write the prompts for another system into this folder."""
    ask: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Old name of --export-prompts."""
    out: Annotated[Path, arg(metavar="REPORT")] = Path("report")
    """Folder to write; an earlier report in it is replaced."""
    long: Flag = False
    """Score long motion instead: --count requests of 3 to 6 captions (default: 60), and controls."""
    ways: tuple[Literal["chained", "clips", "segments", "single"], ...] = ()
    """Ways to make long motion that --long scores, without controls; default: all that the model has, and controls."""
    name: Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="(default: the folder's name)")] = None
    """Name of the evaluated system in the report."""
    protocol: Literal["bimotion-1", "humanml3d-2022"] = "bimotion-1"
    """Evaluation protocol: bimotion's own, or that of published scores (docs/evaluation.md)."""
    evaluator: Evaluator = None
    """Evaluator: the model that embeds text and motion."""
    split: Literal["train", "val", "test"] = "test"
    """Split of the data set."""
    count: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None
    """Number of windows, drawn by the seed."""
    repeats: Annotated[int, arg(metavar="N")] = 20
    """Repeats, each with newly generated motions; fewer are faster but give wider intervals."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Random seed."""
    parts: tuple[Part, ...] = (
        "text-to-motion",
        "motion-to-text",
        "reconstruction",
        "completion",
        "natural",
    )
    """Parts to measure; `natural` is motion quality without a network."""
    best: Annotated[int, arg(metavar="N")] = 1
    """Keep the best of N candidates for each caption, as `bimotion generate` does, and take captions from the nearest
    training motions, as `bimotion caption` does; 1 scores the network alone."""
    guidance: Annotated[float | None, arg(metavar="W", help_behavior_hint="(default: the model's)")] = None
    """Guidance scale; 1 samples without guidance."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")] = None
    """Number of sampling steps."""
    sampler: SamplerName = None
    """Diffusion sampler."""
    raw: Flag = False
    """Score motions without clean-up; humanml3d-2022 always does."""
    bert_score: Flag = False
    """Also score captions with BERTScore (needs bimotion[bertscore] and its model)."""
    device: Device = "cpu"
    """Device that the model runs on: cpu, cuda, mps."""
    json: Flag = False
    """Print the scores as one JSON object instead of tables."""
    machines: MachineOptions = Machines()
    """Where motions and captions are generated and embedded; scores are computed from them in this process."""

    def run(self) -> None:
        """Evaluate, write the report, print the tables."""
        from bimotion.cli.terminal import note
        from bimotion.cli.usage import UsageError

        if sum((self.motions is not None, self.model is not None, self.real, self.nearest)) > 1:
            raise UsageError("give only one of --model, --motions, --real and --nearest")
        self._check_combination()
        prompts = self.export_prompts or self.ask
        if self.ask is not None:
            note("bimotion: --ask is now --export-prompts; the old name will be removed in the next release")
        if self.data is None and (self.motions is None or prompts is not None):
            raise UsageError(
                "--data: expected a data set, as in: bimotion evaluate --data data/mine --out report"
            )
        if prompts is not None:
            self._export_prompts(prompts)
            return
        if self.long:
            self._long()
            return
        from bimotion.storage.locks import locked_folder

        check_report_folder(self.out)
        with locked_folder(self.out):
            if self.data is None:
                result, about, name = self._motions_only()
                write_and_show(result, about, name, self.out, as_json=self.json)
            else:
                self._with_data()

    def _check_combination(self) -> None:
        """Refuse options that would have no effect beside the others."""
        from bimotion.cli.usage import UsageError

        no_model = self.motions is not None or self.real or self.nearest
        if self.long and (no_model or self.best != 1):
            raise UsageError("--long: expected a model, without --motions, --real, --nearest or --best")
        if self.ways and not self.long:
            raise UsageError("--ways: expected --long")
        if no_model and self.best != 1:
            raise UsageError("--best: expected a model, without --motions, --real or --nearest")

    def _with_data(self) -> None:
        from bimotion.cli.progress import track
        from bimotion.cli.terminal import note
        from bimotion.evaluation.checkpoint import Checkpoint
        from bimotion.evaluation.evaluate import evaluate
        from bimotion.evaluation.evaluation_set import data_facts
        from bimotion.evaluation.motion_folder import MotionFolder
        from bimotion.evaluation.shards import Subject
        from bimotion.evaluators.folder import WEIGHTS_FILE, find_evaluator
        from bimotion.storage.fingerprint import file_fingerprint, versions

        config = self._config()
        evaluation_set = self._evaluation_set(config)
        evaluator, embedder = find_evaluator(self.evaluator), self._embedder(evaluation_set)
        source, facts, name = self._source(evaluation_set)
        about: dict[str, Any] = {
            "protocol": evaluation_set.protocol.to_json(),
            "settings": asdict(config),
            "data": data_facts(evaluation_set),
            "evaluator": {
                "name": folder_name(evaluator),
                "kind": embedder.kind,
                "fingerprint": file_fingerprint(evaluator / WEIGHTS_FILE),
            },
            **facts,
            "versions": versions(),
        }
        checkpoint = None if isinstance(source, MotionFolder) else Checkpoint(self.out, about)
        if checkpoint is not None and (finished := checkpoint.finished()):
            note(f"bimotion: continuing an interrupted evaluation ({finished} steps are finished)")
        spread = self._spread(Subject(evaluation_set, source, embedder))
        result = evaluate(evaluation_set, source, embedder, config, track, checkpoint, spread)
        write_and_show(result, about, self.name or name, self.out, as_json=self.json)
        if checkpoint is not None:
            checkpoint.discard()

    def _spread(self, subject: "Subject") -> "Spread":
        """What computes the parts of the evaluation: this process with the subject that it has, or others."""
        from bimotion.cli.progress import track
        from bimotion.engines.local import LocalEngine
        from bimotion.evaluation.shards import Spread

        engine = self.machines.start(self.device)
        return Spread(engine, (lambda: subject) if engine == LocalEngine() else self._subject, track)

    def _subject(self) -> "Subject":
        """What is evaluated, read anew in another process."""
        from bimotion.evaluation.shards import Subject

        evaluation_set = self._evaluation_set(self._config())
        return Subject(evaluation_set, self._source(evaluation_set)[0], self._embedder(evaluation_set))

    def _embedder(self, evaluation_set: "EvaluationSet") -> "Embedder":
        from bimotion.evaluators.embedding import read_embedder
        from bimotion.evaluators.folder import find_evaluator

        padding = evaluation_set.store.stats.mean if evaluation_set.protocol.published_evaluator else None
        return read_embedder(find_evaluator(self.evaluator), self.device, padding)

    def _source(self, evaluation_set: "EvaluationSet") -> "tuple[Source, dict[str, Any], str]":
        """The motions to score, their description for the report, and their name."""
        if self.real:
            return None, {}, "real"
        if self.motions is not None:
            from bimotion.evaluation.motion_folder import MotionFolder

            folder = MotionFolder(self.motions, evaluation_set)
            name = self.motions.resolve().name
            return folder, {"motions": {"name": name, "sets": folder.num_sets}}, name
        if self.nearest:
            from bimotion.evaluation.baselines import NearestTraining

            system = NearestTraining(evaluation_set.store, self._embedder(evaluation_set))
            return system, {"baseline": "nearest training motions and captions"}, "nearest"
        return self._model_source(evaluation_set)

    def _model_source(self, evaluation_set: "EvaluationSet") -> "tuple[Source, dict[str, Any], str]":
        """A model, its description for the report, and its name."""
        from bimotion.api import load, model_folder
        from bimotion.evaluation.systems import ModelSystem
        from bimotion.inference.settings import Sampling
        from bimotion.storage.fingerprint import file_fingerprint

        path = model_folder(self.model)
        sampling = Sampling(None, self.guidance, self.steps, self.sampler)
        clean = not (self.raw or evaluation_set.protocol.published_evaluator)
        system = ModelSystem(load(path, device=self.device), sampling, clean=clean, best=self.best)
        diffusion = system.model.network.config.diffusion
        facts = {
            "name": folder_name(path),
            "fingerprint": file_fingerprint(path / "model.safetensors"),
            "guidance": self.guidance or diffusion.guidance_scale,
            "steps": self.steps or diffusion.sample_steps,
            "sampler": self.sampler or diffusion.sampler,
            "best": self.best,
            "cleaned": clean,
        }
        return system, {"model": facts}, folder_name(path)

    def _motions_only(self) -> "tuple[Evaluation, dict[str, Any], str]":
        from bimotion.cli.progress import track
        from bimotion.errors import DataError
        from bimotion.evaluation.evaluate import evaluate_files
        from bimotion.motion.formats import motion_files
        from bimotion.storage.fingerprint import versions

        assert self.motions is not None
        files = [self.motions] if self.motions.is_file() else motion_files(self.motions)
        if not files:
            raise DataError(f"{self.motions}: has no motion files")
        result = evaluate_files(track(files, "motion quality"))
        name = self.motions.resolve().name
        about = {"motions": {"name": name, "files": len(files)}, "versions": versions()}
        return result, about, self.name or name

    def _config(self) -> "EvaluationConfig":
        from bimotion.evaluation.evaluate import EvaluationConfig

        return EvaluationConfig(
            self.protocol, self.split, self.count, self.repeats, self.seed, self.parts, self.bert_score
        )

    def _evaluation_set(self, config: "EvaluationConfig") -> "EvaluationSet":
        from bimotion.data.store import MotionStore
        from bimotion.evaluation.evaluation_set import EvaluationSet
        from bimotion.evaluation.protocols import PROTOCOLS

        assert self.data is not None
        return EvaluationSet(
            MotionStore.open(self.data),
            PROTOCOLS[config.protocol],
            split=config.split,
            count=config.count,
            seed=config.seed,
        )

    def _long(self) -> None:
        """Score composing and chaining, and controls; write the tables."""
        from bimotion.api import load
        from bimotion.cli.progress import track
        from bimotion.cli.usage import UsageError
        from bimotion.data.store import MotionStore
        from bimotion.evaluation.controls import control_scores
        from bimotion.evaluation.long_motion import WAYS, evaluate_long, ways_to_compose
        from bimotion.evaluation.long_report import long_tables, write_long_report
        from bimotion.evaluation.phrase_order import order_scores
        from bimotion.evaluators.embedding import read_embedder
        from bimotion.evaluators.folder import find_evaluator

        if self.data is None:
            raise UsageError("--long: expected --data, as in: bimotion evaluate --long --data data/mine")
        count = 60 if self.count is None else self.count
        if count < 1:
            raise UsageError(f"--count: expected 1 or more, got {count}")
        check_report_folder(self.out)
        model, embedder = load(self.model, device=self.device), read_embedder(find_evaluator(self.evaluator))
        store = MotionStore.open(self.data)
        ways = self.ways or tuple(way for way in WAYS if model.segment_folder or way in ("chained", "clips"))
        seed = self.seed
        scores = evaluate_long(model, store, embedder, ways=ways, count=count, seed=seed, track=track)
        order = order_scores({way: ways_to_compose(model, way)[True] for way in ways}, count, seed, track)
        controls = {} if self.ways else control_scores(model, count=count, seed=seed, track=track)
        tables = long_tables(scores, order, controls)
        say_lines("\n\n".join(f"{table.heading}\n{table.aligned()}" for table in tables))
        write_long_report(self.out, {"long": scores, "order": order, "controls": controls}, tables)
        say(f"report: {self.out}")

    def _export_prompts(self, folder: Path) -> None:
        from bimotion.evaluation.motion_folder import export_prompts

        evaluation_set = self._evaluation_set(self._config())
        path = export_prompts(evaluation_set, self.repeats, folder)
        say(f"{path}: {self.repeats} x {len(evaluation_set)} motions to generate")
