"""Checks a running server against its OpenAPI description with schemathesis, in an environment of its own.

    python -m tools.check_api [--examples 10]

schemathesis (PyPI) brings a plugin that does not run under this project's pytest, so it is installed into
`.schemathesis`. The server is started with the bundled model and stopped at the end. That a request is accepted which
follows the description is not checked: what lengths and files a model takes is not in it, and others are refused.
"""

import argparse
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

FOLDER = Path(".schemathesis")
PORT = 8766


def installed() -> Path:
    """The command, installed where it is missing."""
    command = FOLDER / "bin" / "schemathesis"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        subprocess.run([FOLDER / "bin" / "pip", "install", "--quiet", "schemathesis>=4"], check=True)
    return command


def wait_until_ready(url: str, seconds: float = 300) -> None:
    """Wait for the model.

    Raises:
        TimeoutError: it takes too long.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(f"{url} was not ready after {seconds:g} s")


def main() -> int:
    """Run it; gives back schemathesis's exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=10, help="requests derived for each operation")
    parser.add_argument("--model", help="model folder (default: the bundled model)")
    options = parser.parse_args()
    command, url = installed(), f"http://127.0.0.1:{PORT}"
    model = ["--model", options.model] if options.model else []
    server = subprocess.Popen([sys.executable, "-m", "bimotion", "serve", "--port", str(PORT), *model])
    try:
        wait_until_ready(url)
        run = [command, "run", f"{url}/openapi.json", "--max-examples", str(options.examples)]
        run += [
            "--phases",
            "examples,coverage,fuzzing",
            "--request-timeout",
            "150",
            "--seed",
            "0",
            "--no-color",
        ]
        run += ["--exclude-checks", "positive_data_acceptance"]
        return subprocess.run(run, check=False).returncode
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
