"""Timed captions of a recording: which phrase describes it when.

With a bank of phrases and an evaluator that embeds motions in parts, a recording is cut into the moments that phrases
describe best: the partition with the greatest sum over its moments of the best phrase's cosine, weighted by the length,
less a penalty a moment. Without, it is cut where the movement changes, and each part is captioned.

The course of the movement is a few measured values (speed, turning, height, lean, hands), averaged over half seconds.
The cuts are the partition with the smallest sum of squared deviations from the means of its parts, plus a penalty a
part.

Legend: T frames, J = 22 joints, S half seconds, V values, M parts of the evaluator.

Source: optimal partitioning (Jackson et al. 2005), by dynamic programming.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from bimotion.evaluators.moments import MIN_SECONDS, Moments, PartsEmbedder, moments_of
from bimotion.features.clips import clip_to_features, features_to_clip
from bimotion.features.layout import FPS
from bimotion.inference.caption_guard import nearest_that_holds
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress, report
from bimotion.inference.phrase_bank import PhraseBank
from bimotion.inference.request import sentence_of
from bimotion.inference.timeline import TimedPhrase
from bimotion.motion.clip import Clip, heading
from bimotion.motion.skeleton import joint_indices

STEP_FRAMES = 10
"""Frames at 20 per second that are averaged: cuts lie at half seconds."""

MIN_STEPS = 3
"""Shortest part, in half seconds."""

PENALTY = 4.0
"""Least reduction of the squared deviations for which a part is cut off."""

LENGTH_POWER = 0.8
"""Power of a moment's length, in parts of the evaluator, in the sum of cosines; below 1 long moments are cut."""

MOMENT_PENALTY = 1.1
"""Cosine times length that another moment must gain."""

LONGEST_MOMENT = 6.0
"""Seconds of the longest moment."""

SENTENCE_PHRASES = 3
"""Phrases of a sentence of a text about a long motion."""

SUBJECT = "a person"
"""Who the sentences are about."""

WRISTS = joint_indices("left_wrist", "right_wrist")
CHEST, PELVIS = joint_indices("spine3", "pelvis")


def movement(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "S V"]:
    """The course of the movement in half seconds, each value in units of a clear difference.

    Speed and forward speed (0.5 m/s), turning (45 degrees a second), height of the pelvis (0.15 m), lean of the trunk
    (0.15 m), height (0.25 m) and speed (0.6 m/s) of the wrists relative to the body.
    """
    p = joints.astype(np.float64)
    yaw = heading(p)
    step = np.diff(p[:, PELVIS, ::2], axis=0) * FPS
    ahead = step[:, 0] * np.sin(yaw[:-1]) + step[:, 1] * np.cos(yaw[:-1])
    lean = np.linalg.norm(p[:, CHEST, ::2] - p[:, PELVIS, ::2], axis=-1)
    columns = [
        np.linalg.norm(step, axis=-1) / 0.5,
        ahead / 0.5,
        np.diff(yaw) * FPS / np.radians(45),
        p[1:, PELVIS, 1] / 0.15,
        lean[1:] / 0.15,
    ]
    for wrist in WRISTS:
        relative = p[:, wrist] - p[:, PELVIS]
        columns.append(relative[1:, 1] / 0.25)
        columns.append(np.linalg.norm(np.diff(relative, axis=0), axis=-1) * FPS / 0.6)
    course = np.stack(columns, -1)
    parts = np.array_split(course, max(1, round(len(course) / STEP_FRAMES)))
    return np.stack([part.mean(0) for part in parts])


