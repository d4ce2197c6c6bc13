"""`bimotion evaluate`: how good a model is, or anyone's motions, in a report that can be made again."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from bimotion.cli.options import Device, Evaluator, Model
from bimotion.cli.terminal import say, say_lines

if TYPE_CHECKING:
    from bimotion.evaluation.evaluate import Evaluation, EvaluationConfig
    from bimotion.evaluation.evaluation_set import Asked
    from bimotion.evaluation.motion_folder import MotionFolder
    from bimotion.evaluation.systems import ModelSystem

Part = Literal["text-to-motion", "motion-to-text", "reconstruction", "completion", "natural"]


@dataclass(frozen=True)
class Evaluate:
    """Score a model, another system's motions, or recorded motions alone, and write a report.

    The report is a folder: report.md, report.html (tables, plots, the best and worst motions) and results.json (every
    number, setting, seed, version and fingerprint). The same command gives the same numbers again. Recorded motions
    stand beside every model.

    another system's motions:
      bimotion evaluate --data DATA --ask FOLDER          writes FOLDER/asked.jsonl: captions, lengths, file names
      (the other system makes those files: HumanML3D features or any motion file)
      bimotion evaluate --data DATA --motions FOLDER      scores them
      bimotion evaluate --motions FOLDER                  without a data set: how natural they move

    examples:
      bimotion evaluate --data data/mine --out report
      bimotion evaluate --model runs/mine/model --data data/mine --out report --repeats 5
      bimotion evaluate --data data/mine --real --out report-of-real
    """

    data: Annotated[Path | None, arg(metavar="DATA", help_behavior_hint="(only --motions does without)")] = (
        None
    )
    """A data set that `bimotion prepare` made."""
    model: Model = None
    """A model folder or a Hub repository."""
    motions: Annotated[Path | None, arg(metavar="FOLDER")] = None
    """Score the motions in this folder instead of a model's."""
    real: bool = False
    """Score the recorded motions alone."""
    ask: Annotated[Path | None, arg(metavar="FOLDER")] = None
    """Only write what another system is to be asked, into this folder."""
    out: Annotated[Path, arg(metavar="REPORT")] = Path("report")
    """The folder to write; a report in it is replaced."""
    name: Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="(default: the folder's name)")] = None
    """How the report calls what is scored."""
    protocol: Literal["bimotion-1", "humanml3d-2022"] = "bimotion-1"
    """Which definitions: ours, or those of published numbers (docs/evaluation.md)."""
    evaluator: Evaluator = None
    """The networks that judge."""
    split: Literal["train", "val", "test"] = "test"
    """Split of the data set."""
    count: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None
    """Windows of the split, the same ones for the same seed."""
    repeats: Annotated[int, arg(metavar="N")] = 20
    """Repeats, each with motions generated anew; fewer are faster, with wider intervals."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of everything that is drawn."""
    parts: tuple[Part, ...] = (
        "text-to-motion",
        "motion-to-text",
        "reconstruction",
        "completion",
        "natural",
    )
    """What to measure."""
    guidance: Annotated[float | None, arg(metavar="W", help_behavior_hint="(default: the model's)")] = None
    """How closely motions follow the text; 1 is plain sampling."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")] = None
    """Sampling steps."""
    sampler: Annotated[
        Literal["ancestral", "ddim", "dpmpp"] | None, arg(help_behavior_hint="(default: the model's)")
    ] = None
    """How the noise is taken away."""
    raw: bool = False
    """Score what the network says, not the cleaned motions that users get; humanml3d-2022 always does."""
    bert_score: bool = False
    """Score captions with BERTScore as well (needs bimotion[bertscore] and its model)."""
    device: Device = "cpu"
    """Where the model runs: cpu, cuda, mps."""
    json: bool = False
    """Print the numbers as one object instead of tables."""

    def run(self) -> None:
        """Evaluate, write the report, print the tables."""
        from bimotion.cli.usage import UsageError

        if sum((self.motions is not None, self.model is not None, self.real)) > 1:
            raise UsageError("give one of --model, --motions and --real")
        if self.data is None and (self.motions is None or self.ask is not None):
            raise UsageError("--data: which data set? As in: bimotion evaluate --data data/mine --out report")
        if self.ask is not None:
            self._write_list(self.ask)
            return
        self._check_out()
        if self.data is None:
            done, about, name = self._motions_alone()
        else:
            done, about, name = self._with_data()
        self._report(done, about, name)

    def _with_data(self) -> "tuple[Evaluation, dict[str, Any], str]":
        from bimotion.cli.progress import track
        from bimotion.evaluation.evaluate import evaluate
        from bimotion.evaluation.evaluation_set import data_facts
        from bimotion.evaluators.embedding import read_embedder
        from bimotion.evaluators.folder import WEIGHTS_FILE, find_evaluator
        from bimotion.storage.fingerprint import file_fingerprint, versions

        config = self._config()
        asked = self._asked(config)
        judge = find_evaluator(self.evaluator)
        padding = asked.store.stats.mean if asked.protocol.published_evaluator else None
        embedder = read_embedder(judge, self.device, padding)
        source, facts, name = self._source(asked)
        about: dict[str, Any] = {
            "protocol": asked.protocol.to_json(),
            "settings": asdict(config),
            "data": data_facts(asked),
            "evaluator": {
                "name": _folder_name(judge),
                "kind": embedder.kind,
                "fingerprint": file_fingerprint(judge / WEIGHTS_FILE),
            },
            **facts,
            "versions": versions(),
        }
        return evaluate(asked, source, embedder, config, track), about, self.name or name

    def _source(self, asked: "Asked") -> "tuple[ModelSystem | MotionFolder | None, dict[str, Any], str]":
        """What is scored, what a report says of it, and its name."""
        if self.real:
            return None, {}, "real"
        if self.motions is not None:
            from bimotion.evaluation.motion_folder import MotionFolder

            folder = MotionFolder(self.motions, asked)
            name = self.motions.resolve().name
            return folder, {"motions": {"name": name, "sets": folder.num_sets}}, name
        from bimotion.api import load, model_folder
        from bimotion.evaluation.systems import ModelSystem
        from bimotion.inference.settings import Sampling
        from bimotion.storage.fingerprint import file_fingerprint

        path = model_folder(self.model)
        sampling = Sampling(None, self.guidance, self.steps, self.sampler)
        clean = not (self.raw or asked.protocol.published_evaluator)
        system = ModelSystem(load(path, device=self.device), sampling, clean=clean)
        diffusion = system.model.network.config.diffusion
        facts = {
            "name": _folder_name(path),
            "fingerprint": file_fingerprint(path / "model.safetensors"),
            "guidance": self.guidance or diffusion.guidance_scale,
            "steps": self.steps or diffusion.sample_steps,
            "sampler": self.sampler or diffusion.sampler,
            "cleaned": clean,
        }
        return system, {"model": facts}, _folder_name(path)

    def _motions_alone(self) -> "tuple[Evaluation, dict[str, Any], str]":
        from bimotion.cli.progress import track
        from bimotion.errors import DataError
        from bimotion.evaluation.evaluate import natural_alone
        from bimotion.features.files import read_any
        from bimotion.motion.formats import motion_files
        from bimotion.storage.fingerprint import versions

        assert self.motions is not None
        files = motion_files(self.motions)
        if not files:
            raise DataError(f"{self.motions}: has no motion files")
        clips = [read_any(file) for file in track(files, "reading")]
        name = self.motions.resolve().name
        about = {"motions": {"name": name, "files": len(files)}, "versions": versions()}
        return natural_alone(clips), about, self.name or name

    def _config(self) -> "EvaluationConfig":
        from bimotion.evaluation.evaluate import EvaluationConfig

        return EvaluationConfig(
            self.protocol, self.split, self.count, self.repeats, self.seed, self.parts, self.bert_score
        )

    def _asked(self, config: "EvaluationConfig") -> "Asked":
        from bimotion.data.store import MotionStore
        from bimotion.evaluation.evaluation_set import Asked
        from bimotion.evaluation.protocols import PROTOCOLS

        assert self.data is not None
        return Asked(
            MotionStore.open(self.data),
            PROTOCOLS[config.protocol],
            split=config.split,
            count=config.count,
            seed=config.seed,
        )

    def _write_list(self, folder: Path) -> None:
        from bimotion.evaluation.motion_folder import write_asked

        asked = self._asked(self._config())
        path = write_asked(asked, self.repeats, folder)
        say(f"{path}: {self.repeats} x {len(asked)} motions to be made")

    def _check_out(self) -> None:
        """Say at once when the report cannot be written there."""
        from bimotion.cli.usage import UsageError

        ours = {"results.json", "report.md", "report.html"}
        if self.out.exists() and not self.out.is_dir():
            raise UsageError(f"{self.out}: is a file; --out is a folder")
        if self.out.is_dir() and (
            others := sorted(path.name for path in self.out.iterdir() if path.name not in ours)
        ):
            raise UsageError(f"{self.out}: holds other files ({', '.join(others[:3])}); choose another --out")

    def _report(self, done: "Evaluation", about: dict[str, Any], name: str) -> None:
        from bimotion.evaluation.report import PAGE_FILE, score_tables, write_report
        from bimotion.evaluation.scores import scores_to_json

        write_report(done, name, about, self.out)
        if self.json:
            import json

            say_lines(json.dumps({"name": name, "scores": scores_to_json(done.scores)}, indent=1))
            return
        for table in score_tables(done.scores, name):
            say_lines(f"{table.heading}\n{table.aligned()}\n")
        say(f"{self.out / PAGE_FILE}: open it in a browser")


def _folder_name(folder: Path) -> str:
    folder = folder.resolve()
    return folder.parent.name if folder.name == "model" else folder.name
