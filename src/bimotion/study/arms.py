"""The arms of the study: how text and motion share parameters, the kind of latents, and the order of the stages."""

from dataclasses import dataclass
from typing import Literal

from bimotion.models.branch import Stream
from bimotion.training.language.stages import LanguageStageName

StudyStream = Literal["two", "half", "one", "experts"]
"""`half`: two branches with a motion branch of half the width; the others as in `MixtureConfig.stream`."""

LatentKind = Literal["vae", "vq"]
"""`vae`: continuous latents and a diffusion head; `vq`: codes as tokens, and cross entropy."""

STAGE_SHARES: dict[LanguageStageName, float] = {"stage1": 2.0, "stage2": 6.0, "stage3": 1.0}
"""Steps of the stages in relation to each other.

Source: MotionGPT3 (Zhu et al. 2025), section 4: 100,000, 300,000 and 50,000 iterations.
"""


@dataclass(frozen=True)
class Arm:
    """One way to build and train the model."""

    stream: StudyStream
    """How text and motion share parameters."""
    latents: LatentKind
    """Kind of latents of a motion."""
    schedule: tuple[LanguageStageName, ...] = ("stage3",)
    """Stages, in order."""

    @property
    def name(self) -> str:
        """Name in files and tables, such as `two-vae-123`."""
        return "-".join((self.stream, self.latents, *filter(None, [self.stage_digits])))

    @property
    def stage_digits(self) -> str:
        """The stages' numbers; empty for stage 3 alone."""
        digits = "".join(stage.removeprefix("stage") for stage in self.schedule)
        return "" if digits == "3" else digits

    @property
    def model_stream(self) -> Stream:
        """The stream of the network."""
        return "two" if self.stream == "half" else self.stream

    def stage_steps(self, steps: int) -> dict[LanguageStageName, int]:
        """Steps of each stage, `steps` in all."""
        total = sum(STAGE_SHARES[stage] for stage in self.schedule)
        ends = [0]
        for stage in self.schedule:
            ends.append(ends[-1] + round(steps * STAGE_SHARES[stage] / total))
        ends[-1] = steps
        return {stage: ends[i + 1] - ends[i] for i, stage in enumerate(self.schedule)}


STREAMS: tuple[StudyStream, ...] = ("two", "one", "experts", "half")
LATENTS: tuple[LatentKind, ...] = ("vae", "vq")
SCHEDULES: tuple[tuple[LanguageStageName, ...], ...] = (
    ("stage1", "stage2", "stage3"),
    ("stage1", "stage3"),
    ("stage2", "stage3"),
)
"""Schedules besides stage 3 alone, with which all streams are trained."""


def arms_of(streams: tuple[StudyStream, ...], latents: tuple[LatentKind, ...]) -> list[Arm]:
    """The arms of a study: every stream with every kind of latents, and every schedule of the two branches."""
    arms = [Arm(stream, kind) for kind in latents for stream in streams]
    if "two" in streams and "vae" in latents:
        arms += [Arm("two", "vae", schedule) for schedule in SCHEDULES]
    return arms
