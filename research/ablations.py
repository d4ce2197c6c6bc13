"""Effects of guidance, sampler, weight averaging, training stages and latents, as tables.

    python -m research.ablations MODEL DATA --run RUN --stages RUN1 RUN2 --out ablations.md
    python -m research.ablations MODEL DATA --quality-only     motion quality by guidance scale alone

MODEL is a model folder or `embedded`; RUN the run that it comes from, for the weights that are not averaged; `--stages`
are earlier runs. Every row is scored as by `bimotion evaluate` with protocol bimotion-1 and the bundled evaluator, on
the test split of DATA. Rows are written as soon as they are measured.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from bimotion.api import EMBEDDED
from bimotion.data.store import MotionStore
from bimotion.data.window_features import Features
from bimotion.evaluation.evaluate import EvaluationConfig, Part, evaluate
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.report import shown
from bimotion.evaluation.scores import METRICS, REAL, SYSTEM, Scores, scores_to_json
from bimotion.evaluation.systems import ModelSystem
from bimotion.evaluators.embedding import Embedder, read_embedder
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.settings import Sampling
from bimotion.models.choices import Sampler
from bimotion.training.language.init_model import find_model

RETRIEVAL = ("top_1", "top_3", "mm_dist", "fid", "diversity", "multimodality")
QUALITY = ("skating_ratio", "penetration_mm", "floating_mm", "jitter", "speed")
CAPTIONS = ("top_1", "top_3")
RECONSTRUCTION = ("mpjpe_mm", "fid")
GUIDANCE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
SAMPLERS: tuple[tuple[Sampler, tuple[int, ...]], ...] = (
    ("ancestral", (5, 20, 100)),
    ("ddim", (5, 20, 100)),
    ("dpmpp", (5, 10, 20, 50)),
)


class Drawn(MotionLanguageModel):
    """Encodes to sampled latents, as in VAE training, instead of their means."""

    @torch.inference_mode()
    def encode_features(self, features: Sequence[Features]) -> Float[Tensor, "B N D"]:
        """Sampled latents of features (not normalised)."""
        generator, latents = torch.Generator().manual_seed(0), []
        for each in features:
            rows = torch.from_numpy(self.stats.normalise(each))[None].to(
                next(self.network.parameters()).dtype
            )
            mu, logvar = self.network.vae.encode(rows, torch.tensor([len(each)]))
            noise = torch.randn(mu.shape, generator=generator)
            latents.append(self.network.normalise(mu + noise * (0.5 * logvar).exp()))
        return torch.cat(latents)


@dataclass
class Bench:
    """Settings of all measurements."""

    evaluation_set: EvaluationSet
    embedder: Embedder
    repeats: int

    def scores(self, model: MotionLanguageModel, sampling: Sampling, parts: Sequence[Part]) -> Scores:
        """Scores as by `bimotion evaluate`."""
        config = EvaluationConfig(repeats=self.repeats, parts=tuple(parts))
        return evaluate(
            self.evaluation_set, ModelSystem(model, sampling), self.embedder, config, quiet
        ).scores

    def seconds(self, model: MotionLanguageModel, sampling: Sampling) -> float:
        """Time per motion in a batch of 64, without clean-up."""
        captions = self.evaluation_set.repeat(0).captions[:64]
        system = ModelSystem(model, sampling, clean=False)
        begun = time.perf_counter()
        system.text_to_motions(captions, None, 0)
        return (time.perf_counter() - begun) / len(captions)


def quiet(items: Sequence[int], label: str) -> Iterator[int]:
    """No progress."""
    return iter(items)


def unaveraged(model: MotionLanguageModel, run: Path) -> MotionLanguageModel:
    """The model with the last weights of its run instead of their average."""
    folder = max((run / "checkpoints").iterdir())
    own = dict(model.network.named_parameters())
    with torch.no_grad():
        for name, value in load_file(folder / "model.safetensors").items():
            if (parameter := own.get(name.removeprefix("model."))) is not None:
                parameter.copy_(value)
    return model


def cell(scores: Scores, part: str, metric: str, row: str = SYSTEM) -> str:
    """A value with its interval, or nothing."""
    measured = scores.get(part, {}).get(row, {}).get(metric)
    return "" if measured is None else shown(metric, measured)


@dataclass
class Tables:
    """The tables, written row by row to a Markdown file, and all scores as JSON."""

    bench: Bench
    out: Path
    parts: tuple[Part, ...]
    scores: dict[str, Scores] = field(default_factory=dict)

    def write(self, text: str) -> None:
        """Append to the file."""
        with self.out.open("a", encoding="utf-8") as file:
            print(text, file=file, flush=True)

    def columns(self) -> list[tuple[str, str]]:
        """Part and metric of each column."""
        retrieval = [("text_to_motion", metric) for metric in RETRIEVAL] if len(self.parts) > 1 else []
        quality = [("natural", metric) for metric in QUALITY]
        return [*retrieval, *quality, ("adherence", "side")]

    def begin(self, title: str) -> None:
        """Write the head of a table."""
        names = [METRICS[metric].title for _, metric in self.columns()]
        self.write(f"\n{title}\n\n| | {' | '.join(names)} | s |\n| --- |{' ---: |' * (len(names) + 1)}")

    def row(self, name: str, scores: Scores, seconds: float | None, row: str = SYSTEM) -> None:
        """Write a row of text-to-motion scores."""
        cells = [cell(scores, part, metric, row) for part, metric in self.columns()]
        self.write(f"| {name} | {' | '.join(cells)} | {'' if seconds is None else f'{seconds:.3f}'} |")

    def measure(
        self,
        name: str,
        model: MotionLanguageModel,
        sampling: Sampling,
        *,
        seconds: float | None = None,
        real: bool = False,
    ) -> None:
        """Measure a model with some sampling options and write its row; with `real` also the recorded motions' row."""
        self.scores[name] = scores = self.bench.scores(model, sampling, self.parts)
        if real:
            self.row("recorded", scores, None, REAL)
        self.row(name, scores, seconds)


