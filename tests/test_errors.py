"""The exception tree: what users catch, what crosses processes, and what the command line exits with."""

import inspect
import pickle

import pytest

from twogrpo import errors

TREE = [getattr(errors, name) for name in errors.__all__]
BUILT_IN = {
    "ConfigError": ValueError,
    "DataError": ValueError,
    "EngineError": ImportError,
    "StoreError": OSError,
    "TrainingError": RuntimeError,
    "TwoGrpoError": Exception,
    "VerifyError": ValueError,
}
EXIT_CODE = {
    "ConfigError": 2,
    "DataError": 3,
    "EngineError": 4,
    "StoreError": 4,
    "TrainingError": 4,
    "TwoGrpoError": 4,
    "VerifyError": 2,
}


def test_every_exception_of_the_module_is_public():
    defined = {
        name
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, Exception) and value.__module__ == errors.__name__
    }
    assert defined == set(errors.__all__)


@pytest.mark.parametrize("error", TREE, ids=errors.__all__)
def test_has_one_root(error):
    assert issubclass(error, errors.TwoGrpoError)


@pytest.mark.parametrize("error", TREE, ids=errors.__all__)
def test_is_also_the_built_in_that_it_specialises(error):
    assert issubclass(error, BUILT_IN[error.__name__])


@pytest.mark.parametrize("error", TREE, ids=errors.__all__)
def test_survives_pickling(error):
    raised = error("rollout.group_size=1: found 1, expected at least 2")
    again = pickle.loads(pickle.dumps(raised))
    assert (type(again), str(again), again.args) == (error, str(raised), raised.args)


@pytest.mark.parametrize("error", TREE, ids=errors.__all__)
def test_has_the_exit_code_of_its_kind(error):
    assert error.exit_code == EXIT_CODE[error.__name__]


@pytest.mark.parametrize("error", TREE, ids=errors.__all__)
def test_says_what_it_is_for(error):
    assert inspect.getdoc(error)
