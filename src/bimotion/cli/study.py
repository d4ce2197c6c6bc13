"""`bimotion study`: the paper's findings, repeated or refuted on a data set."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from bimotion.cli.terminal import note, say
from bimotion.cli.usage import UsageError


@dataclass(frozen=True)
class Study:
    """Compare designs of the model: what text and motion share, continuous or discrete latents, training schedules.

    Every design is trained with the same data, budget and seeds, and measured on a common clock. Runs are finished one
    after the other; the same command continues after an interruption. The report is a Markdown page with curves.

    examples:
      bimotion study --data data/cmu --out runs/study
      bimotion study --data data/cmu --out runs/study --stream two one --latents vae --seeds 1
      bimotion study --figures runs/study/figures.json --page findings.md
    """

    data: Annotated[Path | None, arg(metavar="DIR")] = None
    """Prepared data set."""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder of the runs, and of the report."""
    figures: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write the page of these figures instead of training."""
    page: Annotated[Path | None, arg(metavar="FILE")] = None
    """The report (default: findings.md beside the figures); curves are written to `pictures` beside it."""
    stream: tuple[Literal["two", "half", "one", "experts"], ...] = ("two", "one", "experts", "half")
    """Two branches, two with a motion branch of half the width, one stream, one stream with learned experts."""
    latents: tuple[Literal["vae", "vq"], ...] = ("vae", "vq")
    """Continuous latents with a diffusion head, or codes as tokens."""
    seeds: Annotated[int, arg(metavar="N")] = 3
    """Seeds of each design."""
    steps: Annotated[int, arg(metavar="N")] = 240
    """Training steps of a run."""
    tuning_steps: Annotated[int, arg(metavar="N")] = 60
    """Training steps of each trial of a learning rate."""
    tokenizer_steps: Annotated[int, arg(metavar="N")] = 120
    """Training steps of the motion VAE and of the VQ-VAE, which start from a closed-form fit."""
    text_steps: Annotated[int, arg(metavar="N")] = 120
    """Training steps of the text layers that all designs start from."""
    validations: Annotated[int, arg(metavar="N")] = 4
    """Measurements of a run."""
    batch_size: Annotated[int, arg(metavar="N")] = 32
    """Examples of a step."""
    width: Annotated[int, arg(metavar="N")] = 96
    """Width of the transformer, a multiple of 24."""
    layers: Annotated[int, arg(metavar="N")] = 3
    """Layers of the transformer."""
    windows: Annotated[int, arg(metavar="N")] = 4096
    """Training windows that are used."""
    validation_windows: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None
    """Validation windows that are used."""
    threads: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: torch's)")] = None
    """Number of CPU threads."""

    def run(self) -> None:
        """Train what is not finished yet, and write the report."""
        from bimotion.study.figures import collect, read_figures, save_figures
        from bimotion.study.findings import write_findings

        if self.figures is not None:
            page = self.page or self.figures.with_name("findings.md")
            write_findings(read_figures(self.figures), page, page.parent / "pictures")
            say(str(page))
            return
        if self.data is None or self.out is None:
            raise UsageError("expected --data and --out, or --figures")
        self._train(self.data, self.out)
        figures = collect(self.out)
        save_figures(figures, self.out / "figures.json")
        page = self.page or self.out / "findings.md"
        write_findings(figures, page, page.parent / "pictures")
        say(str(page))

    def _train(self, data: Path, out: Path) -> None:
        import torch

        from bimotion.study.arms import arms_of
        from bimotion.study.config import StudyConfig, StudySize
        from bimotion.study.material import StudyStopped
        from bimotion.study.run import run_study

        if self.width < 24 or self.width % 24:
            raise UsageError(f"--width: expected a multiple of 24, got {self.width}")
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
        config = StudyConfig(
            data,
            out,
            StudySize(width=self.width, layers=self.layers),
            seeds=self.seeds,
            steps=self.steps,
            batch_size=self.batch_size,
            tuning_steps=self.tuning_steps,
            tokenizer_steps=self.tokenizer_steps,
            text_steps=self.text_steps,
            validations=self.validations,
            windows=self.windows,
            validation_windows=self.validation_windows,
        )
        try:
            run_study(config, arms_of(self.stream, self.latents))
        except StudyStopped as stopped:
            note("bimotion: stopped; the same command continues")
            raise SystemExit({"SIGINT": 130, "SIGTERM": 143}[str(stopped)]) from None
