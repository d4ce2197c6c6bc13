"""Score another text-to-motion system by the same protocol as bimotion's own models.

bimotion evaluate --data DATA --export-prompts PROMPTS       # writes the captions, lengths and file names
python examples/evaluate_another_system.py PROMPTS           # here: a stand-in system that never moves
bimotion evaluate --data DATA --motions PROMPTS --out report
"""

import json
import sys
from pathlib import Path

import numpy as np

from bimotion.motion.skeleton import TARGET_OFFSETS


def still(frames: int) -> np.ndarray:
    """Joint positions (frames + 1, 22, 3) in metres of a body that stands still: replace this by your system."""
    from bimotion.motion.skeleton import PARENTS

    joints = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS[1:], start=1):
        joints[joint] = joints[parent] + TARGET_OFFSETS[joint]
    joints[:, 1] -= joints[:, 1].min()
    return np.repeat(joints[None].astype(np.float32), frames + 1, axis=0)


def main(folder: Path) -> None:
    """Write the motion of every prompt."""
    [prompts] = folder.glob("*.jsonl")
    for line in prompts.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        path = folder / row["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, still(row["frames"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
