"""Text to human motion and human motion to text.

>>> import bimotion
>>> model = bimotion.load()
>>> clip = model.text_to_motion("a person waves with the right hand", seed=0)
>>> bimotion.save_clip(clip, "wave.bvh")
>>> model.motion_to_text(bimotion.read_clip("wave.bvh"))
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bimotion.api import load, read_clip, retarget, save_clip
    from bimotion.errors import BimotionError, ConfigError, DataError, ModelError, MotionFileError
    from bimotion.inference.controls import Key
    from bimotion.inference.model import MotionLanguageModel
    from bimotion.motion.clip import Clip
    from bimotion.search.library import Library

__version__ = "0.2.0"

__all__ = [
    "BimotionError",
    "Clip",
    "ConfigError",
    "DataError",
    "Key",
    "Library",
    "ModelError",
    "MotionFileError",
    "MotionLanguageModel",
    "load",
    "read_clip",
    "retarget",
    "save_clip",
]

# Where each name lives: modules load when a name of theirs is first used, so that `import bimotion` stays quick.
_HOMES = {
    "BimotionError": "bimotion.errors",
    "Clip": "bimotion.motion.clip",
    "ConfigError": "bimotion.errors",
    "DataError": "bimotion.errors",
    "Key": "bimotion.inference.controls",
    "Library": "bimotion.search.library",
    "ModelError": "bimotion.errors",
    "MotionFileError": "bimotion.errors",
    "MotionLanguageModel": "bimotion.inference.model",
    "load": "bimotion.api",
    "read_clip": "bimotion.api",
    "retarget": "bimotion.api",
    "save_clip": "bimotion.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'bimotion' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