def guidance_scales(tables: Tables, model: MotionLanguageModel) -> None:
    """Effects of the guidance scale."""
    diffusion = model.network.config.diffusion
    tables.begin(f"Guidance ({diffusion.sampler}, {diffusion.sample_steps} steps)")
    for scale in GUIDANCE:
        tables.measure(f"guidance {scale:g}", model, Sampling(None, scale), real=scale == GUIDANCE[0])


def samplers(tables: Tables, model: MotionLanguageModel) -> None:
    """Effects of the sampler and its steps."""
    diffusion = model.network.config.diffusion
    tables.bench.seconds(model, Sampling())  # warm-up
    tables.begin(f"Samplers (guidance {diffusion.guidance_scale:g})")
    for sampler, counts in SAMPLERS:
        for steps in counts:
            sampling = Sampling(None, None, steps, sampler)
            seconds = tables.bench.seconds(model, sampling)
            tables.measure(f"{sampler}, {steps} steps", model, sampling, seconds=seconds)


def weights_and_stages(tables: Tables, folder: Path, run: Path | None, stages: Sequence[Path]) -> None:
    """Effects of weight averaging and of the training stages."""
    model = MotionLanguageModel.from_folder(folder)
    guidance = model.network.config.diffusion.guidance_scale
    tables.begin("Weights and stages")
    tables.measure("averaged weights (EMA)", model, Sampling())
    if run is not None:
        tables.measure("last weights", unaveraged(model, run), Sampling())
    for stage in stages:
        staged = MotionLanguageModel.from_folder(find_model(stage))
        tables.measure(f"after {stage.name}", staged, Sampling(None, guidance))


def latents(tables: Tables, folder: Path) -> None:
    """Effects of latent means and of sampled latents on captions and reconstruction."""
    names = [f"captions: {METRICS[m].title}" for m in CAPTIONS] + [METRICS[m].title for m in RECONSTRUCTION]
    tables.write("\nLatents for understanding and reconstruction\n")
    tables.write(f"| | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}")
    for name, kind in (("means (mu)", MotionLanguageModel), ("drawn", Drawn)):
        scores = tables.bench.scores(
            kind.from_folder(folder), Sampling(), ("motion-to-text", "reconstruction")
        )
        cells = [cell(scores, "motion_to_text", metric) for metric in CAPTIONS]
        cells += [cell(scores, "reconstruction", metric) for metric in RECONSTRUCTION]
        tables.write(f"| {name} | {' | '.join(cells)} |")
        tables.scores[name] = scores


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--stages", type=Path, nargs="*", default=())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--count", type=int)
    parser.add_argument("--quality-only", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("ablations.md"))
    args = parser.parse_args()
    folder = EMBEDDED if args.model == "embedded" else find_model(Path(args.model))
    evaluation_set = EvaluationSet(MotionStore.open(args.data), BIMOTION_1, split="test", count=args.count)
    parts: tuple[Part, ...] = ("natural",) if args.quality_only else ("text-to-motion", "natural")
    tables = Tables(Bench(evaluation_set, read_embedder(), args.repeats), args.out, parts)
    args.out.write_text("", encoding="utf-8")
    model = MotionLanguageModel.from_folder(folder)
    guidance_scales(tables, model)
    if not args.quality_only:
        samplers(tables, model)
        weights_and_stages(tables, folder, args.run, args.stages)
        latents(tables, folder)
    results = {name: scores_to_json(scores) for name, scores in tables.scores.items()}
    args.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
