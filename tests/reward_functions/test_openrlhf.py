r"""The reward file for OpenRLHF, loaded and called by its own agent where `openrlhf` is installed."""

import asyncio
from types import SimpleNamespace

import pytest
import torch

from twogrpo.errors import DataError, VerifyError
from twogrpo.reward_functions import openrlhf
from twogrpo.reward_functions.openrlhf import response_of, reward_func

UNREADABLE = r"\oint f"
PROMPT = r"What is half of 1? Put it into \boxed{}. For example \boxed{0.5}."


def of(response, label="0.5", **options):
    """Return the rewards of one response as plain numbers."""
    result = reward_func([PROMPT + response], [PROMPT], [label], **options)
    assert torch.equal(result["rewards"], result["scores"])
    return result["rewards"].tolist(), {name: log.tolist() for name, log in result["extra_logs"].items()}


@pytest.mark.parametrize(
    ("response", "label", "reward", "failed", "no_answer"),
    [
        (r"so \boxed{\frac12}", "0.5", 1.0, 0.0, 0.0),
        (r"so \boxed{\frac12}", ["1", "1/2"], 1.0, 0.0, 0.0),
        (r"so \boxed{3}", 0.5, 0.0, 0.0, 0.0),
        (r"so \boxed{", "0.5", 0.0, 0.0, 1.0),
        (r"so \boxed{3}", UNREADABLE, 0.0, 1.0, 0.0),
        (r"so \boxed{3}", None, 0.0, 1.0, 0.0),
    ],
)
def test_one_response(response, label, reward, failed, no_answer):
    assert of(response, label) == ([reward], {"failed": [failed], "no_answer": [no_answer]})


def test_the_prompt_is_not_searched():
    """Else a policy that says nothing would be paid for the example."""
    assert of("") == ([0.0], {"failed": [0.0], "no_answer": [1.0]})


def test_several_responses():
    result = reward_func(["a" + r"\boxed{1}", "b" + r"\boxed{1}"], ["a", "b"], ["1", "2"])
    assert result["rewards"].tolist() == [1.0, 0.0]
    assert result["rewards"].dtype == torch.float32


def test_the_reward_where_nothing_can_be_judged_is_the_user_s():
    assert of(r"\boxed{1}", UNREADABLE, unscored=-1.0)[0] == [-1.0]


def test_the_profile():
    assert of("The answer is 0.5<|im_end|>")[0] == [0.0]
    assert of("The answer is 0.5<|im_end|>", profile="eval")[0] == [1.0]
    with pytest.raises(VerifyError, match="lenient"):
        of("1", profile="lenient")


@pytest.mark.parametrize(
    ("query", "prompt", "response"),
    [
        ("2+2=4", "2+2=", "4"),
        ("<s>2+2=4</s>", "2+2=", "4"),
        ("2+2=4<|im_end|><|endoftext|>", "2+2=", "4"),
        ("2+2=2+2=4", "2+2=", "2+2=4"),
        ("2+2=<b> 1<2 > 0", "2+2=", "<b> 1<2 > 0"),
        ("2+2=", "2+2=", ""),
        ("4", "", "4"),
        # OpenRLHF keeps the last tokens of a prompt that is too long.
        (f"{'x' * 40}2+2=4", f"{'y' * 100}{'x' * 40}2+2=", "4"),
        (f"{'xy' * 20}=4", f"{'xy' * 50}=", "4"),
    ],
)
def test_the_response_is_what_follows_the_prompt(query, prompt, response):
    assert response_of(query, prompt) == response


def test_many_special_tokens_take_linear_time():
    assert response_of("?" + "<a>" * 300_000 + "x", "?").endswith("<a>x")
    assert response_of("?" + "<a>" * 300_000, "?") == ""


def test_a_prompt_that_is_not_there_is_an_error():
    with pytest.raises(DataError, match="'2 \\+ 2 =' is not in its query '2\\+2=4'"):
        response_of("2+2=4", "2 + 2 =")


@pytest.fixture
def agent():
    module = pytest.importorskip("openrlhf.utils.agent", reason="OpenRLHF's agent needs `pip install openrlhf`")
    return module.SingleTurnAgentExecutor(openrlhf.__file__)


class Engine:
    """A vLLM engine that says one thing."""

    def __init__(self, token_ids):
        self._token_ids = token_ids

    async def generate(self, *_, **__):
        output = SimpleNamespace(token_ids=self._token_ids, finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


# OpenRLHF and what it imports warn about their own future.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("answer", "label", "reward", "failed"), [("15", "15", 1, 0), ("15", UNREADABLE, 0, 1)])
def test_openrlhf_s_own_agent(agent, model_folder, answer, label, reward, failed):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    prompt = "7+8="
    said = tokenizer(rf"\boxed{{{answer}}}")["input_ids"] + [tokenizer.eos_token_id]
    sampling = SimpleNamespace(max_tokens=32, logprobs=None)
    output = asyncio.run(agent.execute(prompt, label, sampling, 64, tokenizer, Engine(said)))
    assert [output["reward"].item(), output["scores"].item()] == [reward, reward]
    assert output["extra_logs"]["failed"].item() == failed


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_openrlhf_keeps_what_it_is_given(agent):
    """Its samples generator makes tensors of one element of it."""
    (result,) = asyncio.run(agent._fetch_rewards_via_func([PROMPT + r"\boxed{0.5}"], [PROMPT], ["0.5"]))
    assert torch.tensor([result["rewards"]]).tolist() == [1.0]
    assert all(log.flatten()[0].item() == 0.0 for log in result["extra_logs"].values())
