"""Every public name says what it takes, gives and raises; the page of the Python interface names all of them."""

import inspect

import pytest

import twogrpo
from tests.docs.conftest import ROOT
from twogrpo.frames import TwogrpoExpr
from twogrpo.generate import Generator
from twogrpo.rewards import Reward

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
CLASSES = [twogrpo.RolloutStore, twogrpo.BatchPlan, twogrpo.OnlineConfig, twogrpo.DpoConfig, TwogrpoExpr]
PROTOCOLS = [Reward, Generator]


def functions():
    named = {name: getattr(twogrpo, name) for name in twogrpo.__all__}
    yield from ((name, value) for name, value in named.items() if inspect.isfunction(value))
    for kind in [*CLASSES, *PROTOCOLS]:
        own = {name: value for name, value in vars(kind).items() if not name.startswith("_")}
        for name, value in own.items():
            function = getattr(value, "__func__", value)
            if inspect.isfunction(function):
                yield f"{kind.__name__}.{name}", function


@pytest.mark.parametrize("name", [name for name in twogrpo.__all__ if name != "__version__"])
def test_a_public_name_has_a_docstring(name):
    assert (getattr(twogrpo, name).__doc__ or "").strip()


@pytest.mark.parametrize("name", twogrpo.__all__)
def test_the_page_names_it(name):
    assert f"twogrpo.{name}" in PAGE


@pytest.mark.parametrize(
    ("name", "function"), list(functions()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_docstring_names_every_argument(name, function):
    arguments = [each for each in inspect.signature(function).parameters if each not in {"self", "cls"}]
    text = function.__doc__ or ""
    missing = [each for each in arguments if f"{each}:" not in text and f"`{each}`" not in text]
    assert missing == [], name


@pytest.mark.parametrize(
    ("name", "function"), list(functions()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_docstring_says_what_is_returned(name, function):
    returns = inspect.signature(function).return_annotation
    text = function.__doc__ or ""
    assert returns in (None, "None") or text.startswith(("Return", "Whether")) or "Returns:" in text, name


def test_the_page_names_every_attribute_of_a_verdict():
    attributes = [name for name in dir(twogrpo.Verdict) if not name.startswith("_")]
    assert [name for name in attributes if f"`{name}`" not in PAGE] == []
