"""Times and download of the exported page in headless Chromium.

    python -m benchmarks.browser [--model FOLDER] [--chromium /usr/bin/chromium]

Exports the page, opens it from a server on this machine, generates motions and captions them with WebAssembly. Prints
what each took, the megabytes that were loaded, and when the page was ready.
"""

import argparse
import functools
import http.server
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO

import bimotion
from bimotion.api import model_folder
from bimotion.export.page import export_page

FLAGS = "--no-sandbox --disable-gpu --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader --no-first-run"
GENERATE = "async (work) => (await bimotionAlone.run(work)).seconds"
CAPTION = """async (bytes) => {
  const work = {kind: "caption", name: "a.npy", data: new Uint8Array(bytes).buffer};
  return (await bimotionAlone.run(work)).seconds;
}"""


class Counted(http.server.SimpleHTTPRequestHandler):
    """Serves files, quietly, and counts their bytes."""

    sent = 0

    def log_message(self, *_: Any) -> None:
        """Write nothing."""

    def copyfile(self, source: Any, outputfile: BinaryIO) -> None:
        """Send a file."""
        data = source.read()
        Counted.sent += len(data)
        outputfile.write(data)


def measure(page: Any, url: str, folder: Path) -> None:
    """Print the times of a page."""
    page.goto(f"{url}?backend=wasm")
    print(f"ready after {page.evaluate('bimotionAlone.ready')['seconds']:.1f} s")
    print(f"loaded: {Counted.sent / 1e6:.1f} MB")
    model = bimotion.load()
    for seconds in (3.0, 9.8):
        request = {
            "text": "a person waves with the right hand",
            "frames": round(20 * seconds),
            "guidance": None,
        }
        times = [
            page.evaluate(GENERATE, {"kind": "generate", "request": {**request, "seed": seed}})
            for seed in range(3)
        ]
        print(f"motion of {seconds} s: {sorted(times)[1]:.2f} s, the median of three")
        file = folder / "clip.npy"
        bimotion.save_clip(model.text_to_motion("a person walks", seconds=seconds, seed=0, best=1), file)
        print(f"its caption: {page.evaluate(CAPTION, list(file.read_bytes())):.2f} s")


def main() -> None:
    """The command line."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        site = Path(name) / "site"
        export_page(model_folder(args.model), site)
        handler = functools.partial(Counted, directory=str(site))
        with (
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
            sync_playwright() as driver,
        ):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser = driver.chromium.launch(executable_path=args.chromium, args=FLAGS.split())
            page = browser.new_page(viewport={"width": 1200, "height": 800})
            page.set_default_timeout(120_000)
            measure(page, f"http://127.0.0.1:{server.server_port}/", Path(name))
            browser.close()
            server.shutdown()


if __name__ == "__main__":
    main()
