"""Whether a sentence comes out after a motion: `predict` by segments and by clips.

    python -m research.continued

Two seconds of standing, then four seconds of what a sentence says, for seeds 0 to 2; judged by the rules of
`bimotion adherence` on the new part. "Feet" is the mean speed of standing feet there.
"""

import numpy as np

import bimotion
from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.rules import holds
from bimotion.motion.clip import Clip
from bimotion.motion.quality import motion_quality

SENTENCES = {
    "walks forward": "walk_forward",
    "walks backward": "walk_backward",
    "runs forward": "run",
    "turns around": "turn_around",
    "jumps up": "jump",
    "crouches down": "squat",
    "sits down": "sit",
    "kicks with the right leg": "kick_right",
    "punches": "punch",
    "waves with the right hand": "wave_right",
    "raises both arms": "raise_both",
    "bends forward": "bend",
    "steps to the left": "sidestep_left",
    "climbs up some steps": "climb_up",
    "claps": "clap",
}

SECONDS, SEEDS = 4.0, 3


def main() -> None:
    """Print a table."""
    model = bimotion.load()
    stand = model.text_to_motion("a person stands still", seconds=2.0, seed=0)
    before = Clip(stand.joints, stand.fps)
    print("| way | right | feet, m/s |\n| --- | ---: | ---: |")
    for method, best in (("clips", None), ("segments", 1), ("segments", 8)):
        right, feet = [], []
        for text, rule in SENTENCES.items():
            for seed in range(SEEDS):
                clip = model.predict(before, text=text, seconds=SECONDS, seed=seed, method=method, best=best)
                new = np.asarray(clip.joints[len(before) :])
                right.append(holds(rule, Course(new)))
                feet.append(motion_quality(new).skating_speed)
        print(f"| {method}, {best or 1} | {np.mean(right):.2f} | {np.mean(feet):.2f} |")


if __name__ == "__main__":
    main()
