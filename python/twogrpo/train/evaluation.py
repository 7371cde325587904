"""Evaluations inside a run: at the start, every so many steps and at the end, stored beside the rollouts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twogrpo.evaluate import Evaluation, evaluate
from twogrpo.generate import SamplingParams
from twogrpo.prompts import Prompt, PromptSet

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from twogrpo.config import RunConfig
    from twogrpo.generate import Generator
    from twogrpo.rewards import Reward
    from twogrpo.store import RolloutStore
    from twogrpo.train.session import Session

__all__ = ["Evaluator", "evaluate_as_configured", "evaluation_scores", "load_prompts"]

# Far from the seeds of training, and equal for every run of one seed, so that arms are compared on equal draws.
SEED_OFFSET = 1_000_000_007


def load_prompts(path: str, tokenizer: "PreTrainedTokenizerBase", config: "RunConfig") -> PromptSet:
    """Return the problems of a file, rendered as `data` says."""
    data = config.data
    return PromptSet.load(
        path,
        tokenizer,
        prompt_column=data.prompt_column,
        gold_column=data.gold_column,
        system=data.system,
        suffix=data.suffix,
        template=data.template,
        max_prompt_tokens=data.max_prompt_tokens,
    )


def evaluate_as_configured(
    generator: "Generator",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[Prompt],
    reward: "Reward",
    config: "RunConfig",
    *,
    max_new_tokens: int,
) -> Evaluation:
    """Return the scores of the generator's model, sampled as `eval` says.

    Args:
        generator: Answers with the weights of its last `sync`.
        tokenizer: Decodes the answers.
        prompts: The problems.
        reward: Scores the answers.
        config: Its `eval` section and seed are used.
        max_new_tokens: Longest answer where `eval.max_new_tokens` is not set.
    """
    section = config.eval
    params = SamplingParams(
        max_new_tokens=section.max_new_tokens or max_new_tokens,
        temperature=section.temperature,
        top_p=section.top_p,
        top_k=section.top_k,
    )
    seed = config.seed + SEED_OFFSET
    return evaluate(generator, tokenizer, prompts, reward, samples=section.samples, params=params, seed=seed)


def evaluation_scores(result: Evaluation) -> dict[str, float]:
    """Return the three scores under the names that summaries use: mean_at_K, pass_at_K, greedy."""
    return {
        f"mean_at_{result.k}": round(result.mean_at_k, 6),
        f"pass_at_{result.k}": round(result.pass_at_k, 6),
        "greedy": round(result.greedy, 6),
    }


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a session's model on held-out problems.

    Attributes:
        session: The run.
        prompts: The problems; empty when nothing is evaluated.
        max_new_tokens: Longest answer where `eval.max_new_tokens` is not set.
        store: Where every answer goes, under the phase `eval`.
    """

    session: "Session"
    prompts: Sequence[Prompt]
    max_new_tokens: int
    store: "RolloutStore"

    @classmethod
    def open(cls, session: "Session", *, max_new_tokens: int, store: "RolloutStore") -> "Evaluator":
        """Return the evaluator that the run's `eval` section describes."""
        path = session.sources.eval_data
        prompts = () if path is None else load_prompts(path, session.tokenizer, session.config).prompts
        return cls(session, prompts, max_new_tokens, store)

    def is_due(self, total: int) -> bool:
        """Return whether the model of this moment is evaluated."""
        step, every = self.session.state.step, self.session.config.eval.every_steps
        return bool(self.prompts) and (step in (0, total) or (every > 0 and step % every == 0))

    def run(self) -> None:
        """Evaluate, store the answers, and write a line of metrics."""
        session, start = self.session, time.perf_counter()
        session.generator.sync()
        result = evaluate_as_configured(
            session.generator,
            session.tokenizer,
            self.prompts,
            session.reward,
            session.config,
            max_new_tokens=self.max_new_tokens,
        )
        self._store(result.rows)
        seconds = time.perf_counter() - start
        scores = evaluation_scores(result)
        failed = {"failed_rewards": result.failed} if result.failed else {}
        session.metrics.append(
            {"kind": "eval", "step": session.state.step, **scores, **failed, "seconds": round(seconds, 3)}
        )
        shown = "  ".join(f"{name.replace('_at_', '@')} {value:.3f}" for name, value in scores.items())
        warning = f"  {result.failed} rewards failed and count 0" if result.failed else ""
        session.console.note(f"evaluated after step {session.state.step}: {shown}  ({seconds:.0f} s){warning}")

    def _store(self, rows: Any) -> None:  # noqa: ANN401  # columns by name, as polars takes them
        import polars as pl

        state = self.session.state
        version = pl.lit(state.updates, dtype=pl.Int32)
        table = pl.DataFrame(rows).with_columns(policy_version=version, policy_version_max=version)
        self.store.append(table, step=state.step, phase="eval")
        self.store.flush()
