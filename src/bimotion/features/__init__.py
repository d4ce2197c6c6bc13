"""HumanML3D features: layout, encoding from joints, decoding to joints, normalisation."""

from bimotion.features.decode import features_to_joints, features_to_root
from bimotion.features.encode import clips_to_features, joints_to_features
from bimotion.features.layout import FEATURE_DIM, FPS
from bimotion.features.normalise import FeatureStats

__all__ = [
    "FEATURE_DIM",
    "FPS",
    "FeatureStats",
    "clips_to_features",
    "features_to_joints",
    "features_to_root",
    "joints_to_features",
]
