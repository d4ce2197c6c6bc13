"""MCP tools, called by the official client in a process of their own."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcp import Client, StdioServerParameters
from mcp.server.mcpserver.exceptions import ToolError

import bimotion
from bimotion.motion.clip import Clip
from bimotion.server.tools import Tools, tool_server


@pytest.fixture
def folder(tmp_path: Path, walk: Clip) -> Path:
    folder = tmp_path / "takes"
    folder.mkdir()
    bimotion.save_clip(walk, folder / "walk.bvh")
    return folder


def test_an_agent_generates_captions_and_converts(folder: Path, micro_folder: Path) -> None:
    arguments = ["-m", "bimotion", "mcp", str(folder), "--model", str(micro_folder)]

    async def run() -> list[Any]:
        async with Client(StdioServerParameters(command=sys.executable, args=arguments)) as client:
            tools = await client.list_tools()
            assert {tool.name for tool in tools.tools} == {"generate", "caption", "convert", "search"}
            calls = (
                ("generate", {"text": "a person bows", "file": "bow.npy", "seconds": 2, "seed": 3}),
                ("caption", {"file": "walk.bvh"}),
                ("convert", {"source": "walk.bvh", "target": "walk.glb", "names": "mixamo"}),
                ("caption", {"file": "../secret.bvh"}),
            )
            return [await client.call_tool(name, values) for name, values in calls]

    generated, captioned, converted, refused = asyncio.run(run())
    model = bimotion.load(micro_folder)
    expected = model.text_to_motion("a person bows", seconds=2, seed=3)
    # without the compiled kernels, the sums of another process may differ in their last bits
    np.testing.assert_allclose(bimotion.read_clip(folder / "bow.npy").joints, expected.joints, atol=1e-4)
    assert generated.structured_content["seed"] == 3
    assert captioned.structured_content["caption"] == model.motion_to_text(
        bimotion.read_clip(folder / "walk.bvh")
    )
    assert not converted.is_error
    assert bimotion.read_clip(folder / "walk.glb").joints.shape == (41, 22, 3)
    assert refused.is_error
    assert "expected the name of a file in the folder" in refused.content[0].text


@pytest.mark.parametrize(
    "name", ["../a.bvh", "/etc/passwd", "a/../../b.bvh", "", ".", "link/a.bvh", "a\0b.bvh"]
)
def test_paths_stay_in_the_folder(folder: Path, name: str) -> None:
    (folder / "link").symlink_to(folder.parent)
    tools = Tools(folder)
    for must_exist in (True, False):
        with pytest.raises(ToolError, match="expected the name of a file in the folder"):
            tools.path(name, must_exist=must_exist)


def test_refusals_hold_no_path_of_the_machine(folder: Path) -> None:
    (folder / "broken.bvh").write_text("HIERARCHY")
    with pytest.raises(ToolError) as error:
        Tools(folder).caption("broken.bvh")
    assert "broken.bvh" in str(error.value)
    assert str(folder.parent) not in str(error.value)
    assert tool_server(Tools(folder)).name == "bimotion"
