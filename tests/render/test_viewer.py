"""The page in a real browser: headless Chromium opens it from the disk, plays it, and its pixels are read."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bimotion.motion.clip import Clip
from bimotion.render.page import write_page
from tests.render.drawn_person import make_clip

CHROMIUM = Path(os.environ.get("BIMOTION_CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--disable-gpu --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader --no-first-run",
    "--disable-quic --disable-background-networking --disable-component-update --disable-sync",
]
BLUE, ORANGE = (47, 122, 229), (238, 108, 44)


class Viewer:
    """An open page."""

    def __init__(self, page) -> None:
        self.page = page
        self.requested: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        # A script or a request that the page's own policy refuses is reported on the console.
        page.on("console", lambda output: self.errors.append(output.text) if output.type == "error" else None)

    def open(self, path: Path) -> "Viewer":
        self.page.goto(path.as_uri())
        self.until("window.bimotion && window.bimotion.ready")
        return self

    def until(self, condition: str) -> None:
        """Waits until a condition holds. (Playwright's own waiting evaluates text in the page, which the page
        forbids.)"""
        for _ in range(200):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never: {condition}")

    def state(self) -> dict:
        return self.page.evaluate("bimotion.state()")

    def do(self, script: str) -> None:
        self.page.evaluate(script)

    def pixels(self) -> np.ndarray:
        """What the canvas shows, without the controls above it: (H, W, 3)."""
        box = self.page.locator("canvas").bounding_box()
        hide = "header, .card, .legend { visibility: hidden } canvas { outline: none !important }"
        shot = self.page.screenshot(clip=box, style=hide)
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(float)


def coloured(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Pixels with about the hue of a colour."""
    expected = np.array(colour) - np.mean(colour)
    off = pixels - pixels.mean(axis=-1, keepdims=True)
    size = np.linalg.norm(off, axis=-1)
    return (off @ expected > 0.95 * np.linalg.norm(expected) * size) & (size > 60)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed (apt install chromium; BIMOTION_CHROMIUM names another)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright (extra dev) is not installed")
    with playwright.sync_playwright() as driver:
        # A fresh profile each time; --no-sandbox is Playwright's own default, which root needs.
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=" ".join(FLAGS).split())
        yield chromium
        chromium.close()


Open = Callable[..., Viewer]


