"""Frames per second of encoding joints to features and of decoding them.

    python benchmarks/features_speed.py [--repeats 7] [--threads 1]

Prints the best and the median of several repeats by the clock, and the median by the CPU time that was used, which
hardly depends on what else the machine is doing; its load is printed too. Motion is made up, so nothing but the
package is needed.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from bimotion.features import clips_to_features, features_to_joints, joints_to_features
from bimotion.motion.skeleton import PARENTS, TARGET_OFFSETS

NUM_CLIPS, NUM_FRAMES = 32, 197


def synthetic_motion(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """Joints (T, 22, 3) whose bones swing as they like while the root walks."""
    at = np.arange(num_frames)[:, None, None] / 20
    swing = 0.35 * np.sin(rng.uniform(1, 4, (22, 3)) * at + rng.uniform(0, 6, (22, 3)))
    length = np.linalg.norm(TARGET_OFFSETS, axis=-1, keepdims=True)
    bones = TARGET_OFFSETS / np.maximum(length, 1e-9) + swing
    bones *= length / np.linalg.norm(bones, axis=-1, keepdims=True)
    joints = np.zeros((num_frames, 22, 3))
    joints[:, 0] = at[:, 0] * [0.8, 0, 0.5] + [0, 0.9, 0]
    for joint in range(1, 22):
        joints[:, joint] = joints[:, PARENTS[joint]] + bones[:, joint]
    return joints.astype(np.float32)


def frames_per_second(work: Callable[[], object], frames: int, repeats: int) -> tuple[float, float, float]:
    """Best and median by the clock, median by CPU time, after one run that is not counted."""
    work()
    clock, cpu = [], []
    for _ in range(repeats):
        start, start_cpu = time.perf_counter(), time.process_time()
        work()
        clock.append(frames / (time.perf_counter() - start))
        cpu.append(frames / (time.process_time() - start_cpu))
    return max(clock), statistics.median(clock), statistics.median(cpu)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    rng = np.random.default_rng(0)
    clips = np.stack([synthetic_motion(rng, NUM_FRAMES) for _ in range(NUM_CLIPS)])
    unequal = [clip[:n] for clip, n in zip(clips, rng.integers(21, NUM_FRAMES + 1, NUM_CLIPS), strict=True)]
    features = joints_to_features(clips)
    joints_torch, features_torch = torch.from_numpy(clips), torch.from_numpy(features)
    frames = NUM_CLIPS * NUM_FRAMES
    work: dict[str, tuple[Callable[[], object], int]] = {
        "encode numpy": (lambda: joints_to_features(clips), frames),
        "encode numpy, one clip": (lambda: joints_to_features(clips[0]), NUM_FRAMES),
        "encode numpy, unequal lengths": (lambda: clips_to_features(unequal), sum(map(len, unequal))),
        "encode numpy, compatible": (lambda: joints_to_features(clips, compatible=True), frames),
        "encode torch": (lambda: joints_to_features(joints_torch), frames),
        "decode numpy": (lambda: features_to_joints(features), frames - NUM_CLIPS),
        "decode numpy, one clip": (lambda: features_to_joints(features[0]), NUM_FRAMES - 1),
        "decode torch": (lambda: features_to_joints(features_torch), frames - NUM_CLIPS),
    }
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{NUM_CLIPS} clips of {NUM_FRAMES} frames; torch threads {args.threads}; load {load}")
    print(f"{'frames a second':32}{'best':>12}{'median':>12}{'per CPU s':>12}")
    for name, (run, count) in work.items():
        speeds = frames_per_second(run, count, args.repeats)
        print(f"{name:32}" + "".join(f"{speed:12,.0f}" for speed in speeds))


if __name__ == "__main__":
    main()
