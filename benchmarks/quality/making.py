"""Text to motion: is what was asked for what comes out, on the right side, natural, and of the right length?"""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.quality.asked import Asked
from benchmarks.quality.classifier import Classifier, merged, scores
from bimotion.captions.facts import measure_facts
from bimotion.captions.mentions import shown_side
from bimotion.data.store import MotionStore
from bimotion.features import features_to_joints
from bimotion.inference.model import BATCH, MotionLanguageModel
from bimotion.models.diffusion import Sampler
from bimotion.motion.clip import Clip
from bimotion.motion.quality import MotionQuality, motion_quality

FRAMES_WITHOUT_LENGTHS = 120
"""Length asked of a model that predicts none, where no window says how long its motion is."""


@dataclass(frozen=True)
class Settings:
    """How motions are sampled; None is as the model's configuration says."""

    seed: int = 0
    guidance_scale: float | None = None
    steps: int | None = None
    sampler: Sampler | None = None
    clean: bool = True


@dataclass(frozen=True)
class Made:
    """Motions that were generated, one for each sentence, and how long that took."""

    clips: list[Clip]
    seconds: float


def make_motions(model: MotionLanguageModel, asked: Sequence[Asked], settings: Settings, what: str) -> Made:
    """A motion of each sentence as users get it: entry i with seed + i, its length predicted."""
    clips: list[Clip] = []
    begun = time.perf_counter()
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        keywords: dict[str, Any] = {**asdict(settings), "seed": settings.seed + start}
        if model.network.length is not None:
            clips += model.text_to_motion([each.text for each in part], **keywords)
        else:
            for number, each in enumerate(part):
                keywords["seed"] = settings.seed + start + number
                clips.append(model.text_to_motion(each.text, frames=_frames(model, each), **keywords))
        progress(what, len(clips), len(asked))
    return Made(clips, time.perf_counter() - begun)


def progress(what: str, done: int, of: int) -> None:
    """How far it is, on the error stream."""
    end = "\n" if done == of or not sys.stderr.isatty() else "\r"
    if done == of or sys.stderr.isatty() or done // BATCH % 8 == 0:
        print(f"{what}: {done}/{of}", end=end, file=sys.stderr, flush=True)


def text_to_motion(
    asked: Sequence[Asked], made: Made, store: MotionStore, classifier: Classifier
) -> dict[str, Any]:
    """Content, side, skating, jitter and length of motions made of captions, beside the windows' own motions."""
    windows = {each.item.id: each.item for each in asked if each.item is not None}
    recorded = {name: np.asarray(features_to_joints(store.features(item))) for name, item in windows.items()}
    real = [recorded[each.id] for each in asked]
    joints = [clip.joints for clip in made.clips]
    wanted = [each.contents[0] for each in asked]
    named = classifier.name(joints)
    named_of = dict(zip(recorded, classifier.name(list(recorded.values())), strict=True))
    frames = [each.item.num_frames for each in asked if each.item is not None]
    return {
        "content": scores(wanted, named),
        "content_of_recorded": scores(wanted, [named_of[each.id] for each in asked]),
        "side": side_scores(asked, joints),
        "side_of_recorded": side_scores(asked, real),
        "quality": quality_scores(joints, list(recorded.values())),
        "quality_by_content": {
            content: quality_scores(
                [each for each, of in zip(joints, wanted, strict=True) if of == content],
                [each for each, of in zip(real, wanted, strict=True) if of == content],
            )
            for content in dict.fromkeys(wanted)
        },
        "length": length_scores([len(clip) for clip in made.clips], frames),
        "seconds_each": made.seconds / len(asked),
        "failures": failures(asked, named),
    }


def prompts(asked: Sequence[Asked], made: Made, classifier: Classifier) -> dict[str, Any]:
    """Content and side of motions made of prompts outside the grammar."""
    joints = [clip.joints for clip in made.clips]
    named = classifier.name(joints)
    right = [got in each.contents for each, got in zip(asked, named, strict=True)]
    alike = [merged(got) in map(merged, each.contents) for each, got in zip(asked, named, strict=True)]
    result: dict[str, Any] = {
        "count": len(asked),
        "right": float(np.mean(right)),
        "right_merged": float(np.mean(alike)),
        "groups": {
            name: counted([flag for flag, each in zip(right, asked, strict=True) if each.group == name])
            for name in ("common", "rare")
        },
        "per_content": {
            content: counted(
                [flag for flag, each in zip(right, asked, strict=True) if each.contents[0] == content]
            )
            for content in dict.fromkeys(each.contents[0] for each in asked)
        },
        "side": side_scores(asked, joints),
        "failures": failures(asked, named),
    }
    return result


def side_scores(asked: Sequence[Asked], joints: Sequence[np.ndarray]) -> dict[str, Any]:
    """Share of motions that show the side that was asked for: of left and right, of both, and per content."""
    rows = [
        (each.contents[0], each.side, shown_side(each.text, each.contents[0], measure_facts(motion)), each)
        for each, motion in zip(asked, joints, strict=True)
        if each.side != "none"
    ]
    sided = [row for row in rows if row[1] != "both"]
    opposite = {"left": "right", "right": "left"}
    return {
        "left_or_right": counted([want == got for _, want, got, _ in sided]),
        "opposite": sum(got == opposite[want] for _, want, got, _ in sided),
        "both": counted([want == got for _, want, got, _ in rows if want == "both"]),
        "per_content": {
            content: counted([want == got for of, want, got, _ in sided if of == content])
            for content in dict.fromkeys(row[0] for row in sided)
        },
        "failures": [
            {"id": each.id, "text": each.text, "shown": got} for _, want, got, each in rows if want != got
        ],
    }


def quality_scores(made: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> dict[str, Any]:
    """Skating, jitter and standing of generated and recorded motions, and the ratios of the two."""
    ours, theirs = (MotionQuality.mean(motion_quality(each) for each in motions) for motions in (made, real))
    ratios = {
        name: getattr(ours, name) / getattr(theirs, name) if getattr(theirs, name) > 0 else None
        for name in ("skating_ratio", "skating_speed", "jitter", "speed")
    }
    return {"generated": asdict(ours), "recorded": asdict(theirs), "ratio": ratios}


def length_scores(made: Sequence[int], real: Sequence[int]) -> dict[str, float]:
    """How far lengths are off, in seconds; `guess_error_s` is the error of always saying the median."""
    off = (np.array(made) - np.array(real)) / 20
    guess = np.abs(np.array(real) - np.median(real)) / 20
    return {
        "mean_error_s": float(np.abs(off).mean()),
        "median_error_s": float(np.median(np.abs(off))),
        "too_long_s": float(off.mean()),
        "guess_error_s": float(guess.mean()),
    }


def counted(flags: Sequence[bool]) -> dict[str, int]:
    """How many are right, of how many."""
    return {"right": int(sum(flags)), "of": len(flags)}


def failures(asked: Sequence[Asked], named: Sequence[str]) -> list[dict[str, Any]]:
    """The sentences whose motion was named wrongly."""
    return [
        {"id": each.id, "text": each.text, "asked": list(each.contents), "named": got}
        for each, got in zip(asked, named, strict=True)
        if got not in each.contents
    ]


def _frames(model: MotionLanguageModel, asked: Asked) -> int:
    frames = FRAMES_WITHOUT_LENGTHS if asked.item is None else asked.item.num_frames
    return max(model.min_frames, min(frames, model.max_frames))