@pytest.fixture
def view(browser, tmp_path: Path) -> Iterator[Open]:
    contexts = []

    def open_(
        *clips: Clip,
        title: str = "",
        autoplay: bool = False,
        width: int = 480,
        height: int = 400,
        labels: tuple[str, ...] = (),
        **settings: object,
    ) -> Viewer:
        write_page(clips, tmp_path / "page.html", title=title, autoplay=autoplay, labels=labels)
        settings.setdefault("color_scheme", "light")
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **settings))
        return Viewer(contexts[-1].new_page()).open(tmp_path / "page.html")

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def opened_once(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    path = tmp_path_factory.mktemp("viewer") / "page.html"
    write_page([make_clip(21)], path, autoplay=False)
    context = browser.new_context(viewport={"width": 480, "height": 400}, color_scheme="light")
    yield Viewer(context.new_page()).open(path)
    context.close()


@pytest.fixture
def arm(opened_once: Viewer) -> Viewer:
    """A page that shows one who raises the left arm in 21 frames, as it is when opened.

    Opening a page takes 1.7 s of processor time without a GPU: tests that need nothing else share it.
    """
    opened_once.do(
        """bimotion.set({loop: true, speed: 1, follow: false, ghosts: false, trails: true, theme: 'light'});
        bimotion.look('three-quarter'); bimotion.seek(0)"""
    )
    return opened_once


def test_it_plays_and_asks_for_nothing_but_its_own_file(view: Open) -> None:
    viewer = view(make_clip(41), autoplay=True)
    assert viewer.state()["playing"]
    viewer.until("bimotion.state().frame > 3")
    viewer.do("bimotion.pause()")
    frame = viewer.state()["frame"]
    before = viewer.pixels()
    viewer.do(f"bimotion.seek({(frame + 20) % 41})")
    assert (np.abs(viewer.pixels() - before).max(axis=-1) > 40).sum() > 300
    assert viewer.errors == []
    # All that was asked for is the file itself.
    assert [url for url in viewer.requested if not url.startswith("data:")] == [viewer.page.url]
    assert viewer.page.evaluate("performance.getEntriesByType('resource').length") == 0


def test_from_the_front_left_is_blue_and_on_the_right(arm: Viewer) -> None:
    arm.do("bimotion.seek(10); bimotion.look('front')")  # the left arm stands out sideways
    pixels = arm.pixels()
    blue, orange = coloured(pixels, BLUE), coloured(pixels, ORANGE)
    assert blue.sum() > 500
    assert orange.sum() > 400
    assert np.nonzero(blue)[1].mean() > np.nonzero(orange)[1].mean() + 20
    arm.do("bimotion.look('back')")
    pixels = arm.pixels()
    blue, orange = coloured(pixels, BLUE), coloured(pixels, ORANGE)
    assert np.nonzero(blue)[1].mean() < np.nonzero(orange)[1].mean() - 20


def test_seeking_shows_the_frame_asked_for(arm: Viewer) -> None:
    arm.do("bimotion.look('front')")
    tops = []
    for frame in (0, 10, 20):
        arm.do(f"bimotion.seek({frame})")
        assert arm.state()["frame"] == frame
        assert not arm.state()["playing"]
        tops.append(np.nonzero(coloured(arm.pixels(), BLUE).any(axis=1))[0].min())
    assert tops[2] < tops[1] - 15  # the arm is up: nearer to the upper edge
    arm.do("bimotion.seek(999)")
    assert arm.state()["frame"] == 20
    arm.do("bimotion.seek(5)")
    once = arm.pixels()
    arm.do("bimotion.seek(15); bimotion.seek(5)")
    np.testing.assert_array_equal(arm.pixels(), once)


def test_following_keeps_a_walk_in_the_middle(view: Open) -> None:
    viewer = view(make_clip(61, speed=2.0))
    assert viewer.state()["follow"]
    viewer.do("bimotion.look('left')")
    for frame in (0, 30, 60):
        viewer.do(f"bimotion.seek({frame})")
        columns = np.nonzero(coloured(viewer.pixels(), BLUE))[1]
        assert abs(columns.mean() - 240) < 60
    viewer.do("bimotion.set({follow: false}); bimotion.look('left'); bimotion.seek(0)")
    first = np.nonzero(coloured(viewer.pixels(), BLUE))[1].mean()
    viewer.do("bimotion.seek(60)")
    last = np.nonzero(coloured(viewer.pixels(), BLUE))[1].mean()
    assert abs(first - last) > 150


def test_ghosts_show_other_poses_and_never_hide_the_body(view: Open) -> None:
    viewer = view(make_clip(21, speed=1.0))
    viewer.do("bimotion.seek(0)")  # the ghosts of a walk towards the viewer stand in front of the body
    before = viewer.pixels()
    viewer.do("bimotion.set({ghosts: true})")
    after = viewer.pixels()
    body = coloured(before, BLUE) | coloured(before, ORANGE)
    assert np.abs(after - before)[body].mean() < 3
    assert (np.abs(after - before).max(axis=-1) > 15).sum() > 1000


def test_clips_stand_side_by_side_or_in_one_view(view: Open) -> None:
    clips = [make_clip(name=f"clip {i}", caption=f"caption {i}") for i in range(3)]
    viewer = view(*clips, width=900, height=500)
    viewer.do("bimotion.seek(0)")
    pixels = viewer.pixels()
    for third in range(3):
        assert coloured(pixels[:, third * 300 : third * 300 + 300], BLUE).sum() > 200
    assert viewer.page.locator(".card").count() == 3
    assert "caption 1" in viewer.page.locator(".card").nth(1).inner_text()
    viewer.page.keyboard.press("o")
    assert viewer.state()["overlay"]
    pixels = viewer.pixels()
    assert coloured(pixels[:, :300], BLUE).sum() == 0
    assert coloured(pixels[:, 300:600], BLUE).sum() > 400
    viewer.page.keyboard.press("2")
    assert viewer.state()["solo"] == 1
    assert "caption 1" in viewer.page.locator(".cards").inner_text()
    assert "caption 0" not in viewer.page.locator(".cards").inner_text()
    viewer.page.keyboard.press("0")
    assert viewer.state()["solo"] is None


def test_shorter_clips_hold_their_last_pose_where_the_page_does_not_loop(view: Open) -> None:
    viewer = view(make_clip(11), make_clip(41), width=800)
    assert viewer.state()["frames"] == 41
    viewer.do("bimotion.set({loop: false}); bimotion.seek(10)")
    at_its_end = viewer.pixels()[:, :395]
    viewer.do("bimotion.seek(40)")
    assert np.abs(viewer.pixels()[:, :395] - at_its_end).max() < 3


def test_keys_and_buttons_do_the_same(arm: Viewer) -> None:
    page = arm.page
    arm.do("bimotion.seek(5)")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert arm.state()["frame"] == 16
    page.get_by_role("button", name="One frame back").click()
    assert arm.state()["frame"] == 15
    page.keyboard.press("End")
    assert arm.state()["frame"] == 20
    page.keyboard.press("Home")
    assert arm.state()["frame"] == 0
    for key, flag in (("f", "follow"), ("g", "ghosts"), ("p", "trails"), ("l", "loop")):
        before = arm.state()[flag]
        page.keyboard.press(key)
        assert arm.state()[flag] is not before
    page.keyboard.press("]")
    assert arm.state()["speed"] == 1.5
    page.get_by_label("Speed").select_option("0.25")
    assert arm.state()["speed"] == 0.25
    page.get_by_role("button", name="Play").click()
    assert arm.state()["playing"]
    page.get_by_role("button", name="Pause").click()
    assert not arm.state()["playing"]


def test_the_timeline_can_be_dragged_and_read_out(arm: Viewer) -> None:
    timeline = arm.page.get_by_role("slider", name="Frame")
    box = timeline.bounding_box()
    arm.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    assert abs(arm.state()["frame"] - 10) <= 1
    arm.do("bimotion.seek(10)")
    assert timeline.get_attribute("aria-valuetext") == "frame 10 of 20, 0.50 of 1.05 seconds"


def test_without_loop_it_stops_at_the_end(arm: Viewer) -> None:
    arm.do("bimotion.set({loop: false, speed: 2}); bimotion.play()")
    arm.until("!bimotion.state().playing")
    assert arm.state()["frame"] == 20


def test_dragging_turns_the_camera_and_reset_brings_it_back(arm: Viewer) -> None:
    arm.do("bimotion.seek(10)")
    before = arm.pixels()
    arm.page.mouse.move(240, 200)
    arm.page.mouse.down()
    arm.page.mouse.move(360, 200, steps=4)
    arm.page.mouse.up()
    arm.page.mouse.wheel(0, 300)
    arm.page.wait_for_timeout(100)
    assert (np.abs(arm.pixels() - before).max(axis=-1) > 40).sum() > 300
    arm.page.get_by_role("button", name="Reset the camera").click()
    arm.page.wait_for_timeout(100)
    assert np.abs(arm.pixels() - before).mean() < 0.2


def test_dark_if_the_system_is_dark_or_if_asked(view: Open) -> None:
    assert view(make_clip()).pixels()[-40:, :40].mean() > 180
    viewer = view(make_clip(), color_scheme="dark")
    assert viewer.pixels()[-40:, :40].mean() < 80
    viewer.page.keyboard.press("t")
    assert viewer.pixels()[-40:, :40].mean() > 180


def test_one_who_wants_less_motion_starts_it_by_hand(view: Open) -> None:
    assert not view(make_clip(), autoplay=True, reduced_motion="reduce").state()["playing"]


def test_it_fits_on_a_phone(view: Open) -> None:
    clips = [make_clip(caption="a person raises the left arm", name="first"), make_clip(name="second")]
    viewer = view(*clips, width=360, height=640, device_scale_factor=2, is_mobile=True, has_touch=True)
    viewer.do("bimotion.seek(0)")
    page = viewer.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for box in (item.bounding_box() for item in page.locator("button:visible, input, select").all()):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] + box["height"] <= 640
    pixels = viewer.pixels()
    half = pixels.shape[0] // 2
    assert coloured(pixels[:half], BLUE).sum() > 300
    assert coloured(pixels[half:], BLUE).sum() > 300


