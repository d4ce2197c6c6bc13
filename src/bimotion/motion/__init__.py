"""Clips of human motion: skeleton, rotations, kinematics and file formats."""

from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import JOINT_NAMES, NUM_JOINTS, PARENTS

__all__ = ["JOINT_NAMES", "NUM_JOINTS", "PARENTS", "Clip"]
