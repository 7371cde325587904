"""What the tests of the real OpenRLHF share: a model, problems, a reward that decides pairs, and launches.

They are collected only where vLLM is installed: `make test-openrlhf` runs them in an environment of their own. There a
test that skips has failed.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import PARITY_REWARD, SHAPES, write_rows

IS_INSTALLED = find_spec("vllm") is not None
collect_ignore_glob = [] if IS_INSTALLED else ["*"]

TIMEOUT_S = 400
PROBLEMS = 64


def pytest_configure(config):
    if IS_INSTALLED:
        # The packages under test warn while they are imported.
        config.addinivalue_line("filterwarnings", "ignore")
        config.addinivalue_line("filterwarnings", "error:::twogrpo")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A random Qwen2 in bfloat16 with heads as wide as vLLM's CPU kernels need."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from twogrpo.tiny.tokenizer import build_tokenizer

    folder, tokenizer = tmp_path_factory.mktemp("tiny_model"), build_tokenizer()
    torch.manual_seed(0)
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    # Narrower than in other tests: bfloat16 rounds large logits by as much as one update changes them.
    shapes = {**SHAPES, **heads, "vocab_size": len(tokenizer), "initializer_range": 0.03}
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    Qwen2ForCausalLM(Qwen2Config(**shapes, **ids, tie_word_embeddings=True)).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def problems(tmp_path_factory):
    """A JSON Lines file of the embedded task's problems with their answers."""
    from twogrpo.tiny.task import problems

    drawn = problems("train", seed=0)[:PROBLEMS]
    rows = [{"problem": problem.question, "answer": str(problem.answer)} for problem in drawn]
    return write_rows(tmp_path_factory.mktemp("problems") / "problems.jsonl", rows)


@pytest.fixture(scope="session")
def parity_reward(tmp_path_factory):
    """A reward that decides about half of the pairs, whatever the model writes."""
    file = tmp_path_factory.mktemp("reward") / "rewards_of_test.py"
    file.write_text(PARITY_REWARD)
    return f"{file}:parity"


@pytest.fixture(scope="module")
def on_cpu():
    """Let this process and those that it spawns import OpenRLHF; more variables for them may be set."""
    folder = str(Path(__file__).parent / "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", folder)
        patch.setenv("DS_ACCELERATOR", "cpu")
        patch.syspath_prepend(folder)
        yield patch


@pytest.fixture(scope="session")
def start_launch():
    """Start `twogrpo ARGUMENTS` as a `Launch`, which the test waits for; what still runs at the end is ended."""
    from tests.openrlhf.harness import Launch

    launches = []

    def start(arguments, *, ranks=1, env=None):
        program = ["-m", "twogrpo", *arguments]
        if ranks > 1:
            program = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}", *program]
        launches.append(Launch([sys.executable, *program], with_ray=arguments[0] == "online", env=env))
        return launches[-1]

    yield start
    for launch in launches:
        launch.end()


@pytest.fixture(scope="session")
def launch(start_launch):
    """Run `twogrpo ARGUMENTS` in the real OpenRLHF to its end, and return its `Outcome`.

    A launch takes about a minute: tests share one by a fixture of their module that returns its outcome.

    Args:
        arguments: The words after `twogrpo`.
        ranks: Above 1, as many processes as torchrun would start for `dpo`; `online` has its own by its configuration.
        code: The exit code that is expected; with another one the end of the log is the message.
        timeout_s: All its processes are killed after so many seconds, and the test fails.
        env: More environment variables, for the program and for its workers.
    """

    def run(arguments, *, ranks=1, code=0, timeout_s=TIMEOUT_S, env=None):
        outcome = start_launch(arguments, ranks=ranks, env=env).wait(timeout_s)
        assert outcome.code == code, outcome.tail
        return outcome

    return run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _failed_if_skipped((yield))


def _failed_if_skipped(report):
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"a skip is a failure here: {report.longrepr}"
    return report
