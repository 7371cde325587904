"""The built wheel: what is in it, and that it works where nothing but its declared dependencies is installed."""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target"), "COLUMNS": "80"}
# The clean environment is to find its own packages only.
CLEAN = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("PYTHON")}


def run(*command, env=None, cwd=ROOT):
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env or ENVIRONMENT)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def maturin(*arguments):
    pytest.importorskip("maturin", reason="maturin builds the wheel: pip install '.[dev]'")
    return run(sys.executable, "-m", "maturin", *arguments)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    maturin("build", "--release", "--locked", "--out", str(folder))
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def headers(wheel, names):
    (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(name).decode())


def base_requirements(texts):
    """Return the canonical names among requirement lines that hold without any extra."""
    parsed = map(Requirement, texts or ())
    return {
        canonicalize_name(each.name) for each in parsed if each.marker is None or each.marker.evaluate({"extra": ""})
    }


def closure(names):
    """Return the distributions of the running environment that the named ones need, themselves included."""
    found, open_names = {}, set(names)
    while open_names:
        name = open_names.pop()
        found[name] = metadata.distribution(name)
        open_names |= base_requirements(found[name].requires) - set(found)
    return list(found.values())


def link_into(site_packages, distribution):
    """Make an installed distribution visible in another environment of the same Python."""
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in {"..", "__pycache__"}}
    for top in tops:
        link = site_packages / top
        if not link.exists():
            link.symlink_to(distribution.locate_file(top))


@pytest.fixture(scope="module")
def clean(wheel, headers, tmp_path_factory):
    """The programs' folder of an environment that holds the wheel, its declared dependencies and nothing else.

    The dependencies are linked from the running environment, so that no network is needed.
    """
    folder = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    python = folder / "bin" / "python"
    site_packages = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for distribution in closure(base_requirements(headers.get_all("Requires-Dist"))):
        link_into(site_packages, distribution)
    install = ("install", "--no-deps", "--no-index", "--quiet", str(wheel))
    run(sys.executable, "-m", "pip", "--python", str(python), *install)
    return folder / "bin"


def test_one_wheel_serves_every_python_from_311_on(wheel):
    tags = parse_wheel_filename(wheel.name)[3]
    assert {(tag.interpreter, tag.abi) for tag in tags} == {("cp311", "abi3")}


def test_version_is_the_workspace_version(wheel):
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert str(parse_wheel_filename(wheel.name)[1]) == version


@pytest.mark.parametrize("name", ["twogrpo/py.typed", "twogrpo/_core.pyi", "twogrpo/config/tiny.yaml"])
def test_holds(names, name):
    assert name in names


def test_holds_one_compiled_core(names):
    assert [name for name in names if name.endswith((".so", ".pyd"))] in (
        ["twogrpo/_core.abi3.so"],
        ["twogrpo/_core.pyd"],
    )


def test_holds_the_licence(wheel, names):
    (name,) = (name for name in names if name.endswith("/licenses/LICENSE"))
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()


def test_holds_every_python_file_of_the_package(names):
    sources = {
        str(path.relative_to(ROOT / "python"))
        for path in (ROOT / "python").rglob("*")
        if path.suffix in {".py", ".pyi", ".yaml"}
    }
    assert sources <= set(names)


def test_holds_nothing_stray(names):
    wanted = re.compile(
        r"twogrpo/([a-z0-9_]+/)*[A-Za-z0-9_.-]+\.(py|pyi|typed|yaml|html|css|js|so|pyd)|twogrpo-[^/]+\.dist-info/.+"
    )
    assert [name for name in names if not wanted.fullmatch(name)] == []


def test_declares_its_licence_and_python(headers):
    assert (headers["License-Expression"], headers["Requires-Python"]) == ("Apache-2.0", ">=3.11")


def test_base_install_leaves_the_trainer_out(headers):
    assert base_requirements(headers.get_all("Requires-Dist")).isdisjoint({"torch", "transformers", "numpy"})


def test_source_distribution_holds_what_a_build_needs(tmp_path):
    maturin("sdist", "--out", str(tmp_path))
    (path,) = tmp_path.iterdir()
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    rust = {str(path.relative_to(ROOT)) for path in (ROOT / "rust").glob("*/src/**/*.rs")}
    wanted = {"Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "pyproject.toml", "python/twogrpo/py.typed"}
    assert wanted | {name for name in rust if not name.startswith("rust/fuzz/")} <= held


def test_the_clean_environment_has_no_torch(clean):
    code = "import importlib.util; print(importlib.util.find_spec('torch'))"
    assert run(str(clean / "python"), "-c", code, env=CLEAN, cwd=clean) == "None\n"


def test_imports_from_its_own_place(clean):
    found = run(str(clean / "python"), "-c", "import twogrpo; print(twogrpo.__file__)", env=CLEAN, cwd=clean)
    assert Path(found.strip()).is_relative_to(clean.parent)


def test_core_is_a_release_build(clean):
    code = "from twogrpo import _core; print(_core.is_release_build)"
    assert run(str(clean / "python"), "-c", code, env=CLEAN, cwd=clean) == "True\n"


def test_verifies_an_answer(clean):
    out = run(str(clean / "twogrpo"), "verify", r"so \boxed{4}", "--gold", "4", "--json", env=CLEAN, cwd=clean)
    assert json.loads(out)["correct"] is True


def test_explains_a_verdict(clean):
    out = run(str(clean / "twogrpo"), "verify", r"\boxed{4}", "--gold", "4", "--explain", env=CLEAN, cwd=clean)
    assert "match" in out


def test_doctor_says_how_to_get_the_trainer(clean):
    out = run(str(clean / "twogrpo"), "doctor", env=CLEAN, cwd=clean)
    assert 'pip install "twogrpo[train]"' in out


@pytest.mark.parametrize("module", ["twogrpo.store", "twogrpo.pairs", "twogrpo.verifier", "twogrpo.config"])
def test_imports_without_the_trainer(clean, module):
    run(str(clean / "python"), "-c", f"import {module}", env=CLEAN, cwd=clean)


def test_stores_and_pairs_rollouts(clean, tmp_path):
    code = """
import sys
import polars as pl
import twogrpo as tg

rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt": ["p", "p"], "reward": [1.0, 0.0], "response": ["a", "b"]}
with tg.RolloutStore.open(sys.argv[1], run_id="r", writer="w0") as store:
    store.append(pl.DataFrame(rows), step=0)
print(tg.build_pairs(tg.RolloutStore.open(sys.argv[1]), tg.PairSpec()).height)
"""
    out = run(str(clean / "python"), "-c", code, str(tmp_path / "store"), env=CLEAN, cwd=clean)
    assert out == "1\n"


def test_training_without_the_trainer_says_what_to_install(clean, tmp_path):
    data = tmp_path / "rows.jsonl"
    data.write_text('{"problem": "1+1", "answer": "2"}\n')
    done = subprocess.run(
        [str(clean / "twogrpo"), "online", "model.path=nowhere", f"data.path={data}", f"run_dir={tmp_path / 'run'}"],
        capture_output=True,
        text=True,
        check=False,
        env=CLEAN,
        cwd=tmp_path,
    )
    assert (done.returncode, "twogrpo[train]" in done.stderr) == (4, True), done.stderr