def test_captions_are_text_whatever_is_in_them(view: Open) -> None:
    nasty = '</script><img src=x onerror="document.title=\'broken\'"> & "quotes" 挥手 😀'
    viewer = view(make_clip(caption=nasty, name=nasty), title=nasty)
    assert viewer.page.locator(".card p").inner_text() == nasty
    assert viewer.page.title() == nasty
    assert viewer.page.locator(".bm img").count() == 0
    assert viewer.errors == []


def test_everything_has_a_name_for_screen_readers(view: Open) -> None:
    viewer = view(make_clip(name="wave", caption="waves"), make_clip())
    unnamed = viewer.page.evaluate(
        """[...document.querySelectorAll('button, input, select, canvas, dialog')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim())).length"""
    )
    assert unnamed == 0
    assert "wave: waves" in viewer.page.get_by_role("img").get_attribute("aria-label")


def test_data_that_is_broken_is_said(view: Open, tmp_path: Path) -> None:
    viewer = view(make_clip())
    broken = (tmp_path / "page.html").read_text(encoding="utf-8").replace('"frames":21', '"frames":22')
    (tmp_path / "broken.html").write_text(broken, encoding="utf-8")
    viewer.page.goto((tmp_path / "broken.html").as_uri())
    assert "expected 22 frames" in viewer.page.get_by_role("alert").inner_text()
    assert viewer.page.evaluate("bimotion.ready") is False


