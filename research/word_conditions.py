"""Where words get lost on the way from a caption to a motion: pairs of captions that differ in one word.

    python -m research.word_conditions MODEL [MODEL ...]

For pairs of captions that differ in one property, and for pairs of different actions, prints the distance between the
hidden states that condition the diffusion head, and between the motions that it generates from the same noise (joints
in the world) at guidance 1, 2 and 4. Values are medians over the pairs, relative to the median over pairs of different
actions. A word is lost before the head where the states do not differ, and in the head where only the motions do not.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import bimotion
from bimotion.features import features_to_joints
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.prompts import motion_of_text

FRAMES = 100
GUIDANCE = (1.0, 2.0, 4.0)
SEEDS = 2

PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "action": (
        ("a person walks forward", "a person waves with the right hand"),
        ("someone kicks with the left leg", "someone bows"),
        ("a man runs in a straight line", "a man throws a punch"),
        ("a person jumps in the air", "a person walks in a circle"),
        ("a person raises both hands", "a person dances"),
        ("a person turns around", "a person jumps forward"),
    ),
    "side": (
        ("a person waves with the left hand", "a person waves with the right hand"),
        ("a person kicks with the left leg", "a person kicks with the right leg"),
        ("a person turns to the left", "a person turns to the right"),
        ("someone raises the left arm", "someone raises the right arm"),
        ("a person walks and turns left", "a person walks and turns right"),
        ("a person steps to the left", "a person steps to the right"),
    ),
    "speed": (
        ("a person walks slowly", "a person walks very fast"),
        ("a person waves slowly", "a person waves quickly"),
        ("someone runs slowly", "someone runs at full speed"),
        ("a person turns around slowly", "a person turns around quickly"),
        ("a person bows slowly", "a person bows quickly"),
        ("a man walks at a leisurely pace", "a man walks briskly"),
    ),
    "amount": (
        ("a person makes a quarter turn", "a person makes a full turn"),
        ("a person takes two steps forward", "a person takes eight steps forward"),
        ("a person walks one metre", "a person walks five metres"),
        ("a person turns 90 degrees", "a person turns 360 degrees"),
        ("a person bows slightly", "a person bows deeply"),
        ("a person makes a small jump", "a person makes a huge jump"),
    ),
    "count": (
        ("a person jumps once", "a person jumps four times"),
        ("a person waves once", "a person waves many times"),
        ("a person kicks once", "a person kicks three times"),
        ("someone bows once", "someone bows twice"),
        ("a person claps once", "a person claps five times"),
        ("a person punches once", "a person punches four times"),
    ),
    "direction": (
        ("a person walks forward", "a person walks backward"),
        ("a person jumps forward", "a person jumps backward"),
        ("a person walks straight ahead", "a person walks in a circle"),
        ("someone runs forward", "someone runs backward"),
        ("a person steps forward", "a person steps sideways"),
        ("a person leans forward", "a person leans back"),
    ),
    "style": (
        ("a person walks", "a person walks like an old man"),
        ("a person walks", "a person walks happily"),
        ("a person walks", "a person limps"),
        ("a person walks", "a person sneaks"),
        ("a person walks", "a person marches"),
        ("a person runs", "a person runs with raised arms"),
    ),
    "order": (
        ("a person walks and then jumps", "a person jumps and then walks"),
        ("a person waves, then turns around", "a person turns around, then waves"),
        ("a person bows and then walks", "a person walks and then bows"),
        ("a person kicks, then punches", "a person punches, then kicks"),
        ("a person stands, then runs", "a person runs, then stands"),
        ("a person jumps, then sits down", "a person sits down, then jumps"),
    ),
}
"""Pairs of captions by what they differ in."""


def main() -> None:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", help="model folders, or `embedded`")
    for name in parser.parse_args().models:
        model = bimotion.load(None if name == "embedded" else name)
        print(
            f"\n{Path(name).name}\n\n| differs in | states | "
            + " | ".join(f"motion, {g:g}" for g in GUIDANCE)
            + " |"
        )
        print("| --- |" + " ---: |" * (1 + len(GUIDANCE)))
        rows = {kind: distances(model, pairs) for kind, pairs in PAIRS.items()}
        for kind, values in rows.items():
            shares = values / rows["action"]
            print(f"| {kind} | " + " | ".join(f"{share:.2f}" for share in shares) + " |")


@torch.inference_mode()
def distances(model: MotionLanguageModel, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Median distances of states, and of motions at each guidance."""
    conditions = [states(model, [pair[side] for pair in pairs]) for side in (0, 1)]
    apart = (conditions[0] - conditions[1]).flatten(1).norm(dim=1).median()
    found = [float(apart)]
    for guidance in GUIDANCE:
        motions = [joints(model, condition, guidance) for condition in conditions]
        error = np.linalg.norm(motions[0] - motions[1], axis=-1).mean((1, 2))
        found.append(float(np.median(error)))
    return np.array(found)


def states(model: MotionLanguageModel, captions: Sequence[str]) -> Tensor:
    """Hidden states at the slots of each caption's motion."""
    network = model.network
    frames = FRAMES if model.length_in_prompt else None
    limit = network.config.mixture.max_positions
    requests = [motion_of_text(model.tokenizer, caption, limit, frames) for caption in captions]
    return network.condition(network.batch(requests))


def joints(model: MotionLanguageModel, condition: Tensor, guidance: float) -> np.ndarray:
    """Joints that the head makes of each condition, for some seeds: (B * seeds, frames, 22, 3)."""
    network, generated = model.network, []
    for seed in range(SEEDS):
        generators = [torch.Generator().manual_seed(100 * seed + row) for row in range(len(condition))]
        x0 = network.head.sample(condition, guidance_scale=guidance, generator=generators)
        latents = x0.view(len(x0), *network.config.latent_shape)
        features = network.decode(latents, torch.full((len(x0),), FRAMES)).numpy()
        for clip in features:
            generated.append(features_to_joints(model.stats.denormalise(clip)))
    return np.stack(generated)


if __name__ == "__main__":
    main()
