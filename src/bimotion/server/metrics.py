"""Counters for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The counters of one server, in its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "bimotion_requests", "Answered requests.", ["operation", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "bimotion_request_seconds",
            "Time from request to answer.",
            ["operation"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.waiting = Gauge(
            "bimotion_queue_length", "Work that waits for the model.", registry=self.registry
        )
        self.batches = Histogram(
            "bimotion_batch_size",
            "Pieces of work that went through the model at once.",
            ["operation"],
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self.registry,
        )
        self.workers_lost = Counter(
            "bimotion_workers_lost",
            "Worker processes that died or were ended for time or memory.",
            registry=self.registry,
        )
        self.jobs = Gauge("bimotion_jobs", "Jobs by state.", ["state"], registry=self.registry)

    def text(self) -> bytes:
        """All counters in the text format."""
        return generate_latest(self.registry)
