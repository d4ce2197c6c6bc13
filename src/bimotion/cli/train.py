"""`bimotion train`: a model from a data set, stage after stage."""

import logging
import sys
from collections.abc import Sequence

from bimotion.cli.options import Machines
from bimotion.cli.terminal import PrintableFormatter, say_lines
from bimotion.cli.usage import UsageError, usage_in_one_line

HELP = """\
usage: bimotion train STAGE --data D --out RUN [--preset tiny] [options]

Train a model on a data set written by `bimotion prepare`. A run that was interrupted, even by a power cut, continues
with the same command and --resume, and gives the same result.

stages:
{stages}

examples:
  bimotion train vae --preset tiny --data data/mine --out runs/vae
  bimotion train vae --preset tiny --data data/mine --out runs/vae --resume

on a Ray cluster (docs/scale.md; pip install 'bimotion[scale]'):
  --engine ray    train on the cluster that the variable RAY_ADDRESS names; without it, on one on this machine
  --workers N     processes that train together (default: 1)
  bimotion train vae --preset tiny --data data/mine --out runs/vae --engine ray --workers 4

`bimotion train STAGE --help` shows a stage's options."""

ABOUT = {
    "vae": "the motion VAE, which encodes clips as latents",
    "text": "the text branch, where there is no pretrained one",
    "stage1": "text to motion, the text branch frozen",
    "stage2": "text to motion, motion to text, prediction and in-betweening, the text branch frozen",
    "stage3": "all parameters, paired data mixed with text-only data",
    "evaluator": "the evaluator, which embeds text and motion",
}


def run_train(args: Sequence[str]) -> None:
    """Train the stage that the arguments name.

    Raises:
        BimotionError: the arguments or what they name cannot be used.
    """
    from bimotion.training.process import set_process_defaults

    set_process_defaults()
    if not args or args[0] in ("-h", "--help"):
        from bimotion.training.command import STAGES

        rows = "\n".join(f"  {stage:10} {ABOUT.get(stage, '')}".rstrip() for stage in STAGES)
        if not args:
            raise UsageError(f"expected a stage, one of {', '.join(STAGES)} (`bimotion train --help`)")
        say_lines(HELP.format(stages=rows))
        return
    from bimotion.training.command import parse_stage, run_stage

    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    prog = f"bimotion train {args[0]}"
    machines, rest = _machines(args[1:], prog)
    with usage_in_one_line(prog):
        config = parse_stage(args[0], rest, prog)
    if machines.engine == "ray":
        from bimotion.training.on_ray import run_stage_on_ray

        result = run_stage_on_ray(config, machines.workers)
    else:
        result = run_stage(config)
    code = {"SIGINT": 130, "SIGTERM": 143}.get(result.stopped_by or "", 0)
    if code:
        sys.exit(code)


def _machines(args: Sequence[str], prog: str) -> tuple[Machines, list[str]]:
    """Where to train, and the arguments that are left: settings of a run do not say where it runs.

    Raises:
        UsageError: several processes without Ray, which another program starts.
    """
    import tyro

    if {"-h", "--help"} & set(args):
        return Machines(), list(args)
    with usage_in_one_line(prog):
        machines, rest = tyro.cli(Machines, args=list(args), prog=prog, return_unknown_args=True)
    if machines.engine == "local" and machines.workers not in (None, 1):
        raise UsageError(
            "--workers: expected --engine ray; without Ray, `accelerate launch` starts several processes "
            "(docs/your-own-data.md)"
        )
    return machines, rest
