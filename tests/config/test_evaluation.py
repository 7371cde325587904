import pytest

from twogrpo.config import DpoConfig, OnlineConfig
from twogrpo.config.evaluation import EvalConfig
from twogrpo.errors import ConfigError


def config(*overrides):
    return EvalConfig.load(None, ["model.path=m", "data.path=d", *overrides])


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), (1, 2, 4, 8)),
        (("eval.samples=6",), (1, 2, 4, 6)),
        (("eval.samples=1",), (1,)),
        (("eval.k=4",), (4,)),
        (("eval.k=[8,1,8]",), (1, 8)),
    ],
)
def test_the_k_of_pass_at_k(keys, expected):
    assert config(*keys).eval.ks == expected


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("eval.samples=0", r"eval\.samples=0"),
        ("eval.k=[1,16]", r"k=\[1, 16\] with samples=8"),
        ("eval.k=[]", "give one k or more"),
        ("eval.k=0", r"eval\.k"),
        ("eval.sample=2", r"unknown key eval\.sample; did you mean eval\.samples"),
        ("eval.data=d", r"did you mean"),
        ("eval.resamples=1", r"eval\.resamples=1"),
    ],
)
def test_a_wrong_key_is_named(key, message):
    with pytest.raises(ConfigError, match=message):
        config(key)


def test_problems_have_to_be_named():
    with pytest.raises(ConfigError, match=r"data\.path is missing"):
        EvalConfig.load(None, ["model.path=m"])


def test_an_online_run_is_evaluated_as_it_evaluates_itself():
    online = ["model.path=m", "data.path=train", "data.suffix=+", "eval.data=test", "eval.samples=4", "eval.top_k=5"]
    run = OnlineConfig.load(None, [*online, "rollout.max_new_tokens=48", "rollout.backend=transformers", "seed=3"])
    taken = EvalConfig.model_validate(EvalConfig.taken_from(run))
    assert (taken.data.path, taken.data.suffix, taken.seed, taken.reward.profile) == ("test", "+", 3, "rl")
    assert (taken.eval.samples, taken.eval.top_k, taken.eval.max_new_tokens) == (4, 5, 48)
    assert taken.rollout.backend == "transformers"


def test_a_dpo_run_is_evaluated_as_it_evaluates_itself():
    run = DpoConfig.load(None, ["model.path=m", "eval.data=test", "reward.profile=strict", "train.threads=1"])
    taken = EvalConfig.model_validate(EvalConfig.taken_from(run))
    assert (taken.eval.max_new_tokens, taken.rollout.backend) == (1024, "auto")
    assert (taken.reward.profile, taken.train.threads) == ("strict", 1)