def change_points(course: Float[np.ndarray, "S V"], longest: int, penalty: float = PENALTY) -> list[int]:
    """First half seconds of the parts, and the end; no part is longer than `longest` half seconds."""
    num = len(course)
    if num <= MIN_STEPS:
        return [0, num]
    sums = np.concatenate([[np.zeros(course.shape[1])], np.cumsum(course, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((course**2).sum(1))])
    best, before = np.full(num + 1, np.inf), np.zeros(num + 1, dtype=int)
    best[0] = 0.0
    for end in range(MIN_STEPS, num + 1):
        starts = np.arange(max(0, end - longest), end - MIN_STEPS + 1)
        size = end - starts
        spread = squares[end] - squares[starts] - ((sums[end] - sums[starts]) ** 2).sum(1) / size
        costs = best[starts] + spread + penalty
        best[end], before[end] = costs.min(), starts[costs.argmin()]
    bounds = [num]
    while bounds[-1] > 0:
        bounds.append(int(before[bounds[-1]]))
    return bounds[::-1]


def parts_of(joints: Float[np.ndarray, "T J 3"], max_frames: int) -> list[tuple[int, int]]:
    """First and last frame (exclusive) of the parts of a motion at 20 frames per second."""
    course = movement(joints)
    bounds = change_points(course, max(MIN_STEPS + 1, (max_frames - 1) // (STEP_FRAMES + 1)))
    edges = np.round(np.array(bounds) / len(course) * len(joints)).astype(int).tolist()
    return list(zip(edges[:-1], edges[1:], strict=True))


def merged(phrases: Sequence[TimedPhrase]) -> list[TimedPhrase]:
    """The phrases, with neighbours of equal text joined into one."""
    joined: list[TimedPhrase] = []
    for phrase in phrases:
        if joined and joined[-1].text == phrase.text:
            joined[-1] = TimedPhrase(phrase.text, joined[-1].start, phrase.end)
        else:
            joined.append(phrase)
    return joined


def moment_cuts(moments: Moments, bank: PhraseBank) -> list[int]:
    """First parts of the moments that phrases describe best, and the end."""
    num = len(moments.parts)
    shortest = min(round(MIN_SECONDS * FPS / moments.frames_per_part), num)
    longest = max(round(LONGEST_MOMENT * FPS / moments.frames_per_part), shortest)
    sizes = np.arange(shortest, min(longest, num) + 1)
    gains = np.full((len(sizes), num + 1), -np.inf)  # by length and end
    for row, size in enumerate(sizes.tolist()):
        first = np.arange(num - size + 1)
        best_cosines = bank.best(moments.directions(first, first + size))
        gains[row, size:] = best_cosines * size**LENGTH_POWER - MOMENT_PENALTY
    best, before = np.full(num + 1, -np.inf), np.zeros(num + 1, dtype=int)
    best[0] = 0.0
    for end in range(shortest, num + 1):
        fitting = sizes[sizes <= end]
        sums = best[end - fitting] + gains[: len(fitting), end]
        best[end], before[end] = sums.max(), end - fitting[sums.argmax()]
    cuts = [num]
    while cuts[-1] > 0:
        cuts.append(int(before[cuts[-1]]))
    return cuts[::-1]


def describe_by_phrases(
    bank: PhraseBank, embedder: PartsEmbedder, features: Float[np.ndarray, "T 263"]
) -> list[TimedPhrase]:
    """Phrases of the moments of a motion, each the best that measured facts do not contradict."""
    (moments,) = moments_of(embedder, [features])
    found = []
    for first, stop in pairwise(moment_cuts(moments, bank)):
        start, end = moments.frames(first, stop)
        direction = moments.directions(np.array([first]), np.array([stop]))[0]
        phrases = bank.ranked(direction)
        phrase = nearest_that_holds(phrases, features[start:end]) or phrases[0]
        found.append(TimedPhrase(phrase.removeprefix(f"{SUBJECT} "), start / FPS, end / FPS))
    return merged(found)


def story(phrases: Sequence[TimedPhrase]) -> str:
    """Phrases in a row as one text: sentences of up to three phrases each."""
    sentences: list[str] = []
    for start in range(0, len(phrases), SENTENCE_PHRASES):
        texts = [phrase.text for phrase in phrases[start : start + SENTENCE_PHRASES]]
        joined = ", then ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
        sentences.append(f"then the person {joined}" if sentences else sentence_of(joined))
    return ". ".join(sentences)


def describe_clip(
    model: FeatureModel, clip: Clip, *, progress: Progress | None = None, cancel: Cancel | None = None
) -> list[TimedPhrase]:
    """Timed captions of a clip, with start and end in seconds; equal ones in a row are one.

    Raises:
        MotionFileError: the clip is shorter than two frames at 20 per second, or longer than an hour.
        Cancelled: `cancel` returned True.
    """
    features = clip_to_features(clip)
    tools = model.moment_tools
    if tools is not None:
        report(progress, cancel, 0, 1)
        found = describe_by_phrases(*tools, features)
        report(progress, cancel, 1, 1)
        return [*found[:-1], replace(found[-1], end=clip.duration)]
    parts = parts_of(features_to_clip(features).joints, model.max_frames)
    captions = model.features_to_text(
        [features[start:stop] for start, stop in parts], progress=progress, cancel=cancel
    )
    ends = [*(stop / FPS for _, stop in parts[:-1]), clip.duration]
    return merged(
        [
            TimedPhrase(caption, start / FPS, end)
            for caption, (start, _), end in zip(captions, parts, ends, strict=True)
        ]
    )
