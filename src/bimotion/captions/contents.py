"""Content groups: the classes of actions by which reports and balanced sampling count."""

from typing import Literal

Side = Literal["left", "right", "both", "none"]

_LABELS: dict[str, tuple[str, ...]] = {
    "walk": ("walk", "walking", "walking_extra", "slow walk", "brisk walk", "walk on uneven terrain"),
    "walk-back": ("walk-back",),
    "walk-side": ("walk-left", "walk-right"),
    "turn": ("walk-turn-left", "walk-turn-right", "turn-around"),
    "run": ("run", "dash", "running", "run/jog"),
    "bow": ("bow",),
    "wave": ("bye", "byebye", "wave-left-hand", "wave-right-hand", "wave-both-hands"),
    "raise": ("raise-up-left-hand", "raise-up-right-hand", "raise-up-both-hands"),
    "guide": ("guide",),
    "respond": ("respond",),
    "call": ("call",),
    "kick": ("kick",),
    "punch": ("punch", "punch/strike"),
    "sword": ("slash", "swordplay"),
    "martial": ("martial",),
    "dance": ("dance", "dance-short", "dance-long"),
    "salsa": ("salsa",),
    "indian-dance": ("indian",),
    "jump": ("jumping", "playground: forward jumps, turn around"),
    "basketball": ("basketball",),
    "soccer": ("soccer",),
    "signals": ("basketball_signal", "directing_traffic"),
    "wash": ("washwindow", "wash self"),
    "scoop": ("bend over, scoop up, rise, lift arm",),
    "climb": ("playground",),
}

OTHER = "other"
"""The group of recordings whose content no table names (own recordings, the published layout)."""

CONTENT_GROUPS: tuple[str, ...] = (*_LABELS, OTHER)
"""Every group, in the order in which reports list them."""

_GROUP_OF_LABEL = {label: group for group, labels in _LABELS.items() for label in labels}


def content_group(label: str) -> str:
    """The content group of a recording's label; `other` where the label is not known.

    Labels with a remark ("dance - small jetes, pirouette", "playground: climb") go by the part before it
    unless the whole label is in the table.
    """
    if label in _GROUP_OF_LABEL:
        return _GROUP_OF_LABEL[label]
    head = label.partition(" - ")[0].partition(": ")[0]
    return _GROUP_OF_LABEL.get(head, OTHER)
