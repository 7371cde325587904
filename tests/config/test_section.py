from typing import Literal

import pytest

from twogrpo.config import OnlineConfig
from twogrpo.config.section import Section
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


@pytest.mark.parametrize("written", ["off", "'off'", "Off", "no", "false"])
def test_a_word_that_yaml_reads_as_a_truth_is_taken_where_it_is_an_option(written):
    assert load(f"objective.importance.level={written}").objective.importance.level == "off"


def test_a_truth_without_a_word_is_refused():
    with pytest.raises(ConfigError, match=r"objective\.importance\.level: found true, but this key does not take"):
        load("objective.importance.level=on")


@pytest.mark.parametrize(("truth", "word"), [(True, "on"), (False, "no"), (None, None)])
def test_the_option_may_be_one_of_several_kinds(truth, word):
    class Choice(Section):
        level: Literal["on", "no"] | None = "on"

    assert Choice(level=truth).level == word
