"""Quality of searching by sentences: precision, and searches for what a library does not hold.

    python -m research.search_quality DATA [--evaluator FOLDER] [--min-score P]

The library is the test split of DATA. A hit is right if one of its captions names the same action as the query, and the
same side where the query names one. Queries for which no window is right are left out. Queries of the second list are
used if no caption has a word of the same stem as their last column; everything that they find is wrong.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bimotion.captions.mentions import content_of, side_of
from bimotion.data.store import Item, MotionStore
from bimotion.evaluators.calibration import stems
from bimotion.evaluators.embedding import ContrastiveEmbedder, read_embedder
from bimotion.search.library import MIN_PROBABILITY, as_sentence

NEAREST = 5

WORDS = (
    *("waves", "waving", "walk", "walks", "walking", "run", "running", "jog", "turns", "raise", "hands up"),
    *(
        "jump",
        "jumping",
        "dance",
        "dancing",
        "salsa",
        "bow",
        "kick",
        "punch",
        "boxing",
        "sword",
        "basketball",
    ),
    *("dribble", "wash window", "traffic police", "karate", "martial arts", "soccer", "walk backwards"),
)
"""Queries of one or two words."""

SENTENCES = (
    *("a person waves with the left hand", "a person waves with the right hand", "someone waves goodbye"),
    *("a person waves both hands", "a man raises the right arm", "a person raises the left hand"),
    *(
        "somebody lifts both arms",
        "a person puts a hand up",
        "a person walks forward",
        "someone strolls along",
    ),
    *(
        "a tired person walks slowly",
        "a man walks quickly",
        "an old person walks",
        "a person walks backwards",
    ),
    *("a person walks sideways", "someone steps to the side", "a person walks and turns left"),
    *("a person turns to the right", "a person turns around", "a person walks in a circle", "a person runs"),
    *("a man jogs slowly", "someone sprints", "a person runs and turns", "a person jumps", "someone hops"),
    *("a person leaps forward", "a person dances", "a woman dances ballet", "someone dances salsa"),
    *("a person kicks with the right foot", "someone kicks", "a fighter kicks high", "a person punches"),
    *("a boxer throws punches", "a person does karate", "a martial artist fights", "a person swings a sword"),
    *("a person bows", "someone bends forward politely", "a person dribbles a basketball"),
    *(
        "a player shoots a basketball",
        "a person plays soccer",
        "someone kicks a ball",
        "a person washes a window",
    ),
    *("somebody cleans a window", "a policeman directs traffic", "a referee gives signals"),
    *("a person climbs a ladder", "a person picks something up from the floor", "a person shows the way"),
)
"""Fifty queries of several words."""

ABSENT = (
    ("a person swims", "swim"),
    ("a person rides a bicycle", "bicycle"),
    ("a person plays the piano", "piano"),
    ("someone does a cartwheel", "cartwheel"),
    ("a man does push-ups", "push"),
    ("a person skis downhill", "ski"),
    ("a person drives a car", "drive"),
    ("a person plays golf", "golf"),
    ("someone plays tennis", "tennis"),
    ("a person sleeps on a bed", "sleep"),
    ("a person crawls on hands and knees", "crawl"),
    ("a person does a handstand", "handstand"),
    ("a person rows a boat", "boat"),
    ("a dog barks", "dog"),
    ("a person eats soup with a spoon", "spoon"),
    ("a person types on a keyboard", "keyboard"),
    ("someone plays the guitar", "guitar"),
    ("a man lifts a heavy barbell", "barbell"),
    ("a person does a backflip", "backflip"),
    ("a person sits down on a chair", "chair"),
    ("a woman knits a sweater", "sweater"),
    ("a surgeon operates on a patient", "surgeon"),
    ("a person flies a kite", "kite"),
    ("a man shaves in front of a mirror", "shave"),
    ("a person irons a shirt", "iron"),
    ("a woman sews on a button", "sew"),
    ("a person digs a hole with a shovel", "shovel"),
    ("a person paddles a canoe", "canoe"),
    ("someone milks a cow", "cow"),
    ("a person plays the violin", "violin"),
    ("a person does a split leap on a balance beam", "beam"),
    ("a man chops wood with an axe", "axe"),
    ("a person skates on ice", "ice"),
    ("a person rocks a baby", "baby"),
    ("colourless green ideas sleep furiously", "idea"),
    ("qwertz uiop", "qwertz"),
)
"""Queries for which nothing exists, with the word that shows it."""


def is_right(query: str, item: Item) -> bool:
    """Whether a caption of a window names the action of a query, and its side."""
    side = side_of(query)
    return any(
        content_of(caption) == content_of(query) and (side == "none" or side_of(caption) == side)
        for caption in item.captions
    )


class Test:
    """A library of windows that is searched."""

    def __init__(self, items: Sequence[Item], embedder: ContrastiveEmbedder, store: MotionStore) -> None:
        self.items, self._embedder = items, embedder
        self._motion = embedder.embed_motions([store.features(item) for item in items])
        self._motion /= np.linalg.norm(self._motion, axis=1, keepdims=True)

    def search(self, query: str, min_score: float, form: Callable[[str], str] = as_sentence) -> list[int]:
        """Windows found, best first, at most `NEAREST`."""
        text = self._embedder.embed_texts([form(query)])[0]
        scores = self._motion @ text / np.linalg.norm(text)
        if (calibration := self._embedder.calibration) is not None:
            scores = calibration.probability(scores) * calibration.known_share(form(query))
        nearest = np.argsort(-scores, kind="stable")[:NEAREST]
        return [int(index) for index in nearest if scores[index] >= min_score]

    def precision(
        self, queries: Sequence[str], min_score: float, form: Callable[[str], str] = as_sentence
    ) -> str:
        """Precision of the hits, and how many queries have any."""
        shares, requested = [], 0
        for query in queries:
            right = {index for index, item in enumerate(self.items) if is_right(query, item)}
            if not right:
                continue
            requested += 1
            hits = self.search(query, min_score, form)[: max(len(right), 1)]
            if hits:
                shares.append(float(np.mean([hit in right for hit in hits])))
        return f"P@{NEAREST} {np.mean(shares) if shares else 0:.3f}, hits for {len(shares)} of {requested} queries"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--evaluator", type=Path)
    parser.add_argument("--min-score", type=float, default=MIN_PROBABILITY)
    args = parser.parse_args()
    store, embedder = MotionStore.open(args.data), read_embedder(args.evaluator)
    assert isinstance(embedder, ContrastiveEmbedder)
    test = Test(store.items("test", mirrored=False, text=True), embedder, store)
    print(f"{len(test.items)} windows; calibrated: {embedder.calibration is not None}")
    for name, queries in (("sentences", SENTENCES), ("one or two words", WORDS)):
        for limit in (-1.0, args.min_score):
            print(f"{name}, score of at least {limit:g}: {test.precision(queries, limit)}")
    print(f"one or two words as they are: {test.precision(WORDS, -1.0, str)}")
    known = set().union(*(stems(caption) for item in test.items for caption in item.captions))
    absent = [query for query, word in ABSENT if not stems(word) & known]
    found = [query for query in absent if test.search(query, args.min_score)]
    print(f"nothing exists for {len(absent)} queries, hits for {len(found)}: {'; '.join(found)}")


if __name__ == "__main__":
    main()
