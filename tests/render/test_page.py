import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimotion.errors import ConfigError
from bimotion.motion.clip import Clip
from bimotion.render.page import page_html, write_page
from tests.render.drawn_person import make_clip

WEB = Path(__file__).parents[2] / "web"
STATIC = Path(__file__).parents[2] / "src/bimotion/render/static"
NASTY = "</script><!-- <script> \"quoted\" 'it' & &amp; \u2028 \\u003c 挥手 😀"


class Scripts(HTMLParser):
    """The script elements of a page as a browser's parser splits them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append("")
        self.inside = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data


def data_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="bimotion-data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found.group(1))


def joints_of(clip: dict) -> np.ndarray:
    steps = np.frombuffer(base64.b64decode(clip["joints"]), "<u2").reshape(clip["frames"], 22, 3)
    return np.array(clip["origin"]) + steps * clip["step"]


def test_joints_come_back_to_a_tenth_of_a_millimetre() -> None:
    clip = make_clip(speed=6.0)
    back = joints_of(data_of(page_html([clip]))["clips"][0])
    floor = clip.joints[..., 1].min()
    np.testing.assert_allclose(back, clip.joints - np.array([0, floor, 0]), atol=1e-4)


def test_a_clip_without_extent_can_be_written() -> None:
    point = Clip(joints=np.full((1, 22, 3), 0.5, np.float32), fps=20.0)
    back = joints_of(data_of(page_html([point]))["clips"][0])
    np.testing.assert_allclose(back, np.broadcast_to([0.5, 0, 0.5], (1, 22, 3)), atol=1e-6)


def test_nothing_in_a_caption_ends_the_script() -> None:
    page = page_html([make_clip(caption=NASTY, name=NASTY)], title=NASTY)
    assert len(Scripts(page).scripts) == 2
    data = data_of(page)
    assert data["clips"][0]["caption"] == data["clips"][0]["name"] == NASTY
    assert NASTY not in page


@given(st.text())
def test_any_caption_comes_back(caption: str) -> None:
    page = page_html([make_clip(2, caption=caption)], downloads=False)
    assert data_of(page)["clips"][0]["caption"] == caption


def test_only_the_viewer_may_run_and_nothing_may_load() -> None:
    page = page_html([make_clip()])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    viewer = Scripts(page).scripts[1]
    digest = base64.b64encode(hashlib.sha256(viewer.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy.group(1)
    assert policy.group(1).startswith("default-src 'none'")
    assert not re.search(r'<(link|img|script|iframe)[^>]*(src|href)="(?!data:)', page)


def test_a_page_stays_below_a_megabyte() -> None:
    clips = [make_clip(196, caption="a person raises the left arm") for _ in range(3)]
    assert len(page_html(clips).encode()) < 1_000_000


def test_the_caption_is_the_title_of_a_single_clip() -> None:
    page = page_html([make_clip(caption="a <b> & c")])
    assert "<title>a &lt;b&gt; &amp; c</title>" in page
    assert data_of(page_html([make_clip(caption="waves")], title="waves"))["title"] == ""


def test_what_a_page_cannot_hold() -> None:
    with pytest.raises(ConfigError, match="at least one clip"):
        page_html([])
    with pytest.raises(ConfigError, match='"split" or "overlay", got "stacked"'):
        getattr(page_html, "__wrapped__", page_html)([make_clip()], layout="stacked")  # past type checks


def test_write_page_replaces_the_file_whole(tmp_path: Path) -> None:
    write_page([make_clip()], tmp_path / "a.html", title="first")
    write_page([make_clip()], str(tmp_path / "a.html"), title="second")
    assert "<title>second</title>" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.skipif(not WEB.is_dir(), reason="web/ is not part of a source distribution")
def test_the_viewer_is_built_from_the_sources_beside_it() -> None:
    digest = hashlib.sha256()
    for source in sorted((WEB / "src").iterdir(), key=lambda path: path.name):
        digest.update(source.read_bytes())
    for path in (STATIC / "body.json", WEB / "build.mjs", WEB / "package-lock.json"):
        digest.update(path.read_bytes())
    viewer = (STATIC / "viewer.js").read_text(encoding="utf-8")
    assert f"sources sha256: {digest.hexdigest()}" in viewer, "run `npm ci && npm run build` in web/"
    assert "The MIT License" in viewer[:3000]
    assert "three.js authors" in viewer[:3000]
