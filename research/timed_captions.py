"""How well timed captions of recordings agree with phrases that people would write for the same moments.

    python -m research.timed_captions DATA [--without-phrases] [--half even|odd]

Validation recordings with timed phrases. Words: F1 of the words of both phrases (without articles and the like), mean
over time. Borders: found within half a second. Without phrases, `describe` cuts where the movement changes and captions
each part.
"""

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import bimotion
from bimotion.data.store import MotionStore
from bimotion.features.clips import features_to_clip
from bimotion.features.layout import FPS
from bimotion.inference.timeline import TimedPhrase
from research.moments import timed_takes

STEP = 4
"""Frames between two times at which phrases are compared."""

NEAR = 0.5
"""Seconds by which a border may be missed."""

_STOP = frozenset(
    re.findall("[a-z]+", "a an the and of to with in on at his her their its it person someone he she")
)


def words_f1(first: str, second: str) -> float:
    """F1 of two texts' words."""
    one, other = (
        Counter(word for word in re.findall(r"[a-z]+", text.lower()) if word not in _STOP)
        for text in (first, second)
    )
    shared = (one & other).total()
    return 2 * shared / (one.total() + other.total()) if shared else 0.0


def scores(found: Sequence[Sequence[TimedPhrase]], true: Sequence[Sequence[TimedPhrase]]) -> dict[str, float]:
    """Words and borders of the phrases of several recordings."""
    words, hits, found_borders, recalled, true_borders = [], 0, 0, 0, 0
    for mine, written in zip(found, true, strict=True):
        for time in np.arange(0, max(phrase.end for phrase in written), STEP / FPS):
            here = [phrase.text for phrase in mine if phrase.start <= time < phrase.end]
            there = [phrase.text for phrase in written if phrase.start <= time < phrase.end]
            if here and there:
                words.append(max(words_f1(here[0], text) for text in there))
        mine_at = [phrase.start for phrase in mine[1:]]
        written_at = sorted({phrase.start for phrase in written} - {0.0})
        hits += sum(any(abs(a - b) <= NEAR for b in written_at) for a in mine_at)
        recalled += sum(any(abs(a - b) <= NEAR for a in mine_at) for b in written_at)
        found_borders += len(mine_at)
        true_borders += len(written_at)
    return {
        "words": float(np.mean(words)),
        "borders, precision": hits / max(found_borders, 1),
        "borders, recall": recalled / max(true_borders, 1),
        "phrases": float(sum(map(len, found))),
        "phrases written": float(sum(map(len, true))),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--without-phrases", action="store_true")
    parser.add_argument("--half", choices=["even", "odd"])
    args = parser.parse_args()
    takes = [take for take in timed_takes(MotionStore.open(args.data), "val") if take.phrases]
    takes = takes if args.half is None else takes[args.half == "odd" :: 2]
    model = bimotion.load()
    if args.without_phrases:
        model.phrases = None
    true = [
        sorted(
            (
                TimedPhrase(text, start / FPS, end / FPS)
                for text, several in take.phrases.items()
                for start, end in several
            ),
            key=lambda phrase: phrase.start,
        )
        for take in takes
    ]
    found = [model.describe(features_to_clip(take.features)) for take in takes]
    for name, value in scores(found, true).items():
        print(f"{name}: {value:.2f}")


if __name__ == "__main__":
    main()
