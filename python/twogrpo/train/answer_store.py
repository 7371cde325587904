"""A candidate's answers, sampled and stored call by call, so that an interrupt loses one call at most."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twogrpo.errors import ConfigError
from twogrpo.evaluate import Answering, problem_scores
from twogrpo.generate import make_generator
from twogrpo.models import compute_dtype, load_outline, load_policy, load_tokenizer, select_device, set_threads
from twogrpo.rewards import load_reward
from twogrpo.train.evaluation import answer_plan, load_prompts
from twogrpo.train.session import provenance

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.config.evaluation import EvalConfig
    from twogrpo.monitor import Console
    from twogrpo.train.candidates import Candidate
    from twogrpo.train.evaluation_folder import EvaluationFolder

__all__ = ["check_loadable", "store_answers"]


@dataclass
class _Progress:
    """Problems answered, of all of them."""

    done: int
    total: int


def check_loadable(config: "EvalConfig") -> list[str]:
    """Return the prompt_id of every problem, and make sure that the evaluation can begin; no weights are loaded.

    Raises:
        ConfigError, DataError, EngineError: The model or the problems cannot be used.
    """
    select_device(config.model.device)
    load_reward(config.reward.function, config.reward.profile, config.reward.extract)
    tokenizer = load_tokenizer(config.model.path)
    load_outline(config.model.path)
    return [prompt.prompt_id for prompt in load_prompts(config.data.path or "", tokenizer, config).prompts]


def store_answers(candidate: "Candidate", folder: "EvaluationFolder", console: "Console") -> None:
    """Answer the problems that have no stored answers yet, and store what is answered.

    Raises:
        ConfigError, DataError, EngineError: The model cannot be loaded, or the problems cannot be read.
        StoreError: The store cannot be written.
        KeyboardInterrupt: On Ctrl-C; it says how to go on.
    """
    config = candidate.config
    answering, provenance_of_rows = _open(config)
    plan, total = answering.plan, len(answering.prompts)
    with folder.begin(config, provenance_of_rows) as store:
        progress = _Progress(_stored_problems(folder, answering) if folder.is_resumed else 0, total)
        console.note(f"{candidate.name}: {total:,} problems, {plan.answers_per_problem} answers each")
        with _explained(progress, folder):
            started = time.perf_counter()
            for answers in answering.calls(progress.done):
                rows = _of_candidate(answers, candidate)
                call = progress.done // plan.problems_per_call
                store.append(rows if config.store.keep_text else rows.drop("response"), step=call, phase="eval")
                store.flush()
                progress.done += answers["group_id"].n_unique()
                figures = _figures(answers, plan.samples, time.perf_counter() - started)
                console.step(progress.done, total, figures, "eval")
                started = time.perf_counter()


def _open(config: "EvalConfig") -> tuple[Answering, dict[str, str]]:
    """Return the loaded model with its problems, and the hashes for the footers of what it answers."""
    device = select_device(config.model.device)
    set_threads(config.train.threads)
    reward = load_reward(config.reward.function, config.reward.profile, config.reward.extract)
    tokenizer = load_tokenizer(config.model.path)
    prompts = load_prompts(config.data.path or "", tokenizer, config)
    model = load_policy(config.model.path, device=device, gradient_checkpointing=False)
    # Weights that nothing trains are shared with the sampler instead of copied.
    model.requires_grad_(requires_grad=False)
    generator = make_generator(model, tokenizer, backend=config.rollout.backend, dtype=compute_dtype(config.model))
    longest, greedy = config.eval.max_new_tokens, config.eval.greedy
    plan = answer_plan(config.eval, seed=config.seed, max_new_tokens=longest, greedy=greedy)
    return Answering(generator, tokenizer, prompts.prompts, reward, plan), provenance(config, tokenizer)


def _stored_problems(folder: "EvaluationFolder", answering: Answering) -> int:
    """Return how many problems have their answers stored; always whole calls from the first on.

    Raises:
        ConfigError: They are other problems than those of the file.
    """
    stored = folder.answers().unique("group_id").sort("group_id")
    known = [prompt.prompt_id for prompt in answering.prompts[: len(stored)]]
    if stored["prompt_id"].to_list() != known:
        raise ConfigError(
            f"{folder.path} holds answers to other problems than data.path names; give the same file, or begin "
            "another evaluation"
        )
    return len(stored)


@contextmanager
def _explained(progress: _Progress, folder: "EvaluationFolder") -> Iterator[None]:
    """Say on Ctrl-C what is there and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; the answers to {progress.done:,} of {progress.total:,} problems are stored, "
            f"go on with --out {folder.path} --resume"
        ) from None


def _of_candidate(answers: "pl.DataFrame", candidate: "Candidate") -> "pl.DataFrame":
    import polars as pl

    version = pl.lit(candidate.policy_version, dtype=pl.Int32)
    return answers.with_columns(
        model_id=pl.lit(candidate.model_id),
        dtype=pl.lit(candidate.config.model.dtype),
        policy_version=version,
        policy_version_max=version,
    )


def _figures(answers: "pl.DataFrame", samples: int, seconds: float) -> dict[str, str]:
    """Return what a person wants to see of a call."""
    problems = problem_scores(answers, samples)
    count = len(problems) * samples
    tokens = int(answers["response_ids"].list.len().sum())
    return {
        f"mean@{samples}": f"{sum(sum(problem.samples) for problem in problems) / count:.3f}",
        "cut": f"{sum(problem.cut for problem in problems) / count:.2f}",
        "len": f"{sum(problem.tokens for problem in problems) / count:.0f}",
        "tok/s": f"{tokens / max(1e-9, seconds) / 1000:.1f}k",
    }
