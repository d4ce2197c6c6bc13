"""From a recording to its windows: read, clean, cut, measure, describe. Runs in the workers of `prepare`."""

import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.captions.facts import measure_facts
from bimotion.captions.grammar import CaptionGrammar, Description
from bimotion.captions.sides import swap_sides
from bimotion.data.clean import repair_spikes, resample_joints, trim_rest_pose, window_bounds
from bimotion.data.recording import Recording, TimedCaption
from bimotion.data.store import Item
from bimotion.errors import DataError
from bimotion.features import features_to_joints
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.layout import FEATURE_DIM, FPS
from bimotion.features.mirror import mirror_features
from bimotion.motion.formats import read_motion


@dataclass(frozen=True)
class WindowConfig:
    """How recordings are cut and described."""

    min_frames: int = 20
    """Shortest window, in feature frames; 40 in the published layout."""
    max_frames: int = 196
    """Longest window, in feature frames."""
    mirror: bool = True
    """Whether every window has a mirror image."""
    captions: int = 6
    """Captions of a window, at most."""
    seed: int = 0
    """Seed of the captions' choice of words."""
    spans: float = 2.0
    """Spans of timed phrases for each window of a training recording, where phrases are known."""

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
    """Windows and mirror images; offsets count from the recording's first row, the split is still `train`."""
    notes: tuple[str, ...] = ()
    """What a user should know: frames dropped, samples repaired, captions not used."""


def cut_recording(recording: Recording, config: WindowConfig) -> Windows:
    """All windows of a recording of motion.

    Each window is on the floor by itself, as a clip of its own would be, and shares its last frame of joints
    with the next window, so no frame of features is lost.

    Raises:
        MotionFileError: the file cannot be read.
        DataError: it is shorter than the shortest window.
    """
    reading = recording.reading
    clip = read_motion(
        recording.path,
        skeleton=recording.skeleton,
        joint_map=reading.joint_map,
        unit=reading.unit,
        body_model=reading.body_model,
    )
    joints, notes = np.asarray(clip.joints), []
    joints, dropped = trim_rest_pose(joints, clip.fps)
    if dropped:
        notes.append(f"{dropped} frames of a rest pose at the start dropped")
    if recording.noisy:
        joints, repaired = repair_spikes(joints, clip.fps)
        if repaired:
            notes.append(f"{repaired} spikes repaired")
    joints = resample_joints(joints, clip.fps)
    if len(joints) - 1 < config.min_frames:
        raise DataError(
            f"{recording.path}: {len(joints) - 1} frames at {FPS} fps, expected {config.min_frames} or more"
        )
    bounds = window_bounds(len(joints) - 1, config.max_frames)
    parts, items, offset = [], [], 0
    for number, (start, end) in enumerate(bounds):
        features = encode_clip(joints[start : end + 1])
        captions = _captions_between(recording, start, end, alone=len(bounds) == 1)
        if recording.captions and not captions:
            notes.append(f"no caption speaks of seconds {start / FPS:.1f} to {end / FPS:.1f}: motion only")
        for mirrored in (False, True) if config.mirror else (False,):
            items.append(
                describe_window(
                    recording, features, config, number, start, offset, captions, mirrored=mirrored
                )
            )
        parts.append(features)
        offset += len(features)
    return Windows(np.concatenate(parts), tuple(items), tuple(notes))


def describe_window(
    recording: Recording,
    features: Float[np.ndarray, "T 263"],
    config: WindowConfig,
    number: int,
    start: int,
    offset: int,
    captions: tuple[str, ...],
    *,
    mirrored: bool,
) -> Item:
    """The index entry of a window, or of its mirror image, with facts measured on what a reader will get.

    `captions` written by people stand in for the grammar's; the mirror image gets them with sides swapped.
    """
    name = f"{recording.id}#{number:02d}" + ("M" if mirrored else "")
    seen = mirror_features(features) if mirrored else features
    facts = measure_facts(np.asarray(features_to_joints(seen)))
    rng = np.random.default_rng([config.seed, zlib.crc32(name.encode())])
    grammar = CaptionGrammar.load()
    if recording.captions:
        said = tuple(swap_sides(text) if mirrored else text for text in captions)
        group = grammar.group(recording.label)
        description = Description(group, "none", "none", said, bool(said) and recording.label.use_text)
    else:
        description = grammar.describe(recording.label, facts, rng, mirrored=mirrored, count=config.captions)
    return Item(
        id=name,
        take=recording.take,
        split=recording.split or "train",
        source=recording.source,
        content=description.content,
        label=recording.label.content,
        style=recording.label.style,
        side=description.side,
        gait=description.gait,
        start=start,
        num_frames=len(features),
        offset=offset,
        mirrored=mirrored,
        text=description.text,
        captions=description.captions,
        licence=recording.licence,
        facts=facts.to_json(),
    )


def cut_features(recording: Recording, config: WindowConfig) -> Windows:
    """All windows of a file of HumanML3D features: the whole, and each part that has captions of its own.

    Parts are cut at `int(seconds * 20)`, as the published loader does. What is longer than the longest window
    is cut into several without captions.

    Raises:
        DataError: the file holds no features, or nothing in it is long enough.
    """
    try:
        features = np.load(recording.path, allow_pickle=False).astype(np.float32)
    except (OSError, ValueError) as error:
        raise DataError(f"{recording.path}: expected an array of HumanML3D features: {error}") from error
    if features.ndim != 2 or features.shape[1] != FEATURE_DIM or not np.isfinite(features).all():
        raise DataError(
            f"{recording.path}: expected finite features of shape (frames, {FEATURE_DIM}), "
            f"got {features.shape}"
        )
    whole = tuple(caption.text for caption in recording.captions if caption.is_whole)
    pieces: list[tuple[int, int, tuple[str, ...]]] = []
    if len(features) >= config.min_frames:
        bounds = window_bounds(len(features), config.max_frames)
        pieces = [(start, end, whole if len(bounds) == 1 else ()) for start, end in bounds]
    timed: dict[tuple[int, int], list[str]] = {}
    for caption in recording.captions:
        if not caption.is_whole:
            end = len(features) if caption.end is None else min(len(features), int(caption.end * FPS))
            timed.setdefault((int(caption.start * FPS), end), []).append(caption.text)
    pieces += [
        (start, end, tuple(texts))
        for (start, end), texts in timed.items()
        if config.min_frames <= end - start <= config.max_frames
    ]
    if not pieces:
        raise DataError(f"{recording.path}: {len(features)} frames, expected {config.min_frames} or more")
    items = []
    for number, (start, end, captions) in enumerate(pieces):
        item = describe_window(
            recording, features[start:end], config, number, start, start, captions, mirrored=False
        )
        items.append(item)
    return Windows(features, tuple(items))


def _captions_between(recording: Recording, start: int, end: int, *, alone: bool) -> tuple[str, ...]:
    """Captions true of the frames: those of the whole if it is one window, and those it mostly covers."""

    def overlaps(caption: TimedCaption) -> bool:
        if caption.is_whole:
            return alone
        last = end / FPS if caption.end is None else caption.end
        shared = min(last, end / FPS) - max(caption.start, start / FPS)
        return shared >= 0.5 * (end - start) / FPS

    return tuple(caption.text for caption in recording.captions if overlaps(caption))
