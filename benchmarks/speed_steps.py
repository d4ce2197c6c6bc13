"""What each way of saving work gains at full size: the same result with it and without, one after the other.

    python -m benchmarks.speed_steps [--preset gpt2] [--repeats 3]

Weights are random; the fastest of the repeats counts.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from bimotion.benchmark.figures import Figure, Requests, job
from bimotion.models import kernels
from bimotion.models.diffusion import Schedule, draw_noise, sample
from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import TokenSequence

STEPS, PADDED_LENGTH, CLIPS, WRITTEN = 100, 192, 32, 40
"""Sampling steps; places that the published code pads to; clips of a batch; tokens of a caption."""

MOTIONS = Figure("text to motion", 1), Figure("text to motion", CLIPS)
CAPTIONS = Figure("captioning", 1), Figure("captioning", 8)
"""What the kernels are tried on."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=("tiny", "gpt2", "smollm2"), default="gpt2")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    config = preset(args.preset)
    torch.manual_seed(0)
    network = MotionLanguage(replace(config, head=replace(config.head, zero_init=False))).eval()
    print("| what | without s | with s | gain |\n| --- | ---: | ---: | ---: |")
    with torch.inference_mode():
        for name, without, own in (*sampling(network), *sequences(network), *kernels_own(network)):
            before, after = (seconds(work, args.repeats) for work in (without, own))
            print(f"| {name} | {before:.3f} | {after:.3f} | {before / after:.1f} |", flush=True)


Step = tuple[str, Callable[[], object], Callable[[], object]]
"""Its name, the work without it, the work with it."""


def sampling(network: MotionLanguage) -> list[Step]:
    """Modulations computed ahead of the steps, for a condition that is pooled once."""
    head, slots, width = network.head, network.config.slots, network.config.mixture.width
    schedule = Schedule.of(network.config.diffusion, STEPS)

    def work(count: int) -> tuple[Callable[[], object], Callable[[], object]]:
        z = torch.randn(count, slots, width)
        both = torch.cat((z, head.fake_condition.expand(count, -1, -1)))
        noise = draw_noise(STEPS, count, head.x_width, None, z.device, z.dtype)

        def prediction(xt: Tensor, step: int) -> Tensor:
            level = torch.full((2 * count,), schedule.timesteps[step])
            eps, fake = head(torch.cat((xt, xt)), level, both).chunk(2)
            return torch.lerp(fake, eps, 3.0)

        return (
            lambda: sample(prediction, schedule, noise, "ancestral"),
            lambda: head.sample(z, sampler="ancestral", steps=STEPS, guidance_scale=3.0, noise=noise),
        )

    return [
        (f"modulations of all {STEPS} steps ahead, condition pooled once; batch {count}", *work(count))
        for count in (1, CLIPS)
    ]


def sequences(network: MotionLanguage) -> list[Step]:
    """Own tokens instead of padded places, wanted states only, answers' scores only, and the cache."""
    requests = Requests(network.config.special, network.config.slots)
    mixture = network.mixture
    own = network.batch([requests.motion(12 + number % 9) for number in range(CLIPS)])
    padded = network.batch([TokenSequence(requests.words(PADDED_LENGTH))] * CLIPS)
    prompt = requests.caption()
    latents = torch.randn(1, *network.config.latent_shape)
    inputs = network.understand(latents)
    states = mixture(padded).text
    answers = states[: 16 * CLIPS]

    def without_cache() -> None:
        ids: tuple[int, ...] = ()
        for _ in range(WRITTEN):
            batch = network.batch([TokenSequence(prompt.prompt + ids)])
            scores = mixture.logits(mixture(batch, inputs, text_rows=batch.last_rows).text)
            scores[:, network.config.special.start :] = -torch.inf
            ids = (*ids, int(scores.argmax()))

    written = DecodingConfig(max_tokens=WRITTEN)
    return [
        (
            f"only tokens, not {PADDED_LENGTH} padded places (one branch of two); batch {CLIPS}",
            lambda: mixture(padded),
            lambda: mixture(own),
        ),
        (
            f"no last states of text that nobody reads; batch {CLIPS}",
            lambda: mixture(own),
            lambda: mixture(own, text_rows=own.answer_rows[:0]),
        ),
        (
            f"scores of answers only, 16 tokens of {PADDED_LENGTH} places; batch {CLIPS}",
            lambda: mixture.logits(states),
            lambda: mixture.logits(answers),
        ),
        (
            f"keys and values kept while writing {WRITTEN} tokens; batch 1",
            without_cache,
            lambda: network.generate(network.batch([prompt]), latents, written),
        ),
    ]


def kernels_own(network: MotionLanguage) -> list[Step]:
    """Kernels instead of torch's operations, and their calls recorded once and made again together."""

    def by_torch(run: Callable[[], object]) -> None:
        own, kernels.library._RUN = kernels.library._RUN, None
        try:
            run()
        finally:
            kernels.library._RUN = own

    def one_by_one(run: Callable[[], object]) -> None:
        own = kernels.CallGraph.__call__
        kernels.CallGraph.__call__ = lambda self, function, *inputs: function(*inputs)  # type: ignore[method-assign]
        try:
            run()
        finally:
            kernels.CallGraph.__call__ = own  # type: ignore[method-assign]

    steps: list[Step] = []
    for name, without, figures in (
        ("kernels instead of torch", by_torch, (*MOTIONS, *CAPTIONS)),
        ("calls of the kernels repeated together", one_by_one, (MOTIONS[0], CAPTIONS[0])),
    ):
        for figure in figures:
            run = job(figure, network).run
            steps.append((f"{name}; {figure.kind}, batch {figure.batch}", partial(without, run), run))
    return steps


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The fastest of several, after one that is not counted."""
    work()
    took = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)


if __name__ == "__main__":
    main()
