r"""The scores for verl, loaded and called by its own reward managers where `verl` is installed."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from twogrpo.errors import VerifyError
from twogrpo.reward_functions.verl import compute_score, compute_score_batched

UNREADABLE = r"\oint f"
RESPONSES = [r"so \boxed{\frac12}", r"\boxed{3}", "no idea", r"\boxed{1}"]
GOLDS = ["0.5", np.array(["4", "5"]), 5, UNREADABLE]
SCORES = [
    {"score": 1.0, "acc": 1.0, "pred": r"\frac12", "status": "match", "failed": 0.0},
    {"score": 0.0, "acc": 0.0, "pred": "3", "status": "mismatch", "failed": 0.0},
    {"score": 0.0, "acc": 0.0, "pred": "", "status": "no_answer", "failed": 0.0},
    {"score": 0.0, "acc": 0.0, "pred": "1", "status": "unparsable_gold", "failed": 1.0},
]


@pytest.mark.parametrize(("response", "gold", "score"), list(zip(RESPONSES, GOLDS, SCORES, strict=True)))
def test_one_response(response, gold, score):
    assert compute_score("math", response, gold, {"index": 0}) == score


def test_a_batch():
    scores = compute_score_batched(
        data_sources=np.array(["math"] * 4), solution_strs=RESPONSES, ground_truths=GOLDS, extra_infos=[{}] * 4
    )
    assert scores == SCORES


def test_what_else_verl_hands_over_is_let_pass():
    assert compute_score("math", r"\boxed{1}", "1", reward_router_address="host:1")["score"] == 1.0


def test_the_profile_comes_from_reward_kwargs():
    assert compute_score("math", "The answer is 7.", "7")["score"] == 0.0
    assert compute_score("math", "The answer is 7.", "7", profile="eval")["score"] == 1.0
    with pytest.raises(VerifyError, match="lenient"):
        compute_score("math", "1", "1", profile="lenient")


def test_the_score_where_nothing_can_be_judged_is_the_user_s():
    score = compute_score("math", r"\boxed{1}", UNREADABLE, unscored=-1.0)
    assert (score["score"], score["acc"], score["failed"]) == (-1.0, 0.0, 1.0)
    (batched,) = compute_score_batched(["math"], [r"\boxed{1}"], [UNREADABLE], unscored=-1.0)
    assert batched == score


@pytest.fixture
def managers():
    pytest.importorskip("ray", reason="verl's reward managers need `pip install verl`")
    return pytest.importorskip("verl.workers.reward_manager", reason="verl's reward managers need `pip install verl`")


@pytest.fixture
def tokenizer():
    class Letters:
        def decode(self, ids, skip_special_tokens):  # noqa: ARG002  # as a tokenizer is called
            return "".join(chr(each) for each in ids)

    return Letters()


def batch_of(responses, golds):
    """Return a batch as verl's rollout workers hand it to a reward manager: left and right padding included."""
    from verl import DataProto

    width = max(map(len, responses)) + 3
    ids = torch.zeros(len(responses), width, dtype=torch.long)
    mask = torch.zeros(len(responses), 4 + width, dtype=torch.long)
    mask[:, 2:4] = 1
    for row, response in enumerate(responses):
        ids[row, : len(response)] = torch.tensor([ord(letter) for letter in response])
        mask[row, 4 : 4 + len(response)] = 1
    prompts = torch.tensor([[0, 0, ord("?"), ord("=")]] * len(responses))
    others = {
        "data_source": np.array(["math"] * len(golds), dtype=object),
        "reward_model": np.array([{"ground_truth": gold} for gold in golds], dtype=object),
        "extra_info": np.array([{} for _ in golds], dtype=object),
    }
    return DataProto.from_dict({"prompts": prompts, "responses": ids, "attention_mask": mask}, others)


# verl and what it imports warn about their own future.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "function"), [("naive", "compute_score"), ("batch", "compute_score_batched")])
def test_verl_s_own_reward_managers(managers, tokenizer, name, function):
    from omegaconf import OmegaConf
    from verl.trainer.ppo.reward import get_custom_reward_fn

    module = "pkg://twogrpo.reward_functions.verl"
    settings = {"path": module, "name": function, "reward_kwargs": {"profile": "rl"}}
    loaded = get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": settings}}))
    manager = managers.get_reward_manager_cls(name)(tokenizer=tokenizer, num_examine=0, compute_score=loaded)
    result = manager(batch_of(RESPONSES, GOLDS), return_dict=True)
    lengths = [len(response) for response in RESPONSES]
    rewards = result["reward_tensor"]
    assert [rewards[row, length - 1].item() for row, length in enumerate(lengths)] == [1.0, 0.0, 0.0, 0.0]
    assert rewards.sum() == 1.0
    assert result["reward_extra_info"] == {key: [score[key] for score in SCORES] for key in SCORES[0]}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_verl_s_reward_loop_scores_in_a_thread(managers, tokenizer):  # noqa: ARG001  # skips without verl
    import asyncio

    naive = pytest.importorskip(
        "verl.experimental.reward_loop.reward_manager.naive", reason="verl's reward loop needs its dependencies"
    )

    async def scored():
        manager = naive.NaiveRewardManager(SimpleNamespace(), tokenizer, compute_score)
        return await manager.run_single(batch_of(RESPONSES[:1], GOLDS[:1]))

    result = asyncio.run(scored())
    assert result == {"reward_score": 1.0, "reward_extra_info": SCORES[0]}
