"""How well single words find recordings: the share of the nearest five whose content is the one that the word names.

    python -m benchmarks.search_words DATA [--evaluator FOLDER]

The words are searched for as they are, and as `bimotion search` looks for them, among the test windows of DATA.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bimotion.data.store import MotionStore
from bimotion.evaluators.embedding import read_embedder
from bimotion.search.library import as_sentence

WORDS = {
    "wave": ("waves", "wave", "waving", "a wave"),
    "walk": ("walk", "walks", "walking"),
    "run": ("run", "runs", "running", "jog"),
    "turn": ("turn", "turns"),
    "raise": ("raise", "hands up"),
    "jump": ("jump", "jumps", "jumping"),
    "dance": ("dance", "dancing", "ballet"),
    "salsa": ("salsa",),
    "bow": ("bow", "bows"),
    "kick": ("kick", "kicks"),
    "punch": ("punch", "boxing"),
    "sword": ("sword",),
    "basketball": ("basketball", "dribble"),
    "wash": ("washing", "wash window"),
    "signals": ("signals", "traffic police"),
    "martial": ("karate", "martial arts"),
    "soccer": ("soccer",),
    "walk-back": ("backwards", "walk backwards"),
}
NEAREST = 5


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--evaluator", type=Path)
    args = parser.parse_args()
    store, embedder = MotionStore.open(args.data), read_embedder(args.evaluator)
    items = store.items("test", mirrored=False)
    points = embedder.embed_motions([store.features(item) for item in items])
    contents = np.array([item.content for item in items])

    def found(form: Callable[[str], str]) -> float:
        shares = []
        for content, words in WORDS.items():
            count = min(NEAREST, int((contents == content).sum()))
            for wanted in embedder.embed_texts([form(word) for word in words]) if count else ():
                nearest = np.argsort(-(points @ wanted), kind="stable")[:count]
                shares.append((contents[nearest] == content).mean())
        return float(np.mean(shares))

    print(f"as they are {found(str):.3f}, as sentences {found(as_sentence):.3f}")


if __name__ == "__main__":
    main()
