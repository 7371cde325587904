"""Installs a wheel, or a source distribution, into a clean environment with its base dependencies, and uses it there.

    python scripts/smoke_wheel.py dist                    # the one distribution in that folder
    python scripts/smoke_wheel.py --environment FOLDER    # an environment that has it already

Every command that works without the trainer is run once, as a user types it. Exits 1 at the first that fails. Needs the
standard library only, and pip's index for the dependencies.
"""

import argparse
import json
import os
import subprocess
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
STORES_ROLLOUTS = """
import sys
import polars as pl
import twogrpo as tg

rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt": ["p", "p"], "reward": [1.0, 0.0], "response": ["a", "b"]}
with tg.RolloutStore.open(sys.argv[1], run_id="r", writer="w0") as store:
    store.append(pl.DataFrame(rows), step=0)
print(tg.build_pairs(tg.RolloutStore.open(sys.argv[1]), tg.PairSpec()).height)
"""
HAS_NO_TRAINER = """
import importlib.util, sys
import twogrpo
from twogrpo import _core
assert _core.is_release_build, "the core is a debug build"
assert importlib.util.find_spec("torch") is None, "torch is installed: the environment is not clean"
assert not {"polars", "numpy"} & set(sys.modules), "import twogrpo has loaded a heavy package"
print(twogrpo.__version__)
"""


@dataclass(frozen=True)
class Environment:
    """An environment that has twogrpo and nothing that it does not need.

    Attributes:
        programs: The folder of its programs.
        work: An empty folder to run them in.
    """

    programs: Path
    work: Path

    def python(self, *arguments: str) -> str:
        """Return what its Python prints."""
        return self.run("python", *arguments)

    def twogrpo(self, *arguments: str, code: int = 0) -> str:
        """Return what the program prints on stdout, or on stderr where it is to fail."""
        return self.run("twogrpo", *arguments, code=code)

    def run(self, program: str, *arguments: str, code: int = 0) -> str:
        """Return what one of its programs prints.

        Raises:
            AssertionError: It ends with another exit code.
        """
        # Nothing of the caller's environment may reach the programs.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        clean |= {"COLUMNS": "80", "PYTHONUTF8": "1"}
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.work,
            env=clean,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != code:
            raise AssertionError(f"{program} {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout if code == 0 else done.stderr


def imports_without_the_trainer(environment: Environment) -> None:
    """Import the package where torch is not."""
    version = environment.python("-c", HAS_NO_TRAINER).strip()
    assert environment.twogrpo("--version").split() == ["twogrpo", version]


def verifies_an_answer(environment: Environment) -> None:
    """Verify one answer, right and wrong."""
    for gold, correct in (("4", True), ("5", False)):
        out = environment.twogrpo("verify", r"so \boxed{4}", "--gold", gold, "--json")
        assert json.loads(out)["correct"] is correct


def verifies_a_file(environment: Environment) -> None:
    """Verify a file of rows, in their order."""
    rows = [{"id": f"é{n}", "gold": "4", "response": rf"\boxed{{{n}}}"} for n in range(8)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (environment.work / "rows.jsonl").write_text(text, encoding="utf-8")
    environment.twogrpo("verify", "rows.jsonl", "--out", "verdicts.jsonl")
    lines = (environment.work / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["correct"] for line in lines] == [n == 4 for n in range(8)]


def judges_as_every_platform_does(environment: Environment) -> None:
    """Judge the fixed set of answers: the verdicts are those that are kept."""
    print(environment.python(str(SCRIPTS / "verdicts.py")).strip())


def stores_rollouts(environment: Environment) -> None:
    """Write a store, check it, and make its pairs."""
    assert environment.python("-c", STORES_ROLLOUTS, "rollouts").strip() == "1"
    assert json.loads(environment.twogrpo("store", "check", "rollouts", "--deep", "--json"))["ok"] is True
    assert json.loads(environment.twogrpo("store", "info", "rollouts", "--json"))["rows"] == 2
    rows = environment.twogrpo("store", "query", "rollouts", "select sum(reward) as rewards from rollouts", "--json")
    assert json.loads(rows) == [{"rewards": 1.0}]
    assert json.loads(environment.twogrpo("pairs", "rollouts", "--json"))["pairs"] == 1


def shows_the_configuration(environment: Environment) -> None:
    """Show every key."""
    assert json.loads(environment.twogrpo("config", "show", "--json"))["rollout"]["group_size"] == 2


def says_what_is_missing(environment: Environment) -> None:
    """Say how to get the trainer: in the report of `doctor`, and in one line where it is needed."""
    assert 'pip install "twogrpo[train]"' in environment.twogrpo("doctor")
    (line,) = environment.twogrpo("online", code=4).splitlines()
    assert 'pip install "twogrpo[train]"' in line
    assert not (environment.work / "runs").exists(), "a run folder is left behind"


CHECKS: tuple[Callable[[Environment], None], ...] = (
    imports_without_the_trainer,
    verifies_an_answer,
    verifies_a_file,
    judges_as_every_platform_does,
    stores_rollouts,
    shows_the_configuration,
    says_what_is_missing,
)


def install(distribution: Path, folder: Path) -> None:
    """Install a distribution with its base dependencies into a fresh environment."""
    venv.create(folder, with_pip=True)
    command = [str(programs_of(folder) / "python"), "-m", "pip", "install", "--quiet", str(distribution)]
    subprocess.run(command, check=True)


def programs_of(environment: Path) -> Path:
    """Return the folder of an environment's programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def the_distribution(path: Path) -> Path:
    """Return a wheel or a source distribution itself, or the only one of a folder."""
    found = sorted(path.glob("twogrpo-*")) if path.is_dir() else [path]
    if len(found) != 1:
        raise SystemExit(f"{path}: found {[each.name for each in found]}, expected one distribution of twogrpo")
    return found[0].resolve()


def main() -> None:
    """Run every check."""
    parser = argparse.ArgumentParser(description="Use a built twogrpo in a clean environment.")
    parser.add_argument("distribution", type=Path, nargs="?", help="a wheel, an sdist, or a folder with one of them")
    parser.add_argument("--environment", type=Path, help="an environment that has twogrpo already")
    options = parser.parse_args()
    if (options.distribution is None) is (options.environment is None):
        parser.error("name either a distribution or an --environment")
    with tempfile.TemporaryDirectory() as folder:
        place = options.environment
        if place is None:
            place = Path(folder) / "environment"
            install(the_distribution(options.distribution), place)
        work = Path(folder) / "work"
        for check in CHECKS:
            work.mkdir(exist_ok=True)
            check(Environment(programs_of(place.resolve()), work))
            print(f"ok: {check.__name__.replace('_', ' ')}", flush=True)


if __name__ == "__main__":
    main()
