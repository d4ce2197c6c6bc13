"""How well the rules of `bimotion.captions.mentions` read the captions of a data set.

    python -m benchmarks.quality.words DATA [--captions 20]

They are to name the window's content in 99 %.
"""

import argparse
from collections import Counter, defaultdict
from pathlib import Path

from bimotion.captions.mentions import content_of
from bimotion.data.store import MotionStore


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--captions", type=int, default=20, help="misread captions to print")
    args = parser.parse_args()
    meant: dict[str, set[str]] = defaultdict(set)
    for item in MotionStore.open(args.data).items(text=True):
        for caption in item.captions:
            meant[caption].add(item.content)
    wrong = [
        (caption, contents) for caption, contents in meant.items() if content_of(caption) not in contents
    ]
    count = Counter(content for contents in meant.values() for content in contents)
    missed = Counter(content for _, contents in wrong for content in contents)
    print(f"{len(meant)} different captions, {1 - len(wrong) / len(meant):.2%} read rightly")
    print("  " + "  ".join(f"{name} {count[name] - missed[name]}/{count[name]}" for name in count))
    several = [caption for caption, contents in meant.items() if len(contents) > 1]
    print(f"{len(several)} captions stand under more than one content, such as: {several[:3]}")
    for caption, contents in wrong[: args.captions]:
        print(f"  {'/'.join(sorted(contents))} read as {content_of(caption)}: {caption}")


if __name__ == "__main__":
    main()
