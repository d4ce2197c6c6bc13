"""Web pages that play motions in 3D: one file that needs no network, viewer and data included.

Shapes: T frames, J joints.
"""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from bimotion.errors import ConfigError
from bimotion.motion.clip import Clip
from bimotion.render.body import floor_height
from bimotion.storage.atomic import atomic_path

Layout = Literal["split", "overlay"]
"""Arrangement of several clips on a page: each in its own view, or all in one."""

_MOST_DOWNLOADS = 12
"""Largest number of clips that a page offers as files: 50 KB each as BVH, 0.4 MB as GLB."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="generator" content="bimotion">
<link rel="icon" href="data:,">
<title>{title}</title>
</head>
<body>
<div id="bimotion"></div>
<noscript>This page plays {count} in 3D and needs JavaScript. {captions}</noscript>
<script type="application/json" id="bimotion-data">{data}</script>
<script>{viewer}</script>
</body>
</html>
"""


def page_html(
    clips: Sequence[Clip],
    *,
    title: str = "",
    layout: Layout = "split",
    autoplay: bool = True,
    labels: Sequence[str] = (),
    downloads: bool = True,
) -> str:
    """The text of a page that plays the clips together.

    Joints are stored in 16 bits: to 0.1 mm for a motion that spans 7 m. The floor of each clip is
    drawn under its feet (`body.floor_height`). A clip that is shorter than another restarts while the page loops, and
    otherwise holds its last pose.

    Args:
        clips: One or several, each shown with its name and caption.
        title: Heading and title of the page; without it, the caption or name of a single clip is the title.
        layout: "split" gives each clip a view of its own, "overlay" puts all into one.
        autoplay: Start playing when the page opens, unless the reader's system asks for reduced motion.
        labels: Origin of each clip's caption, such as "prompt" or "caption by the model".
        downloads: Offer each clip as BVH and, where it is the only one, as GLB; pages of more than twelve clips do
            not, for their size.

    Raises:
        ConfigError: No clip, or a layout that does not exist.
    """
    if not clips:
        raise ConfigError("a page needs at least one clip, got none")
    if layout not in ("split", "overlay"):
        raise ConfigError(f'layout must be "split" or "overlay", got "{layout}"')
    viewer = _viewer()
    digest = base64.b64encode(hashlib.sha256(viewer.encode()).digest()).decode()
    only = clips[0] if len(clips) == 1 else None
    suffixes: tuple[str, ...] = () if not downloads or len(clips) > _MOST_DOWNLOADS else ("bvh",)
    if suffixes and only is not None:
        suffixes = ("bvh", "glb")
    data = {
        # A single clip's caption and name stand below the heading: they are not repeated.
        "title": "" if only is not None and title in (only.caption, only.name) else title,
        "clips": [
            clip_data(clip, label) | {"files": _files(clip, suffixes)}
            for clip, label in zip(clips, [*labels, *[""] * (len(clips) - len(labels))], strict=True)
        ],
        "layout": layout,
        "autoplay": autoplay,
    }
    captions = [text for clip in clips if (text := clip.caption or clip.name)]
    heading = title or (captions[0] if len(clips) == 1 and captions else "Motion")
    return _PAGE.format(
        # The only script that may run is the viewer; nothing may be loaded from anywhere.
        policy=f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:",
        title=html.escape(heading),
        count="1 motion" if len(clips) == 1 else f"{len(clips)} motions",
        captions=html.escape(" / ".join(captions)),
        data=_script_json(data),
        viewer=viewer,
    )


def write_page(
    clips: Sequence[Clip],
    path: str | PathLike[str],
    *,
    title: str = "",
    layout: Layout = "split",
    autoplay: bool = True,
    labels: Sequence[str] = (),
    downloads: bool = True,
) -> None:
    """Writes the page of `page_html` to a file, whole or not at all.

    Raises:
        ConfigError: No clip, or a layout that does not exist.
    """
    text = page_html(clips, title=title, layout=layout, autoplay=autoplay, labels=labels, downloads=downloads)
    with atomic_path(Path(path)) as target:
        target.write_text(text, encoding="utf-8", newline="\n")


@cache
def _viewer() -> str:
    return (files("bimotion.render") / "static" / "viewer.js").read_text(encoding="utf-8")


def _files(clip: Clip, suffixes: tuple[str, ...]) -> dict[str, str]:
    """The clip as motion files, gzip in base64, by suffix."""
    from bimotion.motion.formats import write_motion

    packed = {}
    with TemporaryDirectory() as folder:
        for suffix in suffixes:
            path = Path(folder) / f"clip.{suffix}"
            write_motion(clip, path)
            packed[suffix] = base64.b64encode(gzip.compress(path.read_bytes(), mtime=0)).decode()
    return packed


def clip_data(clip: Clip, label: str) -> dict[str, object]:
    """A clip as JSON for the viewer; `label` is the origin of its caption."""
    joints = clip.joints.astype(np.float64)  # (T, J, 3)
    low = joints.min(axis=(0, 1))
    # One step for all axes. A clip that never moves and has no size would divide by zero.
    step = max(float((joints.max(axis=(0, 1)) - low).max()) / 65535, 1e-9)
    steps = np.round((joints - low) / step).astype("<u2")
    origin = low - [0.0, floor_height(clip), 0.0]
    return {
        "name": clip.name,
        "caption": clip.caption,
        "label": label,
        "fps": float(clip.fps),
        "frames": len(clip),
        "origin": [round(float(x), 6) for x in origin],
        "step": step,
        "joints": base64.b64encode(steps.tobytes()).decode(),
    }


def _script_json(data: object) -> str:
    """JSON that may stand in a script element: no character in it can end the element or open a comment."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
