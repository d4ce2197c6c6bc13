"""Clips of human motion: skeleton, rotations, kinematics and the files they live in."""

from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import JOINT_NAMES, NUM_JOINTS, PARENTS

__all__ = ["JOINT_NAMES", "NUM_JOINTS", "PARENTS", "Clip"]
