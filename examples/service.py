"""A minimal HTTP service around a model: POST {"text": ..., "seconds": ..., "seed": ...} and get a GLB back.

    python examples/service.py 8000
    curl -d '{"text": "a person jumps", "seed": 1}' http://127.0.0.1:8000 > jump.glb

The model is loaded once and shared by all requests, which are answered one at a time.
"""

import json
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import bimotion

MODEL = bimotion.load()
MAX_BYTES = 10_000


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self) -> None:
        """Generate a motion; 400 with one line if the request cannot be answered."""
        try:
            request = json.loads(self.rfile.read(min(int(self.headers["Content-Length"] or 0), MAX_BYTES)))
            clip = MODEL.text_to_motion(
                str(request["text"]), seconds=request.get("seconds"), seed=int(request.get("seed", 0))
            )
        except (bimotion.BimotionError, KeyError, TypeError, ValueError) as error:
            return self._answer(400, "text/plain; charset=utf-8", f"{error}\n".encode())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "motion.glb"
            bimotion.save_clip(clip, path)
            return self._answer(200, "model/gltf-binary", path.read_bytes())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
