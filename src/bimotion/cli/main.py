"""`bimotion COMMAND ...`: finds and runs the command, and reports errors in one line.

A command's module is loaded when it is called, and loads torch when it needs it: `bimotion --help` takes 0.1 s.
"""

import contextlib
import difflib
import gc
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn, TextIO

from bimotion import __version__
from bimotion.cli.terminal import note, prepare_streams, say, say_lines, show_reading_warnings, silence
from bimotion.cli.waiting import let_threads_sleep
from bimotion.errors import BimotionError

# command -> (module in bimotion.cli, class in it, what it does)
COMMANDS = {
    "demo": ("demo", "Demo", "text to motion and motion to text, end to end, with a page to look at"),
    "generate": ("generate", "Generate", "generate motions from sentences"),
    "compose": ("compose", "Compose", "generate one motion from several phrases"),
    "caption": ("caption", "Caption", "describe motions in sentences"),
    "describe": ("describe", "Describe", "describe what happens in a motion, with times"),
    "predict": ("predict", "Predict", "continue a motion"),
    "inbetween": ("inbetween", "Inbetween", "join two motions by a generated transition"),
    "convert": ("convert", "Convert", "convert a motion file to another format"),
    "retarget": ("retarget", "Retarget", "retarget motions to your own character"),
    "view": ("view", "View", "write an HTML page that plays motions in 3D"),
    "actions": ("actions", "Actions", "list the actions that a model was trained on"),
    "info": ("info", "Info", "show what a motion file or a model folder contains"),
    "prepare": ("prepare", "Prepare", "make a data set from recordings"),
    "train": ("train", "run_train", "train a model on a data set"),
    "evaluate": ("evaluate", "Evaluate", "score a model or motion files, and write a report"),
    "adherence": ("adherence", "Adherence", "measure how well motions follow their sentences"),
    "compare": ("compare", "Compare", "show statistically significant differences between two reports"),
    "search": ("search", "Search", "find recordings by a sentence or by an example"),
    "serve": ("serve", "Serve", "serve a page and an HTTP API"),
    "duplicates": ("duplicates", "Duplicates", "find the same take under several names"),
    "tags": ("tags", "Tags", "list content, side, speed and length of recordings"),
    "mcp": ("mcp", "Mcp", "offer tools to language-model agents over MCP"),
    "import-weights": (
        "import_weights",
        "ImportWeights",
        "convert published or pretrained weights to a model folder",
    ),
    "export": ("export", "Export", "write a model as ONNX files or as a page for any web host"),
    "study": ("study", "Study", "compare designs of the model, as the paper does"),
    "benchmark": ("benchmark", "Benchmark", "measure the speed on this machine"),
}

EXAMPLES = """\
  bimotion demo
  bimotion generate "a person waves with the right hand" --out wave.bvh
  bimotion caption wave.bvh"""


def overview() -> str:
    """The help of `bimotion` itself."""
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:{width}}  {summary}" for name, (_, _, summary) in COMMANDS.items())
    return (
        "usage: bimotion COMMAND ...\n\nText to human motion and human motion to text.\n\n"
        f"commands:\n{rows}\n\nexamples:\n{EXAMPLES}\n\n"
        "`bimotion COMMAND --help` shows a command's options and examples; `bimotion --version` the version."
    )


def run(args: Sequence[str]) -> None:
    """Run one command line, without the program's name.

    Raises:
        BimotionError: the command line or what it names cannot be used.
    """
    from bimotion.cli.usage import UsageError, parse

    if not args:
        raise UsageError("expected a command; `bimotion --help` lists them")
    name = args[0]
    if name in ("-h", "--help", "help"):
        say_lines(overview())
        return
    if name == "--version":
        say(f"bimotion {__version__}")
        return
    if name not in COMMANDS:
        matches = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"perhaps {matches[0]}?" if matches else "`bimotion --help` lists them"
        raise UsageError(f"there is no command {name!r}; {hint}")
    if name == "train":  # its options depend on the stage
        from bimotion.cli.train import run_train

        run_train(args[1:])
        return
    let_threads_sleep()
    module, command, _ = COMMANDS[name]
    show_reading_warnings()
    parse(getattr(import_module(f"bimotion.cli.{module}"), command), name, args[1:]).run()


class Terminated(BaseException):
    """SIGTERM arrived; raised so that partial files are removed on the way out."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 wrong input (one line on stderr), 130 interrupted, 143 terminated."""
    gc.set_threshold(100_000, 20, 20)  # loading torch makes a million objects that stay
    prepare_streams()
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(exit_code(sys.argv[1:] if args is None else args))


def exit_code(args: Sequence[str]) -> int:
    """The exit code of a command line; a wrong input is reported in one line on stderr."""
    try:
        run(args)
        sys.stdout.flush()
    except SystemExit as stop:  # help was printed, or training was stopped by a signal
        return int(stop.code or 0)
    except BimotionError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        note("bimotion: interrupted")
        return 130
    except Terminated:
        note("bimotion: terminated")
        return 143
    except BrokenPipeError:  # the reader of our output went away (`| head`): nothing is left to say
        silence(sys.stdout)
        return 141
    except MemoryError:
        return _complain("not enough memory for this input")
    except OSError as error:
        if not _can_write(sys.stdout):
            silence(sys.stdout)
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 0


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _can_write(stream: TextIO) -> bool:
    try:
        stream.flush()
    except OSError:
        return False
    return True


def _complain(message: str) -> int:
    with contextlib.suppress(OSError):  # stderr may be closed or on a full disk as well
        note(f"bimotion: {' '.join(message.split())}")
    return 2
