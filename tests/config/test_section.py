import pytest

from twogrpo.config import OnlineConfig
from twogrpo.errors import ConfigError


def load(*overrides):
    return OnlineConfig.load(None, ["model.path=m", "data.path=d", *overrides])


@pytest.mark.parametrize("override", ["train.steps=true", "train.learning_rate=true", "train.betas=[false,0.9]"])
def test_a_truth_is_no_number(override):
    with pytest.raises(ConfigError, match=r"train\.\w+: found (true|false), but this key does not take true or false"):
        load(override)


@pytest.mark.parametrize("override", ["data.system=none", "train.max_grad_norm=None"])
def test_no_value_is_written_null(override):
    with pytest.raises(ConfigError, match=r"found the text \w+; to say that there is no value, write null"):
        load(override)
    assert load(override.split("=")[0] + "=null").data.system is None


def test_none_is_a_value_where_it_is_one():
    assert load("data.template=none").data.template == "none"


def test_a_switch_takes_a_truth():
    assert load("model.gradient_checkpointing=true").model.gradient_checkpointing is True
