"""Motions as video files."""

from itertools import chain
from os import PathLike
from pathlib import Path

from bimotion.errors import ConfigError
from bimotion.motion.clip import Clip
from bimotion.render.pictures import VideoStyle, draw_frames, write_gif
from bimotion.storage.atomic import atomic_path


def write_video(
    clip: Clip,
    path: str | PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    style: VideoStyle | None = None,
) -> None:
    """Writes the moving picture of `draw_frames`, whole or not at all: H.264 in .mp4, or an animated .gif.

    Args:
        clip: The motion.
        path: Ends in .mp4 or .gif.
        size: Width and height in pixels, even numbers for .mp4; None takes 720 square, for .gif 400.
        fps: Pictures a second of .mp4; None keeps the clip's, up to 60.
        style: Camera, colours and overlays.

    Raises:
        ConfigError: Another suffix, an odd or too small size, or the extra `video` is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".gif":
        write_gif(clip, path, size=size or (400, 400), style=style)
        return
    if suffix != ".mp4":
        raise ConfigError(f"{path}: a video's name must end in .mp4 or .gif")
    width, height = size or (720, 720)
    if width % 2 or height % 2:
        raise ConfigError(f"the width and height of an .mp4 must be even, got {width} x {height}")
    try:
        import av
    except ImportError as missing:
        raise ConfigError(
            f"{path}: .mp4 needs the package av: `pip install 'bimotion[video]'`, or write .gif"
        ) from missing
    rate = max(round(min(clip.fps, 60.0) if fps is None else fps), 1)
    pictures = draw_frames(clip, size=(width, height), fps=float(rate), style=style)
    first = next(pictures)  # wrong settings are refused before the file is created
    with (
        atomic_path(path) as target,
        av.open(str(target), "w", options={"movflags": "faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in chain([first], pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
