"""Every command, program, query and configuration of README and docs, run as it is written."""

import contextlib
import io
import json
import re
from itertools import zip_longest
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from tests.docs.blocks import LANGUAGES, blocks_of, commands_of, is_as_shown
from tests.docs.conftest import ROOT, shell
from twogrpo.cli.app import app
from twogrpo.config import DpoConfig, OnlineConfig
from twogrpo.config.load import merge, validate

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "bench" / "README.md", *(ROOT / "docs").glob("*.md")]
)

# Commands that no test runs as they stand: why, and what runs the same elsewhere, a test's file or .ci/run.
NOT_RUN = {
    "git clone <this repository> && cd twogrpo": ("the clone is where the tests run", None),
    "make setup": ("it made the environment of the tests", ".ci/run"),
    ". .venv/bin/activate": ("the tests' environment is another one", None),
    "twogrpo demo": ("two minutes", "tests/cli/test_demo.py"),
    "twogrpo online configs/gsm8k.yaml": ("a model of the hub, on a GPU", "tests/config/test_load.py"),
    "make demo": ("two minutes", "tests/cli/test_demo.py"),
    "make test": ("it is what runs this", ".ci/run"),
    "make docs": ("builds the environment first", "tests/docs/test_site.py"),
    "make docs-links": ("needs the network", None),
    "make reference": ("builds the environment first", "tests/docs/test_reference.py"),
    "python bench/step.py": ("minutes, beside a peer that the tests do not install", None),
    "python bench/step.py --quick": ("needs the peer that it measures beside", None),
    "python bench/step.py --json": ("as above", None),
    "cargo update --workspace --offline": ("changes the lock file", None),
    "python scripts/release_notes.py v1.2.3": ("there is no such version yet", "tests/packaging/test_release_notes.py"),
    ".ci/run": ("runs the tests", None),
    "make check-wheel": ("minutes, and a clean environment", ".github/workflows/wheels.yml"),
    'git commit --all --message "Release 1.2.3"': ("a release is made once", None),
    "git tag v1.2.3": ("a release is made once", None),
    "git push --atomic origin main v1.2.3": ("a release is made once", None),
    "gh run watch": ("needs the network", None),
    "python -m venv /tmp/released": ("what follows needs the network", None),
    "/tmp/released/bin/pip install twogrpo==1.2.3": ("needs the network", None),  # noqa: S108  # as the page has it
    "/tmp/released/bin/twogrpo doctor": ("needs the network", None),  # noqa: S108  # as the page has it
    "make bench": ("minutes, and installs the peers", None),
    'pip install "twogrpo[openrlhf]"': ("needs the network", None),
    "pip install --no-deps openrlhf==0.11.2 && pip install --no-build-isolation flash-attn": ("needs CUDA", None),
    "twogrpo online configs/openrlhf-2grpo.yaml": (
        "needs OpenRLHF; the test runs it with a small model, without a GPU",
        "tests/openrlhf/test_online.py",
    ),
    "ray start --head --port=6379 --num-gpus=8": ("needs Ray", "tests/openrlhf/harness.py"),
    "ray start --address=HEAD:6379 --num-gpus=8": ("needs a second machine", None),
    "ray status --address=HEAD:6379": ("needs a Ray cluster", None),
    "RAY_ADDRESS=HEAD:6379 twogrpo online configs/openrlhf-2grpo.yaml openrlhf.nodes=2 openrlhf.gpus_per_node=8 "
    "openrlhf.vllm_engines=16": ("needs 16 GPUs on two machines", None),
    "ray stop": ("needs a Ray cluster", None),
    "sbatch configs/cluster/online.slurm": ("needs Slurm", "tests/config/test_cluster_scripts.py"),
    "sbatch configs/cluster/online.slurm --resume": ("needs Slurm", None),
    "sbatch configs/cluster/dpo.slurm runs/openrlhf-2grpo": ("needs Slurm", "tests/config/test_cluster_scripts.py"),
    "configs/cluster/ray-job.sh http://HEAD:8265": ("needs a Ray cluster", "tests/config/test_cluster_scripts.py"),
    "configs/cluster/ray-job.sh http://HEAD:8265 --resume": ("needs a Ray cluster", None),
    "twogrpo online configs/openrlhf-2grpo.yaml --resume": ("needs OpenRLHF", "tests/openrlhf/test_online.py"),
    "twogrpo dpo runs/openrlhf-2grpo engine=openrlhf openrlhf.gpus_per_node=8": (
        "needs OpenRLHF",
        "tests/openrlhf/test_dpo.py",
    ),
    "twogrpo dpo runs/openrlhf-2grpo model.dtype=float32": ("needs the run of a cluster", None),
    "twogrpo dpo runs/cluster model.dtype=float32": ("needs the run of a cluster", None),
    "twogrpo online cluster.yaml model.path=runs/cluster-dpo/checkpoints/step-00000100 run_dir=runs/second": (
        "needs OpenRLHF",
        "tests/openrlhf/test_online.py",
    ),
    "twogrpo online cluster.yaml replay.rollouts=runs/online run_dir=runs/third": ("needs OpenRLHF", None),
    "twogrpo online my.yaml run_dir=runs/second replay.rollouts=runs/first replay.steps=20": (
        "needs a run of twenty steps",
        "tests/train/test_replay.py",
    ),
}


