"""The stages of training, first to last: what each trains, on which tasks, with which losses."""

from dataclasses import dataclass
from typing import Literal

from bimotion.captions.instructions import TaskClass

Part = Literal["text", "motion"]
"""The halves of the model that a language stage can train; the VAE is done by then."""

PARTS: dict[str, tuple[str, ...]] = {
    "text": ("mixture.text.", "mixture.positions"),
    "motion": ("mixture.motion.", "understanding.", "head.", "codes.", "length."),
}
"""Prefixes of the names of each part's parameters."""

LanguageStageName = Literal["text", "stage1", "stage2", "stage3"]
"""The stages after the VAE's."""


@dataclass(frozen=True)
class Stage:
    """A stage of the language model's training."""

    about: str
    """Purpose, as the help shows it."""
    trains: tuple[Part, ...]
    """Parts that are trained; all others are frozen."""
    tasks: tuple[tuple[TaskClass, float], ...]
    """Tasks with their shares of the examples."""
    text_weight: float
    """Weight of the text loss, on answers only."""
    diffusion_weight: float
    """Weight of the diffusion loss."""
    length_weight: float
    """Weight of the length loss."""
    lr: float
    """Learning rate at the top of the schedule, around a pretrained text branch."""
    small_lr: float
    """The same for the small presets, whose text branch is not pretrained."""
    text_lr_scale: float = 1.0
    """Factor on it for the text branch."""
    head_lr_scale: float = 1.0
    """Factor on it for the understanding, diffusion and length heads."""
    whole_text: bool = False
    """Train on whole texts, question and answer, without motion."""


LANGUAGE_STAGES: dict[str, Stage] = {
    "text": Stage(
        about="the text branch alone, where there is no pretrained one: captions and instructions",
        trains=("text",),
        tasks=(("t2m", 0.7), ("t2t", 0.2), ("n2t", 0.1)),
        text_weight=1.0,
        diffusion_weight=0.0,
        length_weight=0.0,
        lr=3e-4,
        small_lr=1e-3,
        whole_text=True,
    ),
    "stage1": Stage(
        about="text to motion, the text branch frozen",
        trains=("motion",),
        tasks=(("t2m", 1.0),),
        text_weight=0.0,
        diffusion_weight=1.0,
        length_weight=0.1,
        lr=1e-4,
        small_lr=5e-4,
        head_lr_scale=2.0,
    ),
    "stage2": Stage(
        about="text to motion, motion to text, prediction and in-betweening, the text branch frozen",
        trains=("motion",),
        tasks=(("t2m", 0.5), ("m2t", 0.3), ("predict", 0.1), ("inbetween", 0.08), ("n2m", 0.02)),
        text_weight=1.0,
        diffusion_weight=0.5,
        length_weight=0.05,
        lr=1e-4,
        small_lr=5e-4,
    ),
    "stage3": Stage(
        about="all of the language model, paired data mixed with text alone",
        trains=("text", "motion"),
        tasks=(
            ("t2m", 0.45),
            ("m2t", 0.25),
            ("predict", 0.08),
            ("inbetween", 0.07),
            ("n2m", 0.02),
            ("t2t", 0.1),
            ("n2t", 0.03),
        ),
        text_weight=1.0,
        diffusion_weight=0.5,
        length_weight=0.05,
        lr=1e-5,
        small_lr=3e-4,
    ),
}
"""The language stages, in the order in which they are run.

Source: MotionGPT3 (Zhu et al. 2025), section 3.5: what is frozen, tasks and loss weights of stages 1 to 3.
"""
