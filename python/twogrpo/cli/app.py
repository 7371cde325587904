"""The program `twogrpo`: its commands, and what becomes of their errors.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 2 usage or configuration, 3 data, 4 runtime,
130 interrupted.
"""

import os
import sys
import traceback

import typer
from typer.exceptions import TyperException

from twogrpo.cli import config, demo, doctor, dpo, online, pairs, store, verify
from twogrpo.cli.options import help_without_command, show_traceback
from twogrpo.errors import TwoGrpoError

__all__ = ["app", "main"]

INTERRUPTED = 130
RUNTIME = 4
USAGE = 2

app = typer.Typer(
    name="twogrpo",
    help="Post-train language models with two rollouts a prompt: 2-GRPO, and DPO on the same stored rollouts.",
    invoke_without_command=True,
    callback=help_without_command,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("online")(online.online)
app.command("dpo")(dpo.dpo)
app.command("verify")(verify.verify)
app.command("pairs")(pairs.pairs)
app.add_typer(store.app, name="store")
app.add_typer(config.app, name="config")
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit."""
    # Two threads that spin while they wait slow each other down tenfold on a busy small machine; torch reads this once.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        result = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe has gone: end quietly, and keep the interpreter from failing again on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last resort: one line, all of it on request
        return _exit_code(error)
    return result if isinstance(result, int) else 0


def _exit_code(error: BaseException) -> int:
    match error:
        case typer.Exit():
            return error.exit_code
        case TyperException():
            return _fail(error.format_message(), USAGE)
        case KeyboardInterrupt() | typer.Abort():
            return _fail("interrupted", INTERRUPTED)
        case TwoGrpoError():
            return _fail(str(error), error.exit_code)
        case ModuleNotFoundError() if error.name in doctor.EXTRAS["train"]:
            return _fail(f'{error.name} is not installed; pip install "twogrpo[train]"', RUNTIME)
        case _:
            return _fail(f"{type(error).__name__}: {error}; --traceback shows where", RUNTIME)


def _fail(message: str, code: int) -> int:
    if show_traceback():
        traceback.print_exc()
    print(f"twogrpo: {' '.join(message.split())}", file=sys.stderr)
    return code
