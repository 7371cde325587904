"""What an online run trains on, for either engine: its problems, one of them as the model sees it, and its reward."""

from twogrpo.config import OnlineConfig
from twogrpo.preflight.golds import function_section, golds_section, lint_problems, try_function
from twogrpo.preflight.opening import Opening, check_fits, find_problems
from twogrpo.preflight.problem_sets import ProblemSet, problems_section
from twogrpo.preflight.prompt import prompt_section
from twogrpo.preflight.report import Checks

__all__ = ["find_training_problems", "look_at_prompts"]


def find_training_problems(config: OnlineConfig, opening: Opening, checks: Checks) -> ProblemSet | None:
    """Return the problems to train on, and add their section.

    Args:
        config: The run.
        opening: What is open.
        checks: Takes section and problems.
    """
    found = find_problems("data", config.data.path or "", config, opening, checks, split="train")
    if found is not None:
        key, tokens = "rollout.max_new_tokens", config.rollout.max_new_tokens
        check_fits("data", found, opening, checks, key=key, max_new_tokens=tokens)
        checks.add(problems_section("data", found))
    return found


def look_at_prompts(config: OnlineConfig, opening: Opening, train: ProblemSet, checks: Checks) -> None:
    """Add the sections about one prompt and about the reward.

    Args:
        config: The run.
        opening: What is open.
        train: The problems to train on.
        checks: Takes sections and problems.
    """
    model, reward = opening.model, opening.reward
    if model.tokenizer is not None and model.outline is not None:
        checks.add(prompt_section(train.prompts[0], config.data, model.tokenizer, model.outline))
    if config.reward.function is None:
        lint = checks.attempt("reward", lambda: lint_problems(train, config.reward.profile))
        if lint is not None:
            checks.add(golds_section(train, lint, config.reward))
    elif reward is not None:
        checks.add(function_section(reward.name, checks.attempt("reward", lambda: try_function(reward, train))))
