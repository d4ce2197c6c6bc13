"""`python -m bimotion.benchmark ORDER` measures one figure in this process; started by `bimotion benchmark`."""

import json
import sys
from dataclasses import asdict
from typing import Any

from bimotion.training.process import set_process_defaults


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Result of a figure: seconds of each repeat, peak memory, parts of the work, error of the precision."""
    if order["figure"]["kind"].startswith("stage"):
        set_process_defaults()

    from bimotion.benchmark.figures import Figure, job
    from bimotion.benchmark.machine import peak_bytes
    from bimotion.benchmark.timing import now
    from bimotion.models.precision import set_precision
    from bimotion.models.weights import load_network

    figure = Figure(**order["figure"])
    network = load_network(order["folder"])
    set_precision(network, figure.precision)
    ready = job(figure, network)
    seconds = []
    for _ in range(1 + order["repeats"]):
        begun = now()
        ready.run()
        seconds.append(now() - begun)
    result = {"seconds": seconds[1:], "peak_bytes": peak_bytes()}
    if figure.precision == "fp32":
        return {**result, "parts": [asdict(part) for part in ready.parts], "error": None}
    exact = job(figure, load_network(order["folder"]))
    expected, outcome = exact.outcome(), ready.outcome()
    error = float((outcome.float() - expected).norm() / expected.norm())
    return {**result, "parts": [asdict(part) for part in exact.parts], "error": error}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))  # noqa: T201 its output
