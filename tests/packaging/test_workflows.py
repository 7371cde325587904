"""What the workflow files and the release page call is there: they run on a host that no test can ask."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yml"))}
PAGES = (ROOT / "docs" / "releasing.md", ROOT / "CONTRIBUTING.md")
PLATFORMS = {
    "manylinux-x86_64",
    "manylinux-aarch64",
    "musllinux-x86_64",
    "musllinux-aarch64",
    "macos-x86_64",
    "macos-arm64",
    "windows-x64",
}

each_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def steps_of(name):
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job.get("steps", ())]


def commands_of(name):
    return "\n".join(step["run"] for step in steps_of(name) if "run" in step)


def matrix_of(name, job):
    return WORKFLOWS[name]["jobs"][job]["strategy"]["matrix"]["include"]


def make_targets():
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def missing_paths(text):
    """Return the paths of this repository's folders that a text names and that are not there."""
    named = re.findall(r"(?<![\w./-])(?:\.ci|\.github|docs|scripts|tests|rust)/[\w./-]*\w", text)
    return [path for path in named if not (ROOT / path).exists()]


def test_the_workflows_are_these():
    assert set(WORKFLOWS) == {"ci", "release", "wheels"}


@each_workflow
def test_its_commands_name_paths_that_are_there(name):
    assert missing_paths(commands_of(name)) == []


@each_workflow
def test_its_commands_name_targets_that_make_has(name):
    assert set(re.findall(r"\bmake ([a-z-]+)", commands_of(name))) <= make_targets()


@each_workflow
def test_it_may_only_read_unless_a_job_says_so(name):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}


def test_only_the_release_has_jobs_that_may_more():
    more = {
        (name, job): settings["permissions"]
        for name, workflow in WORKFLOWS.items()
        for job, settings in workflow["jobs"].items()
        if "permissions" in settings
    }
    assert more == {
        ("release", "publish"): {"id-token": "write"},
        ("release", "github"): {"contents": "write"},
    }


@each_workflow
def test_its_actions_have_a_version(name):
    used = [step["uses"] for step in steps_of(name) if "uses" in step]
    assert [action for action in used if re.fullmatch(r"[\w./-]+@(release/)?v\d[\w.]*", action) is None] == []


@each_workflow
def test_the_workflows_it_calls_are_there_and_may_be_called(name):
    called = [job["uses"].removeprefix("$/") for job in WORKFLOWS[name]["jobs"].values() if "uses" in job]
    # YAML reads the key `on` as true.
    assert [path for path in called if "workflow_call" not in WORKFLOWS[Path(path).stem][True]] == []


@each_workflow
def test_every_job_has_a_limit_of_time(name):
    jobs = WORKFLOWS[name]["jobs"]
    assert [job for job, settings in jobs.items() if not {"uses", "timeout-minutes"} & set(settings)] == []


def test_a_wheel_is_built_for_every_platform():
    assert {row["name"] for row in matrix_of("wheels", "build")} == PLATFORMS


def test_everything_that_is_built_is_used_where_it_runs():
    used = {row["dist"] for job in ("use", "use-musl") for row in matrix_of("wheels", job)}
    assert used == PLATFORMS | {"sdist"}


def test_wheels_are_built_in_a_profile_that_is_there():
    profiles = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["profile"]
    asked = {name for step in steps_of("wheels") for name in re.findall(r"--profile (\w+)", str(step.get("with")))}
    assert asked == {"dist"}
    assert asked <= set(profiles)


def test_what_starts_the_wheels_workflow_is_there():
    paths = WORKFLOWS["wheels"][True]["pull_request"]["paths"]
    assert [path for path in paths if not (ROOT / path.removesuffix("/**")).exists()] == []


def test_nothing_is_published_before_all_is_checked_and_used():
    needs = {job: settings.get("needs") for job, settings in WORKFLOWS["release"]["jobs"].items()}
    assert (needs["publish"], needs["github"]) == (["ci", "wheels"], "publish")


def test_the_pythons_are_those_that_are_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)}
    used = {row["python"] for row in matrix_of("wheels", "use")}
    assert used == declared


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_paths_and_targets_that_are_there(page):
    text = page.read_text(encoding="utf-8")
    assert missing_paths(text) == []
    assert set(re.findall(r"(?:`|^ +)make ([a-z-]+)", text, re.MULTILINE)) <= make_targets()


def test_the_hooks_are_read():
    pytest.importorskip("pre_commit", reason="pre-commit is not installed: pip install '.[dev]'")
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(ROOT / ".pre-commit-config.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_programs_of_the_hooks_are_installed():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    programs = {hook["entry"].split()[0] for hook in hooks}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    assert [program for program in programs if shutil.which(program, path=path) is None] == []
