"""Clean-up of generated motion: constant bone lengths, locked feet, joints on and above the floor.

Legend: T frames, J = 22 joints, F = 263 feature columns.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from bimotion.features.clips import features_to_clip
from bimotion.features.mirror import symmetric_skeleton
from bimotion.inference.postprocess.bones import with_bones
from bimotion.inference.postprocess.feet import plant_feet, steady_root
from bimotion.inference.postprocess.floor import stand_on_floor
from bimotion.motion.clip import Clip


def clean_clip(features: Float[np.ndarray, "T 263"], caption: str = "", *, keep_path: bool = False) -> Clip:
    """The clip that generated features describe, on the uniform skeleton, its feet locked and no joint below the floor.

    Bones are rigid, so that files lose nothing. With `keep_path` the body keeps the positions of the features, even
    where its feet slide.
    """
    clip = features_to_clip(features, caption=caption)
    joints = with_bones(clip.joints, symmetric_skeleton())
    if not keep_path:
        joints = steady_root(joints, features)
    joints = stand_on_floor(joints, features)
    return replace(clip, joints=plant_feet(joints, features))
