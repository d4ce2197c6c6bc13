"""docs/serve.md and deploy/ name what there is."""

from pathlib import Path

from bimotion.server.app import create_app
from bimotion.server.errors import CODES
from bimotion.server.service import Service
from bimotion.server.settings import Limits, ServerSettings

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "serve.md").read_text("utf-8")


def test_the_guide_has_every_address_and_every_code(micro_folder: Path) -> None:
    paths = create_app(Service(ServerSettings(), model=micro_folder)).openapi()["paths"]
    for path in paths:
        assert path.removeprefix("/api/v1").replace("{id}", "ID") in GUIDE, path
    for code in CODES:
        assert f"`{code}`" in GUIDE, code


def test_the_guide_states_the_default_limits() -> None:
    limits = Limits()
    for words in (
        f"{limits.max_text_chars:,} characters in a sentence, {limits.max_variants} variants",
        f"{limits.max_candidates} candidates each, {limits.max_phrases} phrases",
        f"{limits.max_upload_bytes // 10**6} MB in a file, {limits.max_frames:,} frames",
        f"{limits.max_new_seconds:g} s of new motion. {limits.max_queue} requests may wait",
    ):
        assert words in " ".join(GUIDE.split()), words


def test_containers_and_units_start_the_server_safely() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    assert "USER 10001" in dockerfile
    assert "/readyz" in dockerfile
    unit = (ROOT / "deploy" / "bimotion.service").read_text("utf-8")
    assert "bimotion serve --host 127.0.0.1" in unit
