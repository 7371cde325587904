"""What is loaded when: the base install and the help text never wait for the trainer's packages."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "polars", "numpy", "pyarrow", "accelerate", "peft")
REPORT = f"""
import json, sys
loaded = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps(loaded))
"""


def heavy_modules_after(code):
    """Return which of the heavy packages a fresh interpreter has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_import_loads_nothing_heavy():
    assert heavy_modules_after("import twogrpo") == []


@pytest.mark.parametrize("arguments", [[], ["online"], ["dpo"], ["verify"], ["pairs"], ["store"], ["config"]])
def test_help_loads_nothing_heavy(arguments):
    code = f"""
from twogrpo.cli import main
try:
    main({[*arguments, "--help"]!r})
except SystemExit as end:
    assert not end.code, end.code
"""
    assert heavy_modules_after(code) == []


def test_the_commands_are_listed_without_the_configuration():
    """Its models take longer to build than all else together."""
    code = """
import sys
from twogrpo.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
assert not {"pydantic", "yaml", "omegaconf", "twogrpo.config"} & set(sys.modules)
"""
    assert heavy_modules_after(code) == []


def test_verifying_one_answer_loads_nothing_heavy():
    code = r"""
import twogrpo
assert twogrpo.verify(r"\boxed{4}", gold="4").correct
"""
    assert heavy_modules_after(code) == []


def test_reading_a_configuration_loads_nothing_heavy():
    assert heavy_modules_after("import twogrpo; twogrpo.OnlineConfig.load(None, ['model.path=m', 'data.path=d'])") == []


def test_every_public_name_can_be_had():
    import twogrpo

    assert [name for name in twogrpo.__all__ if not hasattr(twogrpo, name)] == []


def test_an_unknown_name_is_an_attribute_error():
    import twogrpo

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = twogrpo.nothing


def test_dir_lists_what_is_public():
    import twogrpo

    assert set(twogrpo.__all__) <= set(dir(twogrpo))