def each_block(*languages):
    return [block for page in PAGES for block in blocks_of(page, ROOT) if block.language in languages]


def shell_commands():
    return [command for block in each_block("console", "sh") for command in commands_of(block)]


def test_every_block_says_what_it_is():
    unknown = [
        f"{block.place} {block.language!r}"
        for page in PAGES
        for block in blocks_of(page, ROOT)
        if block.language not in LANGUAGES
    ]
    assert unknown == []


def test_an_output_stands_behind_what_prints_it():
    stray = []
    for page in PAGES:
        blocks = blocks_of(page, ROOT)
        before = [None, *blocks]
        stray += [
            block.place
            for block, previous in zip(blocks, before, strict=False)
            if block.language == "text" and (previous is None or previous.language not in {"python", "sql"})
        ]
    assert stray == []


def test_what_is_not_run_stands_on_a_page():
    assert set(NOT_RUN) - {command.text for command in shell_commands()} == set()


@pytest.mark.parametrize("elsewhere", sorted({by for _, by in NOT_RUN.values() if by}))
def test_what_runs_a_command_elsewhere_is_there(elsewhere):
    assert (ROOT / elsewhere).is_file()


def test_a_command_inside_a_sentence_exists():
    """`twogrpo NAME` and `make NAME` in running text; in blocks they are run."""
    program = get_command(app).commands
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    unknown = []
    for page in PAGES:
        for maker, name in re.findall(r"`(twogrpo|make) ([a-z][a-z-]+)\b", page.read_text(encoding="utf-8")):
            if name not in (program if maker == "twogrpo" else targets):
                unknown.append(f"{page.name}: {maker} {name}")
    assert unknown == []


@pytest.mark.parametrize("block", each_block("yaml"), ids=lambda block: block.place)
def test_a_yaml_block_loads(block):
    values = yaml.safe_load(block.text)
    if {"dpo", "pairs"} & values.keys():
        validate(DpoConfig, merge({"model": {"path": "tiny"}}, values))
    else:
        validate(OnlineConfig, merge({"model": {"path": "tiny"}, "data": {"path": "tiny"}}, values))


def test_a_json_block_is_json():
    for block in each_block("json"):
        json.loads(block.text)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_does_what_it_says(page, scratch, monkeypatch):
    monkeypatch.chdir(scratch)
    namespace = {"__name__": "__main__"}
    blocks = blocks_of(page, ROOT)
    for block, following in zip_longest(blocks, blocks[1:]):
        shown = following if following is not None and following.language == "text" else None
        _run(block, shown, scratch, namespace)


def _run(block, shown, folder, namespace):
    if block.file_name:
        Path(folder, block.file_name).write_text(block.text + "\n")
    if block.language in {"console", "sh"}:
        for command in commands_of(block):
            if command.text not in NOT_RUN:
                _run_shell(command, folder)
    elif block.language in {"python", "sql"}:
        printed = _executed(block, namespace)
        if shown is not None:
            assert is_as_shown(printed, shown.text, has_figures=shown.has_figures), f"{shown.place}:\n{printed}"


def _run_shell(command, folder):
    code, printed = shell(command.text, folder)
    fails = command.shown is not None and re.search(r"^twogrpo: ", command.shown, flags=re.MULTILINE)
    assert (code != 0) == bool(fails), f"{command.place}: `{command.text}` exits {code}:\n{printed}"
    if command.shown:
        is_right = is_as_shown(printed, command.shown, has_figures=command.has_figures)
        assert is_right, f"{command.place}: `{command.text}` prints\n{printed}"


def _executed(block, namespace):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if block.language == "sql":
            import duckdb

            printed.write(str(duckdb.sql(block.text)))
        else:
            exec(compile(block.text, block.place, "exec"), namespace)  # noqa: S102  # the page's program
    return printed.getvalue()
