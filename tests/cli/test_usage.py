import subprocess
import sys

import pytest

from bimotion.cli.main import COMMANDS, exit_code
from bimotion.cli.usage import one_line


def complaint(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line that a wrong command line ends with."""
    assert exit_code(args) == 2
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("bimotion: ")
    return lines[0].removeprefix("bimotion: ")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "expected a command; `bimotion --help` lists them"),
        (["genrate"], "there is no command 'genrate'; perhaps generate?"),
        (["xyz"], "there is no command 'xyz'; `bimotion --help` lists them"),
        (
            ["generate", "a"],
            "missing: --out-dir FILE, --out FILE (`bimotion generate --help` shows the options)",
        ),
        (["convert"], "missing: IN, OUT (`bimotion convert --help` shows the options)"),
        (["generate", "a", "--out", "x.bvh", "--count", "2.5"], "--count: '2.5' is not a whole number"),
        (["generate", "a", "--out", "x.bvh", "--seconds", "long"], "--seconds: 'long' is not a number"),
        (
            ["generate", "a", "--out", "x.bvh", "--cuont", "2"],
            "unrecognized options: --cuont, 2; perhaps --count",
        ),
        (["generate", "a", "--out"], "missing value for argument '--out-dir/--out'"),
        (
            ["prepare", "cmx", "a", "b"],
            "kind: expected one of 'bandai-namco', 'cmu', 'joints', 'bvh', 'humanml3d', 'amass', 'merged'; got 'cmx'",
        ),
    ],
)
def test_a_wrong_use_is_one_line(capsys: pytest.CaptureFixture[str], args: list[str], message: str) -> None:
    assert message in complaint(capsys, *args)


def test_text_that_is_no_box_is_kept() -> None:
    assert one_line("tyro: something\n else") == "tyro: something else"


def test_help_is_on_stdout_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["--help"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert all(f"\n  {name} " in output.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert exit_code([name, "--help"]) == 0
    assert f"\n  bimotion {name} " in capsys.readouterr().out.replace(
        "\n  bimotion demo\n", "\n  bimotion demo \n"
    )


def test_interrupted_work_ends_with_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(args: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bimotion.cli.main.run", interrupted)
    assert exit_code(["demo"]) == 130
    assert capsys.readouterr().err == "bimotion: interrupted\n"


def test_torch_is_not_loaded_before_it_is_needed() -> None:
    script = (
        "import sys; from bimotion.cli.main import exit_code\n"
        "codes = [exit_code(a) for a in (['--help'], ['generate', '--help'], ['generate', 'a', '--out', 'a.xyz'])]\n"
        "sys.exit(f'{codes}' if codes != [0, 0, 2] else sorted({'torch'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m bimotion --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 141)
