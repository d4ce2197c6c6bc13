"""Load on `bimotion serve` by locust: clients that each ask for one motion after the other.

    pip install locust
    bimotion serve &
    locust -f benchmarks/serve_locust.py --headless -u 32 -r 32 -t 60s --host http://127.0.0.1:8000

BEST in the environment is the number of candidates for each motion (default: the model's).
"""

import os
import random

from locust import HttpUser, task

SENTENCES = (
    "a person walks forward",
    "a person waves with the right hand",
    "someone jumps twice",
    "a person kicks with the left leg",
    "a person sits down",
    "a person turns around to the left",
    "a person bows",
    "a person runs in a circle",
)

BEST = os.environ.get("BEST")


class Client(HttpUser):
    """One client."""

    @task
    def generate(self) -> None:
        """A motion of 3 s, with its caption."""
        body = {"text": random.choice(SENTENCES), "seconds": 3, "seed": random.randrange(10**6)}
        self.client.post("/api/v1/generate", json=body | ({"best": int(BEST)} if BEST else {}))
