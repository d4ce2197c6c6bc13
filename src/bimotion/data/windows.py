"""From a recording to its windows: read, clean, cut, measure, describe. Runs in the workers of `prepare`."""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from bimotion.captions.facts import MotionFacts, measure_facts
from bimotion.captions.grammar import CaptionGrammar, Description
from bimotion.captions.mentions import is_contradicted
from bimotion.captions.mirror import mirror_caption
from bimotion.data.clean import repair_spikes, resample_joints, trim_rest_pose, window_bounds
from bimotion.data.recording import Recording, TimedCaption
from bimotion.data.store import Item
from bimotion.errors import DataError
from bimotion.features import features_to_joints
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.files import load_features
from bimotion.features.layout import FPS
from bimotion.motion.formats import ReadOptions, read_with_interpretation

PUBLISHED_EXCESS = 3
"""The published loader takes clips of up to 199 rows and cuts them to 196, a multiple of four."""

TOO_LONG = "the recording is longer than a window and they have no start and end (--long-captions windows)"
TOO_SHORT_PART = "they describe less than half of any window"
CONTRADICTED = "the measured motion contradicts them in every window of a long recording"
PART_LENGTH = "their part of the clip is shorter or longer than the published loader takes"
NO_MIRROR = "mirrored copies only: another language, or a side that cannot be exchanged"


@dataclass(frozen=True)
class WindowConfig:
    """How recordings are cut and described."""

    min_frames: int = 20
    """Shortest window, in feature frames; 40 in the published layout."""
    max_frames: int = 196
    """Longest window, in feature frames."""
    mirror: bool = True
    """Whether every window has a mirrored copy."""
    captions: int = 6
    """Most captions of a window that the grammar writes."""
    seed: int = 0
    """Seed of the captions' choice of words."""
    spans: float = 2.0
    """Spans of timed phrases for each window of a training recording, where phrases are known."""
    long_captions: Literal["omit", "windows"] = "omit"
    """Captions without times of recordings that are cut into several windows: left out, or taken for every window
    whose measured motion does not contradict them."""
    grammar_captions: bool = False
    """Whether captions are also written from content labels and measured facts for recordings that have their own."""

    def __post_init__(self) -> None:
        if not 2 <= self.min_frames <= self.max_frames // 2 + 1:
            raise DataError(
                f"min_frames must lie in 2..{self.max_frames // 2 + 1} (half of max_frames), "
                f"got {self.min_frames}"
            )


@dataclass(frozen=True)
class Windows:
    """The windows of one recording."""

    features: Float[np.ndarray, "T 263"]
    """Features of all windows, one after the other, float32."""
    items: tuple[Item, ...]
    """Windows and mirrored copies; offsets count from the recording's first row, the split is still `train`."""
    notes: tuple[str, ...] = ()
    """What a user should know: frames dropped, samples repaired."""
    unused: Mapping[str, int] = field(default_factory=dict)
    """Number of captions that belong to no window, by reason."""


@dataclass(frozen=True)
class Cut:
    """A part of a recording that becomes a window."""

    number: int
    """Number of the window within its recording."""
    start: int
    """First frame within the recording."""
    offset: int
    """First row within the recording's features."""
    captions: tuple[TimedCaption, ...]
    """Captions of the part, as its data set gives them."""


def cut_recording(recording: Recording, config: WindowConfig) -> Windows:
    """All windows of a recording of motion.

    Each window is on the floor by itself, as a clip of its own would be, and shares its last frame of joints
    with the next window, so no frame of features is lost.

    Raises:
        MotionFileError: the file cannot be read.
        DataError: it is shorter than the shortest window.
    """
    joints, notes = _clean_joints(recording)
    if len(joints) - 1 < config.min_frames:
        raise DataError(
            f"{recording.path}: {len(joints) - 1} frames at {FPS} fps, expected {config.min_frames} or more"
        )
    bounds = window_bounds(len(joints) - 1, config.max_frames)
    captions, unused = _captions_by_window(recording, bounds, config)
    parts, items, offset = [], [], 0
    for number, (start, end) in enumerate(bounds):
        features = encode_clip(joints[start : end + 1])
        cut = Cut(number, start, offset, captions[number])
        items += describe_window(recording, features, config, cut, unused, check=len(bounds) > 1)
        parts.append(features)
        offset += len(features)
    used = {caption for item in items for caption in item.captions}
    if config.long_captions == "windows" and len(bounds) > 1 and not config.grammar_captions:
        unused[CONTRADICTED] += sum(c.is_whole and c.text not in used for c in recording.captions)
    return Windows(np.concatenate(parts), tuple(items), tuple(notes), +unused)


def describe_window(
    recording: Recording,
    features: Float[np.ndarray, "T 263"],
    config: WindowConfig,
    cut: Cut,
    unused: Counter[str],
    *,
    mirror: bool | None = None,
    check: bool = False,
) -> list[Item]:
    """The index entries of a window and of its mirrored copy, with facts measured on the features that readers get.

    Captions of the data set come before those of the grammar; `check` leaves out captions of the whole recording
    that the window's facts contradict. Captions that cannot be mirrored are counted in `unused`.
    """
    items = []
    measured = measure_facts(np.asarray(features_to_joints(features)))
    for mirrored in (False, True) if (config.mirror if mirror is None else mirror) else (False,):
        name = f"{recording.id}#{cut.number:02d}" + ("M" if mirrored else "")
        facts = measured.mirrored() if mirrored else measured
        description, tags = _describe(
            recording, facts, config, cut.captions, name, unused, check, mirrored=mirrored
        )
        items.append(
            Item(
                id=name,
                take=recording.take,
                split=recording.split or "train",
                source=recording.source,
                content=description.content,
                label=recording.label.content,
                style=recording.label.style,
                side=description.side,
                gait=description.gait,
                start=cut.start,
                num_frames=len(features),
                offset=cut.offset,
                mirrored=mirrored,
                text=description.text,
                captions=description.captions,
                licence=recording.licence,
                facts=facts.to_json(),
                tags=tags,
            )
        )
    return items


