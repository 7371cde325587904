"""The paper's two recipes, as shipped: the flags that OpenRLHF gets."""

from pathlib import Path

import pytest

from tests.openrlhf_flags.configs import by_flag
from twogrpo.config import OnlineConfig
from twogrpo.openrlhf.flags import online_flags

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(params=[("openrlhf-2grpo", 256, 2, 8e-6), ("openrlhf-16grpo", 32, 16, 1e-6)], ids=lambda case: case[0])
def recipe(request):
    name, prompts, group, rate = request.param
    config = OnlineConfig.load(CONFIGS / f"{name}.yaml")
    words = online_flags(
        config,
        model="m",
        run=Path("/runs/r"),
        total_steps=290,
        max_len=4096,
        agent=Path("/agents/agent.py"),
        is_resumed=False,
    )
    return by_flag(words), prompts, group, rate


def test_a_recipe_has_the_paper_s_numbers(recipe):
    flags, prompts, group, rate = recipe
    assert flags["--rollout.batch_size"] == [str(prompts)]
    assert flags["--rollout.n_samples_per_prompt"] == [str(group)]
    assert float(flags["--actor.adam.lr"][0]) == rate


def test_a_recipe_trains_once_on_512_rollouts_a_batch(recipe):
    flags, *_ = recipe
    assert flags["--train.batch_size"] == ["512"]
    assert flags["--train.max_epochs"] == ["1"]


def test_a_recipe_samples_from_the_whole_distribution_without_a_kl_term(recipe):
    flags, *_ = recipe
    assert (flags["--rollout.temperature"], flags["--rollout.top_p"]) == (["1.0"], ["1.0"])
    assert flags["--algo.kl.init_coef"] == ["0"]


def test_a_recipe_is_the_paper_s_optimizer(recipe):
    flags, *_ = recipe
    assert flags["--actor.optim"] == ["adam"]
    assert flags["--actor.adam.weight_decay"] == ["0.0"]
    assert flags["--actor.lr_scheduler"] == ["constant_with_warmup"]
    assert float(flags["--actor.lr_warmup_ratio"][0]) * 290 == pytest.approx(9.5)
