"""The exceptions of bimotion: each says where, what was expected, what came and what to do about it."""


class BimotionError(Exception):
    """An input or a setting that cannot be used; the command line prints it as one line."""


class MotionFileError(BimotionError):
    """A motion file or the motion in it cannot be used."""


class ConfigError(BimotionError):
    """A setting lies outside what it may be."""


class DataError(BimotionError):
    """A data set on disk is missing, broken or of another kind."""


class ModelError(BimotionError):
    """A model folder or a checkpoint is missing, broken or does not fit."""