def cut_features(recording: Recording, config: WindowConfig) -> Windows:
    """All windows of a file of HumanML3D features: the whole, and each part that has captions of its own.

    As the published loader does, clips and parts of `min_frames` up to `max_frames` + 3 rows are windows, of which
    the first `max_frames` rows are taken; parts are cut at `int(seconds * 20)`. Longer clips, which it skips, are
    cut into several windows without captions.

    Raises:
        DataError, MotionFileError: the file holds no such features, or nothing in it is long enough.
    """
    features = load_features(recording.path)
    longest = config.max_frames + PUBLISHED_EXCESS
    if len(features) < config.min_frames:
        raise DataError(f"{recording.path}: {len(features)} rows, expected {config.min_frames} or more")
    unused: Counter[str] = Counter()
    parts: dict[tuple[int, int], list[TimedCaption]] = {}
    if len(features) > longest:
        parts = {bounds: [] for bounds in window_bounds(len(features), config.max_frames)}
        unused[f"the clip is longer than {longest} rows, which the published loader leaves out"] += len(
            recording.captions
        )
    else:
        parts[0, len(features)] = [caption for caption in recording.captions if caption.is_whole]
        for caption in recording.captions:
            if caption.is_whole:
                continue
            start = int(caption.start * FPS)
            end = len(features) if caption.end is None else min(len(features), int(caption.end * FPS))
            if config.min_frames <= end - start <= longest:
                parts.setdefault((start, end), []).append(caption)
            else:
                unused[PART_LENGTH] += 1
    items: list[Item] = []
    for number, ((start, end), captions) in enumerate(parts.items()):
        rows = features[start : min(end, start + config.max_frames)]
        cut = Cut(number, start, start, tuple(captions))
        items += describe_window(recording, rows, config, cut, unused, mirror=False)
    return Windows(features, tuple(items), unused=+unused)


def _clean_joints(recording: Recording) -> tuple[Float[np.ndarray, "T 22 3"], list[str]]:
    """The recording at 20 frames per second, without a rest pose and spikes, and notes on what was done."""
    reading = recording.reading
    options = ReadOptions(
        recording.skeleton, reading.joint_map, reading.unit, reading.up, reading.rate, reading.body_model
    )
    found = read_with_interpretation(recording.path, options)
    clip, notes = found.clip, list(found.interpretation.warnings)
    joints, dropped = trim_rest_pose(np.asarray(clip.joints), clip.fps)
    if dropped:
        notes.append(f"{dropped} frames of a rest pose at the start dropped")
    if recording.noisy:
        joints, repaired = repair_spikes(joints, clip.fps)
        if repaired:
            notes.append(f"{repaired} spikes repaired")
    return resample_joints(joints, clip.fps), notes


def _captions_by_window(
    recording: Recording, bounds: Sequence[tuple[int, int]], config: WindowConfig
) -> tuple[list[tuple[TimedCaption, ...]], Counter[str]]:
    """The captions of every window, and the number of captions that fit none, by reason."""
    found: list[list[TimedCaption]] = [[] for _ in bounds]
    unused: Counter[str] = Counter()
    for caption in recording.captions:
        if caption.is_whole:
            windows = (
                list(range(len(bounds))) if len(bounds) == 1 or config.long_captions == "windows" else []
            )
        else:
            windows = [i for i, (start, end) in enumerate(bounds) if _overlaps(caption, start, end)]
        for i in windows:
            found[i].append(caption)
        if not windows:
            unused[TOO_LONG if caption.is_whole else TOO_SHORT_PART] += 1
    return [tuple(captions) for captions in found], unused


def _overlaps(caption: TimedCaption, start: int, end: int) -> bool:
    """Whether a caption describes at least half of the frames of a window."""
    last = end / FPS if caption.end is None else caption.end
    shared = min(last, end / FPS) - max(caption.start, start / FPS)
    return shared >= 0.5 * (end - start) / FPS


def _describe(
    recording: Recording,
    facts: MotionFacts,
    config: WindowConfig,
    captions: Sequence[TimedCaption],
    name: str,
    unused: Counter[str],
    check: bool,
    *,
    mirrored: bool,
) -> tuple[Description, tuple[str, ...]]:
    """Captions of a window, its group, and the tagged words of its captions (of originals only)."""
    grammar = CaptionGrammar.load()
    if not recording.captions or config.grammar_captions:
        label = replace(recording.label, use_text=True) if recording.captions else recording.label
        rng = np.random.default_rng([config.seed, zlib.crc32(name.encode())])
        return grammar.describe(label, facts, rng, mirrored=mirrored, count=config.captions), ()
    pairs = [(mirror_caption(c.text) if mirrored else c.text, c) for c in captions]
    unused[NO_MIRROR] += sum(text is None for text, _ in pairs)
    kept = [
        (text, caption.tags)
        for text, caption in pairs
        if text is not None and not (check and caption.is_whole and is_contradicted(text, facts))
    ]
    kept = list(dict(kept).items())
    texts, tags = tuple(text for text, _ in kept), tuple(tags for _, tags in kept)
    group = grammar.group(recording.label)
    description = Description(group, "none", "none", texts, bool(texts) and recording.label.use_text)
    return description, () if mirrored or not any(tags) else tags
