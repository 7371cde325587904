"""The program `twogrpo`: its commands, and what becomes of their errors.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 2 usage or configuration, 3 data, 4 runtime,
130 interrupted.
"""

import os
import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from twogrpo.cli import config, demo, doctor, dpo, lint, online, pairs, store, verify
from twogrpo.cli.eval import eval_model
from twogrpo.cli.options import help_without_command, show_traceback
from twogrpo.errors import TwoGrpoError

__all__ = ["app", "main"]

INTERRUPTED = 130
RUNTIME = 4
USAGE = 2

app = typer.Typer(
    name="twogrpo",
    help="Post-train language models with two rollouts a prompt: 2-GRPO, and DPO on the same stored rollouts.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def program(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Print the version, or the commands where none is named."""
    if version:
        from twogrpo import __version__

        print(f"twogrpo {__version__}")
        raise typer.Exit
    help_without_command(context)


app.command("online")(online.online)
app.command("dpo")(dpo.dpo)
app.command("eval")(eval_model)
app.command("verify")(verify.verify)
app.command("lint")(lint.lint)
app.command("pairs")(pairs.pairs)
app.add_typer(store.app, name="store")
app.add_typer(config.app, name="config")
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit."""
    # Two threads that spin while they wait slow each other down tenfold on a busy small machine; torch reads this once.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        # What could not be written has been dealt with; the interpreter would try again on exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    command = typer.main.get_command(app)
    try:
        # Not app(): that turns an interrupt into a silent exit code.
        with command.make_context("twogrpo", sys.argv[1:] if arguments is None else arguments) as context:
            result = command.invoke(context)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe has gone: end quietly.
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last resort: one line, all of it on request
        return _exit_code(error)
    return result if isinstance(result, int) else 0


def _exit_code(error: BaseException) -> int:
    if isinstance(error, typer.Exit):
        return error.exit_code
    match error:
        case TyperException():
            failure = error.format_message().replace("Value error, ", ""), USAGE
        case KeyboardInterrupt() | typer.Abort():
            failure = str(error) or "interrupted", INTERRUPTED
        case TwoGrpoError():
            failure = str(error), error.exit_code
        case ModuleNotFoundError() if error.name in doctor.EXTRAS["train"]:
            failure = f'{error.name} is not installed; pip install "twogrpo[train]"', RUNTIME
        case OSError(strerror=str(reason)):
            place = error.filename2 or error.filename or "input or output"
            failure = f"{place}: {reason}; --traceback shows where", RUNTIME
        case _:
            failure = f"{type(error).__name__}: {error}; --traceback shows where", RUNTIME
    return _fail(*failure)


def _fail(message: str, code: int) -> int:
    if show_traceback():
        traceback.print_exc()
    print(f"twogrpo: {' '.join(message.split())}", file=sys.stderr)
    return code
