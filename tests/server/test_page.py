"""The page in a real browser: what a reader does with it, what goes wrong, and what a screen reader finds."""

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import bimotion
from bimotion.motion.clip import Clip

ROOT = Path(__file__).parents[2]
CHROMIUM = Path(os.environ.get("BIMOTION_CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox --disable-gpu --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader --no-first-run",
    "--disable-quic --disable-background-networking --disable-component-update --disable-sync",
]


def test_the_page_is_built_from_the_sources_beside_it() -> None:
    digest = hashlib.sha256()
    for source in sorted((ROOT / "web" / "page").iterdir()):
        digest.update(source.read_bytes())
    for name in ("build.mjs", "package-lock.json"):
        digest.update((ROOT / "web" / name).read_bytes())
    static = ROOT / "src" / "bimotion" / "server" / "static"
    assert f"sources sha256: {digest.hexdigest()}" in (static / "app.js").read_text("utf-8"), (
        "run `npm run build` in web/"
    )
    assert (static / "index.html").read_bytes() == (ROOT / "web" / "page" / "index.html").read_bytes()


class Server:
    """`bimotion serve` in a process of its own."""

    def __init__(self, model: Path, *arguments: str, port: int = 0) -> None:
        if not port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        command = [
            sys.executable,
            "-m",
            "bimotion",
            "serve",
            "--port",
            str(port),
            "--model",
            str(model),
            *arguments,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def wait(self) -> "Server":
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server did not become ready")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(micro_folder: Path, walk: Clip, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    library = tmp_path_factory.mktemp("library")
    bimotion.save_clip(walk, library / "<b>walk.bvh")
    server = Server(micro_folder, "--library", str(library)).wait()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.is_file():
        pytest.skip(f"no browser at {CHROMIUM} (BIMOTION_CHROMIUM names another)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=" ".join(FLAGS).split())
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server: Server) -> Iterator[object]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_page(context, server.url)
    yield page
    assert page.foreign == []
    assert page.errors == []
    context.close()


def open_page(context, url: str):
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.foreign, page.errors = [], []
    page.on(
        "request",
        lambda request: request.url.startswith((url, "data:", "blob:")) or page.foreign.append(request.url),
    )
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(url)
    page.locator("#model", has_text="micro").wait_for()
    return page


def generate(page, text: str = "a person bows") -> None:
    page.fill("#text", text)
    page.fill("#seconds", "2")
    page.press("#text", "Enter")
    page.locator(".result h2", has_text=text).first.wait_for()


def joints(page) -> str:
    return str(page.evaluate("document.querySelector('#viewer canvas').getAttribute('aria-label')"))


def test_a_sentence_becomes_variants_and_files(page) -> None:
    page.select_option("#variants", "2")
    generate(page)
    assert page.locator(".result").count() == 2
    assert page.evaluate("bimotion.state().clips") == 2
    assert page.evaluate("bimotion.state().frames") == 40
    assert "Caption: " in page.inner_text(".result >> nth=0")
    assert "hardly shows what the sentence says: bend" in page.inner_text(".result >> nth=0")
    page.click(".result >> nth=1 >> text=Pick")
    assert page.evaluate("bimotion.state().solo") == 1
    page.select_option(".result >> nth=1 >> select", "Unreal")
    with page.expect_download() as download:
        page.click(".result >> nth=1 >> text=BVH")
    assert download.value.suggested_filename == "a-person-bows.bvh"
    assert "pelvis" in download.value.path().read_text("ascii")


@pytest.mark.slow
def test_keys_play_but_do_not_disturb_typing(page) -> None:
    generate(page)
    page.fill("#text", "")
    page.type("#text", "a k p l")
    assert page.input_value("#text") == "a k p l"
    assert page.evaluate("bimotion.state().skeleton") is False
    page.locator("#viewer canvas").focus()
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")
    state = page.evaluate("bimotion.state()")
    assert (state["skeleton"], state["frame"]) == (True, 1)


@pytest.mark.slow
def test_a_link_and_the_history_make_the_same_motion_again(page, browser, server: Server) -> None:
    generate(page, "a person turns")
    link = page.url
    assert re.search(r"seed=\d+", link)
    assert "model=" in link
    motion = (
        "() => fetch('/api/v1/motions/' + document.querySelector('.result').dataset.id).then(a => a.json())"
    )
    first = page.evaluate(motion)["view"]["joints"]
    page.click("text=Copy link")
    page.locator("#spoken", has_text="Link copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == link
    other = browser.new_context()
    again = other.new_page()
    again.goto(link)
    again.locator(".result h2", has_text="a person turns").wait_for()
    assert again.evaluate(motion)["view"]["joints"] == first
    other.close()
    generate(page, "a person bows")
    page.click("text=History")
    page.click("#history li:nth-child(2) button")
    page.locator(".result h2", has_text="a person turns").wait_for()
    assert page.evaluate(motion)["view"]["joints"] == first


@pytest.mark.slow
def test_phrases_on_a_timeline(page) -> None:
    page.fill("#text", "a person walks")
    page.click("text=Add a phrase")
    page.locator("#phrases input[type=text] >> nth=1").fill("sits down")
    page.locator("#phrases input[type=number] >> nth=1").fill("2")
    edge = page.locator(".timeline .edge >> nth=0").bounding_box()
    page.mouse.move(edge["x"] + 5, edge["y"] + 10)
    page.mouse.down()
    page.mouse.move(edge["x"] - 45, edge["y"] + 10, steps=4)
    page.mouse.up()
    first = float(page.input_value("#phrases input[type=number] >> nth=0"))
    assert 1 <= first < 3
    page.click("text=Compose")
    page.locator(".result li", has_text="sits down").wait_for()
    assert page.evaluate("bimotion.state().frames") == round(20 * (first + 2))
    page.click("[aria-label='Remove phrase 2']")
    assert page.locator(".timeline > div").count() == 1


@pytest.mark.slow
def test_a_dropped_file_is_captioned_continued_and_joined(page, walk: Clip, tmp_path: Path) -> None:
    bimotion.save_clip(walk, tmp_path / "walk.bvh")
    page.set_input_files("#file", tmp_path / "walk.bvh")
    page.locator(".result", has_text="Caption: ").wait_for()
    page.click("text=Fill between: first")
    page.click("text=Continue")
    page.locator(".result h2", has_text="Continued: walk.bvh").wait_for()
    assert page.evaluate("bimotion.state().frames") == len(walk) + 40
    page.click("text=Fill between: last")
    page.locator(".result h2", has_text="Two motions, joined").wait_for()
    assert page.evaluate("bimotion.state().frames") == len(walk) + 20 + len(walk) + 40


@pytest.mark.slow
def test_the_library_is_searched_and_names_are_text(page) -> None:
    page.fill("#query", "a person walks")
    page.click("#find button")
    page.locator(".result h2, #problem:visible").first.wait_for()
    found = page.inner_text("#results") + page.inner_text("#problem")
    assert "<b>walk.bvh" in found or "Nothing was found" in found


def test_a_bad_upload_is_explained(page, tmp_path: Path) -> None:
    (tmp_path / "<img src=x>.bvh").write_text("HIERARCHY\nROOT ")
    page.set_input_files("#file", tmp_path / "<img src=x>.bvh")
    problem = page.locator("#problem")
    problem.wait_for()
    assert "<img src=x>.bvh" in problem.inner_text()
    assert page.locator("#problem img").count() == 0
    generate(page)  # the page goes on


@pytest.mark.slow
def test_long_work_shows_progress_and_is_cancelled(page, walk: Clip, tmp_path: Path) -> None:
    bimotion.save_clip(walk, tmp_path / "walk.npz")
    page.set_input_files("#file", tmp_path / "walk.npz")
    page.locator(".result", has_text="Caption: ").wait_for()
    held: list[object] = []
    page.route("**/events", lambda route: held.append(route))  # the job seems to last
    page.click("text=Continue")
    page.locator("#work progress").wait_for()
    assert page.inner_text("#doing") == "Continuing …"
    page.click("#cancel")
    for route in held:
        route.continue_()
    page.locator("#work").wait_for(state="hidden")


@pytest.mark.slow
def test_a_lost_server_is_noticed_and_found_again(browser, micro_folder: Path) -> None:
    server = Server(micro_folder).wait()
    context = browser.new_context()
    page = open_page(context, server.url)
    server.kill()
    page.fill("#text", "a person bows")
    page.fill("#seconds", "2")
    page.press("#text", "Enter")
    page.locator("#problem", has_text="The server does not answer").wait_for()
    again = Server(micro_folder, port=server.port).wait()
    page.click("text=Try again")
    page.locator(".result h2", has_text="a person bows").wait_for()
    again.kill()
    context.close()


@pytest.mark.slow
def test_two_tabs_share_the_history(page, server: Server) -> None:
    other = open_page(page.context, server.url)
    generate(page, "a person bows")
    generate(other, "a person turns")
    page.click("text=History")
    page.locator("#history", has_text="a person turns").wait_for()
    assert page.locator("#history li").count() == 2
    assert page.locator(".result h2", has_text="a person bows").count() == 1


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_stands_in_the_way_of_a_screen_reader(
    browser, server: Server, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        reduced_motion="reduce",
        bypass_csp=True,
    )
    page = open_page(context, server.url)
    for prepare in (lambda: None, lambda: generate(page), lambda: page.click("text=Add a phrase")):
        prepare()
        found = axe.run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert not serious, json.dumps(
            [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious]
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


@pytest.mark.slow
def test_the_reference_has_every_operation(page, server: Server) -> None:
    page.goto(f"{server.url}/docs")
    text = page.inner_text("main")
    for path in (
        "POST /api/v1/generate",
        "POST /api/v1/inbetween",
        "GET /api/v1/jobs/{id}/events",
        "GET /metrics",
    ):
        assert path in text
    assert "Random seed; drawn and named in the answer when not given" in text
