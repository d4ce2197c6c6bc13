"""The exported page in a real browser: it computes what the library computes, without a server of ours."""

import functools
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bimotion
from bimotion.export.page import export_page
from bimotion.features.clips import clip_to_features
from bimotion.inference import prompts
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.settings import Sampling
from bimotion.motion.clip import Clip

pytest.importorskip("onnx")
ROOT = Path(__file__).parents[2]
CHROMIUM = Path(os.environ.get("BIMOTION_CHROMIUM", "/usr/bin/chromium"))
FLAGS = "--no-sandbox --disable-gpu --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader --no-first-run"
TEXTS = [
    "A person  walks",
    "it's 12 steps, don't stop!",
    "ein Mann läuft – schnell 😀",
    "walk_turn_R",
    "a\nb\t c",
]


def test_the_page_is_built_from_the_sources_beside_it() -> None:
    digest = hashlib.sha256()
    for folder in ("alone", "page", "src"):
        for source in sorted((ROOT / "web" / folder).iterdir()):
            digest.update(source.read_bytes())
    for name in ("build.mjs", "package-lock.json"):
        digest.update((ROOT / "web" / name).read_bytes())
    built = (ROOT / "src/bimotion/export/static/app.js").read_text("utf-8")
    assert f"sources sha256: {digest.hexdigest()}" in built, "run `npm run build` in web/"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Write nothing."""


class Site:
    """The exported page of a model in a browser."""

    def __init__(self, browser: Any, url: str, model: MotionLanguageModel) -> None:
        self.model = model
        self.errors: list[str] = []
        self.page = browser.new_page(viewport={"width": 1200, "height": 800})
        self.page.set_default_timeout(120_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(request.url))
        self.page.goto(f"{url}?backend=wasm")
        self.page.evaluate("bimotionAlone.ready")

    def run(self, work: dict[str, Any], what: str) -> Any:
        """A part of the result of a piece of work in the page's worker."""
        return self.page.evaluate(
            f"async (work) => {{ const made = await bimotionAlone.run(work); return {what}; }}", work
        )


def site_of(folder: Path, out: Path) -> Iterator[Site]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    export_page(folder, out)
    handler = functools.partial(Quiet, directory=str(out))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        playwright.sync_playwright() as driver,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield Site(
            browser, f"http://127.0.0.1:{server.server_port}/", MotionLanguageModel.from_folder(folder)
        )
        browser.close()
        server.shutdown()


@pytest.fixture(scope="module")
def site(micro_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from site_of(micro_folder, tmp_path_factory.mktemp("site"))


def compare_motion(site: Site, text: str, seed: int, frames: int | None) -> None:
    request = {"text": text, "frames": frames, "seed": seed, "guidance": None}
    features, joints = site.run(
        {"kind": "generate", "request": request}, "[[...made.features], [...made.joints]]"
    )
    model = site.model
    timed = frames if model.length_in_prompt else None
    sequence = prompts.motion_of_text(model.tokenizer, text, model.max_tokens, timed)
    expected = model.sample_features([sequence], [], frames, Sampling(seed))[0]
    np.testing.assert_allclose(np.reshape(features, (-1, 263)), expected, atol=1e-3)
    found = np.reshape(joints, (-1, 22, 3))
    np.testing.assert_allclose(found, bimotion.features.features_to_joints(expected), atol=1e-3)


@pytest.mark.parametrize("frames", [None, 47])
def test_a_sentence_and_a_seed_give_the_motion_of_the_library(site: Site, frames: int | None) -> None:
    compare_motion(site, "a person walks forward", 7, frames)


@pytest.mark.parametrize("text", TEXTS)
def test_a_sentence_becomes_the_tokens_of_the_library(site: Site, text: str) -> None:
    model = site.model
    sequence = prompts.motion_of_text(model.tokenizer, text, model.max_tokens)
    expected = [each for each in sequence.ids if each < model.tokenizer.special.text_vocab_size]
    assert site.run({"kind": "tokens", "text": text}, "made") == expected


def test_joints_become_the_features_of_the_library(site: Site, walk: Clip) -> None:
    joints = "new Float32Array(work.joints)"
    features = site.page.evaluate(
        f"async (work) => [...await bimotionAlone.run({{kind: 'features', joints: {joints}}})]",
        {"joints": walk.joints.ravel().tolist()},
    )
    np.testing.assert_allclose(np.reshape(features, (-1, 263)), clip_to_features(walk), atol=1e-4)


def caption_file(site: Site, path: Path) -> str:
    site.page.set_input_files("#file", str(path))
    site.page.locator("#cards", has_text=path.name).wait_for()
    return site.page.inner_text("#cards h2")


@pytest.mark.parametrize("suffix", [".bvh", ".npy"])
def test_a_motion_file_gets_the_caption_of_the_model(
    site: Site, walk: Clip, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"walk{suffix}"
    bimotion.save_clip(walk, path)
    features = clip_to_features(bimotion.read_clip(path))
    assert caption_file(site, path) == site.model.features_to_text([features], guard=False)[0]


def test_what_is_wrong_is_said_in_a_sentence(site: Site, tmp_path: Path) -> None:
    broken = tmp_path / "broken.bvh"
    broken.write_text("HIERARCHY\nROOT hips\n")
    site.page.set_input_files("#file", str(broken))
    site.page.wait_for_selector("#problem:not([hidden])")
    assert site.page.inner_text("#problem") == "not a BVH file: it has no line MOTION"
    site.page.fill("#text", "...")
    site.page.click("#go")
    site.page.locator("#problem", has_text="Type what the person does").wait_for()


def test_the_form_makes_a_motion_that_plays_and_can_be_downloaded(site: Site, tmp_path: Path) -> None:
    site.page.fill("#text", "a person walks")
    site.page.fill("#seed", "3")
    site.page.fill("#seconds", "2")
    site.page.click("#go")
    site.page.locator("#cards", has_text="2.00 s, 40 frames, seed 3").wait_for()
    assert site.page.evaluate("window.bimotion.ready")
    with site.page.expect_download() as download:
        site.page.get_by_role("button", name="Download NPY").click()
    target = tmp_path / "motion.npy"
    download.value.save_as(target)
    assert bimotion.read_clip(target).joints.shape == (40, 22, 3)
    assert not site.errors


def test_a_screen_reader_finds_nothing_serious(site: Site) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(site.page).response["violations"]
    assert not [each["id"] for each in found if each["impact"] in ("serious", "critical")]


@pytest.mark.slow
def test_the_bundled_model_in_the_browser(tmp_path: Path, walk: Clip) -> None:
    for site in site_of(bimotion.api.EMBEDDED, tmp_path / "site"):
        compare_motion(site, "a person waves with the right hand", 0, None)
        path = tmp_path / "walk.npy"
        bimotion.save_clip(walk, path)
        features = clip_to_features(walk)
        assert caption_file(site, path) == site.model.features_to_text([features], guard=False)[0]
