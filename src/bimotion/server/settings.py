"""Settings of a server, and limits of its requests."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from bimotion.errors import ConfigError, check_range


@dataclass(frozen=True)
class Limits:
    """Bounds of requests; values beyond them are refused, never clamped."""

    max_text_chars: int = 1_000
    """Longest sentence."""
    max_variants: int = 4
    """Variants of one generate request."""
    max_candidates: int = 32
    """Candidates of each variant."""
    max_phrases: int = 32
    """Phrases of one compose request."""
    max_steps: int = 1_000
    """Sampling steps of a request."""
    max_upload_bytes: int = 20_000_000
    """Largest motion or character file."""
    max_frames: int = 36_000
    """Longest motion that is read: ten minutes at 60 frames per second."""
    max_new_seconds: float = 60.0
    """Longest predicted or composed motion of a request."""
    max_queue: int = 64
    """Pieces of work that wait for the model; beyond it requests are answered with 429."""
    max_batch: int = 16
    """Pieces of work that go through the network at once."""
    window_seconds: float = 0.02
    """Longest time that a piece of work waits for others to join its batch."""
    request_seconds: float = 120.0
    """Longest time that a request may take, waiting included."""
    worker_seconds: float = 30.0
    """Longest time for reading an upload or writing a file."""
    worker_bytes: int = 1 << 30
    """Memory that a worker process may use on top of what it has when it starts."""
    max_workers: int = 2
    """Worker processes that read and write files."""
    stored_motions: int = 256
    """Motions kept in memory for download; the oldest are dropped."""
    stored_bytes: int = 256 << 20
    """Memory for them."""
    stored_jobs: int = 256
    """Jobs whose results are kept."""

    def __post_init__(self) -> None:
        check_range(self, ("max_text_chars", "max_variants", "max_candidates", "max_phrases", "max_steps"), 1)
        check_range(self, ("max_upload_bytes", "max_frames", "max_queue", "max_batch", "max_workers"), 1)
        check_range(self, ("stored_motions", "stored_bytes", "stored_jobs", "worker_bytes"), 1)
        check_range(self, ("request_seconds", "worker_seconds", "max_new_seconds"), 0, above=True)
        check_range(self, "window_seconds", 0, 0.02)


@dataclass(frozen=True)
class ServerSettings:
    """A server's address, access and contents."""

    host: str = "127.0.0.1"
    """Address to listen on; the default is this machine alone."""
    port: int = 8000
    """Port to listen on; 0 takes a free one."""
    token: str | None = None
    """Secret that requests must carry as `Authorization: Bearer TOKEN`."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names under which the server is reached; requests for others are refused."""
    library: Path | None = None
    """Folder of recordings for search."""
    limits: Limits = field(default_factory=Limits)
    """Bounds of requests."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port: expected 0 to 65535, got {self.port}")
        if self.token is not None and not re.fullmatch(r"[\x21-\x7e]{8,200}", self.token):
            raise ConfigError("token: expected 8 to 200 printable ASCII characters without spaces")
        if not self.loopback and self.token is None:
            raise ConfigError(
                f"host: {self.host} can be reached from other machines; give a token, or use 127.0.0.1"
            )
        if self.library is not None and not self.library.expanduser().is_dir():
            raise ConfigError(f"library: {self.library}: expected a folder of recordings")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def hosts(self) -> frozenset[str] | None:
        """Names in the Host header that are answered; None: all, as where a token protects a public address."""
        if self.allowed_hosts or self.loopback:
            return frozenset({"127.0.0.1", "localhost", "[::1]", self.host, *self.allowed_hosts})
        return None
