"""What guidance, sampling, averaged weights, latents and stages change, as tables.

    python -m research.ablations MODEL DATA --run RUN --stages RUN1 RUN2 --out ablations.md

MODEL is a model folder or `embedded`; RUN the run that it comes from, for the weights that are not averaged; `--stages`
are runs before it. Every row is scored by protocol bimotion-1 with the evaluator that comes with the package, as
`bimotion evaluate` does, on the test split of DATA. Rows are written as they come, so that a run that was stopped has
not been in vain.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from bimotion.api import EMBEDDED
from bimotion.data.store import MotionStore
from bimotion.evaluation.evaluate import EvaluationConfig, Part, evaluate
from bimotion.evaluation.evaluation_set import Asked, Features
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.scores import METRICS, REAL, SYSTEM, Scores
from bimotion.evaluation.systems import ModelSystem
from bimotion.evaluators.embedding import Embedder, read_embedder
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.settings import Sampling
from bimotion.models.diffusion import Sampler
from bimotion.training.language.init_model import find_model

MOVES = ("top_1", "top_3", "mm_dist", "fid", "diversity", "multimodality")
LOOKS = ("skating_ratio", "jitter", "speed")
SAYS = ("top_1", "top_3")
GIVES_BACK = ("mpjpe_mm", "fid")
GUIDANCE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
SAMPLERS: tuple[tuple[Sampler, tuple[int, ...]], ...] = (
    ("ancestral", (5, 20, 100)),
    ("ddim", (5, 20, 100)),
    ("dpmpp", (5, 10, 20, 50)),
)


class Drawn(MotionLanguageModel):
    """Encodes to latents that are drawn, as the VAE is trained, not to their means."""

    @torch.inference_mode()
    def encode_features(self, features: Sequence[Features]) -> Float[Tensor, "B N D"]:
        """Latents of features that are not normalised."""
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
    """What every row is measured with."""

    asked: Asked
    embedder: Embedder
    repeats: int

    def scores(self, model: MotionLanguageModel, sampling: Sampling, parts: Sequence[Part]) -> Scores:
        """What `bimotion evaluate` would say."""
        config = EvaluationConfig(repeats=self.repeats, parts=tuple(parts))
        return evaluate(self.asked, ModelSystem(model, sampling), self.embedder, config, quiet).scores

    def seconds(self, model: MotionLanguageModel, sampling: Sampling) -> float:
        """Of one motion in batches, without cleaning."""
        captions = self.asked.round(0).captions[:64]
        system = ModelSystem(model, sampling, clean=False)
        begun = time.perf_counter()
        system.text_to_features(captions, None, 0)
        return (time.perf_counter() - begun) / len(captions)


def quiet(items: Sequence[int], label: str) -> Iterator[int]:
    """No progress."""
    return iter(items)


def unaveraged(model: MotionLanguageModel, run: Path) -> MotionLanguageModel:
    """The model with the weights that its run ended with, not their average."""
    folder = max((run / "checkpoints").iterdir())
    own = dict(model.network.named_parameters())
    with torch.no_grad():
        for name, value in load_file(folder / "model.safetensors").items():
            if (parameter := own.get(name.removeprefix("model."))) is not None:
                parameter.copy_(value)
    return model


def cell(scores: Scores, part: str, metric: str, row: str = SYSTEM) -> str:
    """A number with its interval, or nothing."""
    measured = scores.get(part, {}).get(row, {}).get(metric)
    if measured is None:
        return ""
    digits = METRICS[metric].digits
    interval = f" ± {measured.interval:.{digits}f}" if measured.repeats > 1 else ""
    return f"{measured.mean:.{digits}f}{interval}"


def line(name: str, scores: Scores, seconds: float | None, row: str = SYSTEM) -> str:
    """A row of the first tables."""
    cells = [cell(scores, "text_to_motion", metric, row) for metric in MOVES]
    cells += [cell(scores, "natural", metric, row) for metric in LOOKS]
    cells += [cell(scores, "asked", "side", row), "" if seconds is None else f"{seconds:.3f}"]
    return f"| {name} | {' | '.join(cells)} |"


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
    parser.add_argument("--out", type=Path, default=Path("ablations.md"))
    args = parser.parse_args()
    folder = EMBEDDED if args.model == "embedded" else find_model(Path(args.model))
    asked = Asked(MotionStore.open(args.data), BIMOTION_1, split="test", count=args.count)
    bench = Bench(asked, read_embedder(), args.repeats)
    model = MotionLanguageModel.from_folder(folder)
    moves: tuple[Part, ...] = ("text-to-motion", "natural")
    kept: dict[str, object] = {}

    def tell(text: str) -> None:
        with args.out.open("a", encoding="utf-8") as file:
            print(text, file=file, flush=True)

    def head(title: str) -> None:
        names = [METRICS[m].title for m in (*MOVES, *LOOKS, "side")]
        tell(f"\n{title}\n\n| | {' | '.join(names)} | s |\n| --- |{' ---: |' * (len(names) + 1)}")

    def measure(name: str, of: MotionLanguageModel, sampling: Sampling, *, real: bool = False) -> None:
        scores = bench.scores(of, sampling, moves)
        if real:
            tell(line("recorded", scores, None, REAL))
        tell(line(name, scores, times.get(name)))
        kept[name] = json.loads(json.dumps(scores, default=vars))

    args.out.write_text("", encoding="utf-8")
    diffusion = model.network.config.diffusion
    sampled = {
        f"{sampler}, {steps} steps": Sampling(None, None, steps, sampler)
        for sampler, counts in SAMPLERS
        for steps in counts
    }
    bench.seconds(model, Sampling())  # not counted
    times = {name: bench.seconds(model, sampling) for name, sampling in sampled.items()}
    head(f"Guidance ({diffusion.sampler}, {diffusion.sample_steps} steps)")
    for scale in GUIDANCE:
        measure(f"guidance {scale:g}", model, Sampling(None, scale), real=scale == GUIDANCE[0])
    head(f"Samplers (guidance {diffusion.guidance_scale:g})")
    for name, sampling in sampled.items():
        measure(name, model, sampling)
    head("Weights and stages")
    measure("averaged weights (EMA)", model, Sampling())
    if args.run is not None:
        measure("last weights", unaveraged(MotionLanguageModel.from_folder(folder), args.run), Sampling())
    for run in args.stages:
        scale = diffusion.guidance_scale
        staged = MotionLanguageModel.from_folder(find_model(run))
        measure(f"after {run.name}", staged, Sampling(None, scale))
    tell("\nLatents for understanding and reconstruction\n")
    names = [f"captions: {METRICS[m].title}" for m in SAYS] + [METRICS[m].title for m in GIVES_BACK]
    tell(f"| | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}")
    drawn = Drawn.from_folder(folder)
    for name, of in (("means (mu)", model), ("drawn", drawn)):
        scores = bench.scores(of, Sampling(), ("motion-to-text", "reconstruction"))
        cells = [cell(scores, "motion_to_text", metric) for metric in SAYS]
        cells += [cell(scores, "reconstruction", metric) for metric in GIVES_BACK]
        tell(f"| {name} | {' | '.join(cells)} |")
        kept[name] = json.loads(json.dumps(scores, default=vars))
    args.out.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
