"""`bimotion mcp`: tools for language-model agents."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.options import Running, RunningOptions
from bimotion.errors import ConfigError


@dataclass(frozen=True)
class Mcp:
    """Offer generate, caption, convert and search to an agent over MCP, on standard input and output.

    The agent can read and write motion files in one folder only. Needs extras: pip install 'bimotion[mcp,serve]'.

    examples:
      bimotion mcp takes
      claude mcp add bimotion -- bimotion mcp /home/me/takes
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """Folder of motion files."""
    running: RunningOptions = Running()
    """Which model runs, and how."""

    def run(self) -> None:
        """Serve until the input ends."""
        try:
            from bimotion.server.tools import Tools, tool_server
        except ImportError as missing:
            raise ConfigError(
                f"mcp needs the package {missing.name}: pip install 'bimotion[mcp,serve]'"
            ) from missing
        self.running.check()
        tools = Tools(
            self.folder.expanduser(),
            model=self.running.model,
            device=self.running.device,
            precision=self.running.precision,
        )
        tool_server(tools).run("stdio")
