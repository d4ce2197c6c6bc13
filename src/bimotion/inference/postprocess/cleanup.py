"""Clean-up of generated motion: steady limbs, constant bone lengths, locked feet, joints on and above the floor.

Legend: T frames, J = 22 joints, F = 263 feature columns.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from bimotion.features.clips import features_to_clip
from bimotion.inference.postprocess.bones import uniform_body, with_bones
from bimotion.inference.postprocess.feet import plant_feet_of_clips, steady_root
from bimotion.inference.postprocess.floor import stand_on_floor
from bimotion.inference.postprocess.steady import steady_limbs
from bimotion.motion.clip import Clip


def clean_clip(features: Float[np.ndarray, "T 263"], caption: str = "", *, keep_path: bool = False) -> Clip:
    """The clip that generated features describe, on the uniform skeleton, its feet locked and no joint below the floor.

    Bones are rigid, so that files lose nothing. With `keep_path` the body keeps the positions of the features, even
    where its feet slide.
    """
    return clean_clips([features], [caption], keep_path=keep_path)[0]


def clean_clips(
    features: Sequence[Float[np.ndarray, "_ 263"]], captions: Sequence[str], *, keep_path: bool = False
) -> list[Clip]:
    """`clean_clip` of several clips; what concerns single frames is computed for all of them at once."""
    if not features:
        return []
    clips = [
        features_to_clip(each, caption=caption) for each, caption in zip(features, captions, strict=True)
    ]
    ends = np.cumsum([len(clip) for clip in clips])[:-1]
    steadied = np.concatenate([steady_limbs(clip.joints) for clip in clips])
    joints = np.split(with_bones(steadied, uniform_body()), ends)
    if not keep_path:
        joints = [steady_root(each, row) for each, row in zip(joints, features, strict=True)]
    joints = [stand_on_floor(each, row) for each, row in zip(joints, features, strict=True)]
    planted = plant_feet_of_clips(joints, features)
    return [replace(clip, joints=each) for clip, each in zip(clips, planted, strict=True)]
