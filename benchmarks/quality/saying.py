"""Motion to text: does the caption name what the person does, and the side?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.quality.classifier import scores
from benchmarks.quality.making import counted, progress
from bimotion.captions.claims import false_claims
from bimotion.captions.contents import Side
from bimotion.captions.facts import measure_facts
from bimotion.captions.mentions import content_of, side_of
from bimotion.data.store import Item, MotionStore
from bimotion.features import features_to_joints
from bimotion.features.clips import features_to_clip
from bimotion.inference.model import BATCH, MotionLanguageModel


def say_motions(model: MotionLanguageModel, store: MotionStore, items: Sequence[Item]) -> list[str]:
    """The model's caption of each window, as users get it: from a clip."""
    said: list[str] = []
    for start in range(0, len(items), BATCH):
        clips = [features_to_clip(store.features(item)) for item in items[start : start + BATCH]]
        said += model.motion_to_text(clips)
        progress("motion to text", len(said), len(items))
    return said


def motion_to_text(items: Sequence[Item], said: Sequence[str], store: MotionStore) -> dict[str, Any]:
    """Content and side of captions; `*_of_written`: what the same rules read in the windows' own first captions."""
    wanted = [item.content for item in items]
    written = [item.captions[0] for item in items]
    return {
        "content": scores(wanted, [str(content_of(caption)) for caption in said]),
        "content_of_written": scores(wanted, [str(content_of(caption)) for caption in written]),
        "side": said_sides(items, said),
        "side_of_written": said_sides(items, written),
        "true": counted(
            [not _untrue(item, caption, store) for item, caption in zip(items, said, strict=True)]
        ),
        "different": len(set(said)),
        "ended": counted([caption.endswith(".") and caption.count(".") == 1 for caption in said]),
        "failures": [
            {"id": item.id, "said": caption, "read": content_of(caption), "content": item.content}
            for item, caption in zip(items, said, strict=True)
            if content_of(caption) != item.content
        ],
        "untrue": [
            {"id": item.id, "said": caption, "words": words}
            for item, caption in zip(items, said, strict=True)
            if (words := _untrue(item, caption, store))
        ],
    }


def said_sides(items: Sequence[Item], said: Sequence[str]) -> dict[str, Any]:
    """Share of captions that name the window's side, where all of its own captions name one; as for motions."""
    rows = [
        (item, item.side, side_of(caption), caption)
        for item, caption in zip(items, said, strict=True)
        if item.side != "none"
    ]
    sided = [row for row in rows if row[1] != "both"]
    opposite: dict[Side, Side] = {"left": "right", "right": "left"}
    return {
        "left_or_right": counted([want == got for _, want, got, _ in sided]),
        "opposite": sum(got == opposite[want] for _, want, got, _ in sided),
        "both": counted([want == got for _, want, got, _ in rows if want == "both"]),
        "per_content": {
            content: counted([want == got for item, want, got, _ in sided if item.content == content])
            for content in dict.fromkeys(row[0].content for row in sided)
        },
        "failures": [
            {"id": item.id, "said": caption, "side": want} for item, want, got, caption in rows if want != got
        ],
    }


def _untrue(item: Item, caption: str, store: MotionStore) -> list[str]:
    facts = item.motion_facts() or measure_facts(np.asarray(features_to_joints(store.features(item))))
    return false_claims(caption, facts, item.content, item.gait)
