"""Windows of recordings stored as joints with captions per window; nothing is repaired or resampled."""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from bimotion.captions.content_words import content_of_words
from bimotion.captions.facts import MotionFacts, measure_facts
from bimotion.captions.mirror import mirror_caption
from bimotion.data.clean import window_bounds
from bimotion.data.recording import Annotation, Recording
from bimotion.data.spans import spans_of
from bimotion.data.store import Event, Item
from bimotion.data.windows import NO_MIRROR, WindowConfig, Windows
from bimotion.errors import DataError
from bimotion.features import features_to_joints
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.layout import FPS
from bimotion.motion.clip import MAX_DISTANCE
from bimotion.motion.skeleton import NUM_JOINTS
from bimotion.storage.arrays import map_array, read_array_header

HALF_MILLIMETRE = 0.0005
OTHER_PARTS = "they describe other windows than the equal parts of their recording"


def read_rows(recording: Recording) -> Float[np.ndarray, "T 22 3"]:
    """Joints of a recording in metres, float64.

    Raises:
        DataError: the array has another shape, or fewer rows than the recording needs.
    """
    assert recording.rows is not None
    offset, frames = recording.rows
    dtype = read_array_header(recording.path).dtype
    if dtype != np.int16 and dtype.kind != "f":
        raise DataError(f"{recording.path}: expected positions in floating point or int16, got {dtype}")
    array = map_array(recording.path, dtype=dtype, columns=(NUM_JOINTS, 3))
    if len(array) < offset + frames:
        raise DataError(
            f"{recording.path}: expected joints of shape (N, 22, 3) with N of at least {offset + frames}, "
            f"got {array.shape}"
        )
    rows = np.asarray(array[offset : offset + frames])
    if rows.dtype == np.int16:
        return np.cumsum(rows, axis=0, dtype=np.int32) * HALF_MILLIMETRE
    if not (np.abs(rows) <= MAX_DISTANCE).all():  # NaN included
        raise DataError(
            f"{recording.path}: {recording.id} has positions that are not finite, or exceed {MAX_DISTANCE:g} m"
        )
    return rows.astype(np.float64)


def cut_annotated(recording: Recording, config: WindowConfig) -> Windows:
    """The recording in equal parts that share a frame, its reference windows, and spans of its timed phrases.

    Parts take the captions that were written for just these frames; parts without any are motion only. Spans are
    made of training recordings only.

    Raises:
        DataError: the array does not hold the recording, or it is shorter than the shortest window.
    """
    joints = read_rows(recording)
    if len(joints) - 1 < config.min_frames:
        raise DataError(
            f"{recording.id}: {len(joints) - 1} frames at {FPS} fps, expected {config.min_frames} or more"
        )
    written = {(at.start, at.end): at for at in recording.annotations if not at.reference}
    bounds = window_bounds(len(joints) - 1, config.max_frames)
    windows = [(f"{number:02d}", written.get(b, Annotation(*b))) for number, b in enumerate(bounds)]
    unused = set(written) - set(bounds)
    references = [at for at in recording.annotations if at.reference]
    windows += [(f"r{number:02d}", _shortened(at, config.max_frames)) for number, at in enumerate(references)]
    if recording.split == "train" and config.spans:
        rng = np.random.default_rng([config.seed, zlib.crc32(recording.id.encode())])
        spans = spans_of(
            recording.annotations,
            round(config.spans * len(bounds)),
            rng,
            shortest=config.min_frames,
            longest=config.max_frames,
        )
        windows += [(f"s{number:02d}", at) for number, at in enumerate(spans)]
    parts, items, offset = [], [], 0
    for name, at in windows:
        if not config.min_frames <= at.end - at.start or at.end >= len(joints):
            continue
        features = encode_clip(joints[at.start : at.end + 1])
        facts = measure_facts(np.asarray(features_to_joints(features)))
        original = _item(recording, f"{recording.id}#{name}", at, facts, (offset, len(features)))
        items += [original, _mirrored(original, facts)] if config.mirror else [original]
        parts.append(features)
        offset += len(features)
    left_out = {
        OTHER_PARTS: sum(len(written[bounds].captions) for bounds in unused),
        NO_MIRROR: _num_captions(items, mirrored=False) - _num_captions(items, mirrored=True)
        if config.mirror
        else 0,
    }
    left_out = {reason: count for reason, count in left_out.items() if count}
    return Windows(np.concatenate(parts), tuple(items), unused=left_out)


def _num_captions(items: Sequence[Item], *, mirrored: bool) -> int:
    return sum(len(item.captions) for item in items if item.mirrored is mirrored)


def _shortened(at: Annotation, longest: int) -> Annotation:
    return Annotation(at.start, min(at.end, at.start + longest), at.captions, at.events, at.reference)


def _item(recording: Recording, name: str, at: Annotation, facts: MotionFacts, rows: tuple[int, int]) -> Item:
    """The index entry of a window; `rows`: its offset and length in the features."""
    phrases = [event.text for event in at.events]
    return Item(
        id=name,
        take=recording.take,
        split=recording.split or "train",
        source=recording.source,
        content=content_of_words((*at.captions[:1], recording.label.content, *at.captions[1:], *phrases)),
        label=recording.label.content,
        style="none",
        side="none",
        gait="none",
        start=at.start,
        num_frames=rows[1],
        offset=rows[0],
        mirrored=False,
        text=bool(at.captions),
        captions=at.captions,
        licence=recording.licence,
        facts=facts.to_json(),
        events=tuple(Event(event.start, event.end or 0.0, event.text) for event in at.events),
    )


def _mirrored(item: Item, facts: MotionFacts) -> Item:
    """The index entry of a window's mirrored copy; captions and phrases that cannot be mirrored are left out."""
    captions = tuple(text for caption in item.captions if (text := mirror_caption(caption)) is not None)
    phrases = [(start, end, mirror_caption(text)) for start, end, text in item.events]
    return replace(
        item,
        id=item.id + "M",
        mirrored=True,
        text=bool(captions),
        captions=captions,
        facts=facts.mirrored().to_json(),
        events=tuple(Event(start, end, text) for start, end, text in phrases if text is not None),
    )