def test_short_clips_begin_again_while_the_page_loops(view: Open) -> None:
    long, short = make_clip(81), make_clip(9)
    viewer = view(long, short)
    viewer.do("bimotion.set({solo: 1, follow: true}); bimotion.seek(4)")
    early = viewer.pixels()
    viewer.do("bimotion.seek(20)")  # 0.8 s later: the short one lasts 0.4 s and rests as long
    again = viewer.pixels()
    viewer.do("bimotion.set({loop: false}); bimotion.seek(20)")
    held = viewer.pixels()
    assert np.abs(early.astype(int) - again).mean() < np.abs(early.astype(int) - held).mean() / 3


def test_the_skeleton_can_be_seen_instead_of_the_body(view: Open) -> None:
    viewer = view(make_clip(5))
    viewer.do("bimotion.seek(0)")
    body = viewer.pixels().astype(int)
    viewer.do("bimotion.set({skeleton: true})")
    bones = viewer.pixels().astype(int)

    def coloured(picture: np.ndarray) -> int:
        return int((np.ptp(picture, axis=-1) > 70).sum())

    assert 20 < coloured(bones) < coloured(body) / 5


def test_files_can_be_downloaded_and_are_the_clips(view: Open, tmp_path: Path) -> None:
    viewer = view(Clip(make_clip(5).joints, 20.0, caption="A person waves!"))
    viewer.page.click('[data-do="download"]')
    for suffix in ("bvh", "glb"):
        with viewer.page.expect_download() as started:
            viewer.page.click(f"dialog.files li button:text-is('{suffix.upper()}')")
        assert started.value.suggested_filename == f"a-person-waves.{suffix}"
        started.value.save_as(tmp_path / f"got.{suffix}")
    assert (tmp_path / "got.bvh").read_text().startswith("HIERARCHY\nROOT pelvis")
    assert (tmp_path / "got.glb").read_bytes()[:4] == b"glTF"


def test_captions_say_whose_they_are_and_how_long_clips_are(
    view: Open,
) -> None:
    clip = Clip(make_clip(41).joints, 20.0, name="x", caption="a person waves")
    viewer = view(clip, clip, labels=("prompt", "caption by the model"))
    assert viewer.page.locator(".card p em").all_text_contents() == ["prompt", "caption by the model"]
    assert viewer.page.locator(".card .name span").first.text_content() == f"x · {clip.duration:.2f} s"
