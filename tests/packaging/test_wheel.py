"""The built wheel: what is in it, and that it works where nothing but its declared dependencies is installed.

What is used there is what `scripts/smoke_wheel.py` uses on every platform after a wheel is built.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
# What is compiled already is used, as `make` does.
ENVIRONMENT = {"CARGO_TARGET_DIR": str(ROOT / "target"), **os.environ, "COLUMNS": "80"}


def smoke_script():
    """Return scripts/smoke_wheel.py as a module."""
    spec = importlib.util.spec_from_file_location("smoke_wheel", ROOT / "scripts" / "smoke_wheel.py")
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look up the module of a class.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SMOKE = smoke_script()


def run(*command, cwd=ROOT):
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=ENVIRONMENT)
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
    programs = SMOKE.programs_of(folder)
    python = programs / "python"
    site_packages = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for distribution in closure(base_requirements(headers.get_all("Requires-Dist"))):
        link_into(site_packages, distribution)
    install = ("install", "--no-deps", "--no-index", "--quiet", str(wheel))
    run(sys.executable, "-m", "pip", "--python", str(python), *install)
    return programs


@pytest.fixture
def environment(clean, tmp_path):
    return SMOKE.Environment(clean, tmp_path)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    maturin("sdist", "--out", str(folder))
    (path,) = folder.iterdir()
    return path


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
        if path.suffix in {".py", ".pyi", ".yaml", ".json"}
    }
    assert sources <= set(names)


def test_holds_nothing_stray(names):
    wanted = re.compile(
        r"twogrpo/([a-z0-9_]+/)*[A-Za-z0-9_.-]+\.(py|pyi|typed|yaml|json|html|css|js|so|pyd)|twogrpo-[^/]+\.dist-info/.+"
    )
    assert [name for name in names if not wanted.fullmatch(name)] == []


def test_declares_its_licence_and_python(headers):
    assert (headers["License-Expression"], headers["Requires-Python"]) == ("Apache-2.0", ">=3.11")


def test_base_install_leaves_the_trainer_out(headers):
    assert base_requirements(headers.get_all("Requires-Dist")).isdisjoint({"torch", "transformers", "numpy"})


def test_extras_are_those_of_pyproject(headers):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(headers.get_all("Provides-Extra")) == set(project["optional-dependencies"])


def test_every_extra_that_a_message_names_is_there(headers):
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "python").rglob("*.py")]
    named = {extra for text in texts for extra in re.findall(r"twogrpo\[([a-z]+)\]", text)}
    assert named
    assert named <= set(headers.get_all("Provides-Extra"))


def test_the_page_of_the_package_is_the_readme(headers):
    assert headers["Description-Content-Type"].startswith("text/markdown")
    assert headers.get_payload().strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()


def test_source_distribution_holds_what_a_build_needs(sdist):
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    rust = {str(path.relative_to(ROOT)) for path in (ROOT / "rust").glob("*/src/**/*.rs")}
    wanted = {"Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "pyproject.toml", "python/twogrpo/py.typed"}
    assert wanted | {name for name in rust if not name.startswith("rust/fuzz/")} <= held


def test_source_distribution_holds_nothing_built(sdist):
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert [name for name in names if name.endswith((".so", ".pyd", ".pyc")) or "/target/" in name] == []


def test_source_distribution_becomes_the_same_wheel(sdist, wheel, names, tmp_path):
    """As pip builds it for a platform that has no wheel, and from a checkout: through the build backend."""
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet", "--wheel-dir", str(tmp_path))
    run(sys.executable, "-m", "pip", "wheel", *options, str(sdist), cwd=tmp_path)
    (built,) = tmp_path.iterdir()
    assert parse_wheel_filename(built.name)[:2] == parse_wheel_filename(wheel.name)[:2]
    with zipfile.ZipFile(built) as archive:
        assert set(archive.namelist()) == set(names)


def test_imports_from_its_own_place(environment):
    found = environment.python("-c", "import twogrpo; print(twogrpo.__file__)")
    assert Path(found.strip()).is_relative_to(environment.programs.parent)


@pytest.mark.parametrize("check", SMOKE.CHECKS, ids=lambda check: check.__name__)
def test_in_the_clean_environment_it(check, environment):
    check(environment)


@pytest.mark.parametrize("module", ["twogrpo.store", "twogrpo.pairs", "twogrpo.verifier", "twogrpo.config"])
def test_imports_without_the_trainer(environment, module):
    environment.python("-c", f"import {module}")


def test_a_model_of_ones_own_asks_for_the_trainer_too(environment):
    (environment.work / "rows.jsonl").write_text('{"problem": "1+1", "answer": "2"}\n', encoding="utf-8")
    said = environment.twogrpo("online", "model.path=nowhere", "data.path=rows.jsonl", "run_dir=run", code=4)
    assert "twogrpo[train]" in said
