"""Evaluations inside a run: at the start, every so many steps and at the end, stored beside the rollouts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twogrpo.evaluate import Answering, AnswerPlan, Evaluation, evaluate
from twogrpo.generate import SamplingParams
from twogrpo.prompts import Prompt, PromptSet
from twogrpo.train.lengths import answers_key, check_positions

if TYPE_CHECKING:
    import polars as pl
    from transformers import PreTrainedTokenizerBase

    from twogrpo.config import RunConfig
    from twogrpo.config.evaluation import EvalConfig
    from twogrpo.config.sampling import AnswerSection
    from twogrpo.generate import Generator
    from twogrpo.rewards import Reward
    from twogrpo.store import RolloutStore
    from twogrpo.train.session import Session

__all__ = ["Evaluator", "answer_plan", "evaluate_as_configured", "evaluation_scores", "load_prompts"]

# Far from the seeds of training, and equal for every run of one seed, so that arms are compared on equal draws.
SEED_OFFSET = 1_000_000_007


def load_prompts(path: str, tokenizer: "PreTrainedTokenizerBase", config: "RunConfig | EvalConfig") -> PromptSet:
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
    plan = answer_plan(config.eval, seed=config.seed, max_new_tokens=config.eval.max_new_tokens or max_new_tokens)
    return evaluate(Answering(generator, tokenizer, prompts, reward, plan))


def answer_plan(section: "AnswerSection", *, seed: int, max_new_tokens: int, greedy: bool = True) -> AnswerPlan:
    """Return how a configuration has every problem answered, the same inside a run and after it.

    Args:
        section: How answers are sampled.
        seed: The configuration's seed.
        max_new_tokens: Longest answer, in tokens.
        greedy: Also answer greedily.
    """
    params = SamplingParams(
        max_new_tokens=max_new_tokens,
        temperature=section.temperature,
        top_p=section.top_p,
        top_k=section.top_k,
    )
    return AnswerPlan(samples=section.samples, params=params, seed=seed + SEED_OFFSET, greedy=greedy)


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
        keep_text: Store the answers' texts beside their token ids.
    """

    session: "Session"
    prompts: Sequence[Prompt]
    max_new_tokens: int
    store: "RolloutStore"
    keep_text: bool = True

    @classmethod
    def open(
        cls, session: "Session", *, max_new_tokens: int, store: "RolloutStore", keep_text: bool = True
    ) -> "Evaluator":
        """Return the evaluator that the run's `eval` section describes.

        Raises:
            ConfigError, DataError: The problems cannot be used, or leave the model too little room for an answer.
        """
        path, config = session.sources.eval_data, session.config
        prompts: Sequence[Prompt] = ()
        if path is not None:
            prompts = load_prompts(path, session.tokenizer, config).prompts
            check_positions(
                prompts,
                path=path,
                key=answers_key(config),
                max_new_tokens=config.eval.max_new_tokens or max_new_tokens,
                positions=getattr(session.learner.model.config, "max_position_embeddings", None),
            )
        return cls(session, prompts, max_new_tokens, store, keep_text)

    def is_due(self, total: int) -> bool:
        """Return whether the model of this moment is evaluated."""
        step, every = self.session.state.step, self.session.config.eval.every_steps
        is_scheduled = step in (0, total) or (every > 0 and step % every == 0) or self._is_outdated(step)
        return bool(self.prompts) and is_scheduled and not self.session.metrics.has_evaluation(step)

    def _is_outdated(self, step: int) -> bool:
        """Return whether a resumed run's evaluation of its checkpoint is not what `eval` asks for any more."""
        own = self.session.own_evaluation
        return own is not None and own.step == step and not own.is_current

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
        self._store(result.answers)
        seconds = time.perf_counter() - start
        scores = evaluation_scores(result)
        failed = {"failed_rewards": result.failed} if result.failed else {}
        session.metrics.append(
            {"kind": "eval", "step": session.state.step, **scores, **failed, "seconds": round(seconds, 3)}
        )
        shown = "  ".join(f"{name.replace('_at_', '@')} {value:.3f}" for name, value in scores.items())
        warning = f"  {result.failed} rewards failed and count 0" if result.failed else ""
        session.console.note(f"evaluated after step {session.state.step}: {shown}  ({seconds:.0f} s){warning}")

    def _store(self, answers: "pl.DataFrame") -> None:
        import polars as pl

        state = self.session.state
        version = pl.lit(state.updates, dtype=pl.Int32)
        table = answers.with_columns(policy_version=version, policy_version_max=version)
        self.store.append(table if self.keep_text else table.drop("response"), step=state.step, phase="eval")
        self.store.flush()
