"""A motion from a sentence, written for Blender (BVH), for the web (GLB) and as a page that plays it.

python examples/first_motion.py "a person waves with the right hand" OUT_FOLDER
"""

import sys
from pathlib import Path

import bimotion


def main(sentence: str, folder: Path) -> None:
    """Generate a motion and write it in three formats."""
    folder.mkdir(parents=True, exist_ok=True)
    model = bimotion.load()
    clip = model.text_to_motion(sentence, seed=0)
    for suffix in (".bvh", ".glb", ".html"):
        bimotion.save_clip(clip, folder / f"motion{suffix}")
    print(f"{clip.duration:.1f} s: {model.motion_to_text(clip)}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
