"""A store of judged responses, some of whose stored verdicts today's verifier would not give."""

import polars as pl

from twogrpo import RolloutStore
from twogrpo.verifier import verifier_name, verify_batch

RIGHT, WRONG, UNBOXED = r"so it is \boxed{4}", r"so it is \boxed{5}", "so it is 4"


def judged_rows(step, groups, *, profile="rl", **columns):
    """Return rows of groups of responses to 2+2, as training stores them under a profile."""
    responses = [response for group in groups for response in group]
    verdicts = verify_batch(responses, ["4"] * len(responses), profile=profile)
    rows = {
        "group_id": [step * 100 + index for index, group in enumerate(groups) for _ in group],
        "rollout_idx": [member for group in groups for member in range(len(group))],
        "prompt": [f"2+2, problem {index}" for index, group in enumerate(groups) for _ in group],
        "gold": ["4"] * len(responses),
        "response": responses,
        "response_ids": [[1, 2, 3]] * len(responses),
        "logprobs": [[-0.5, -0.25, -0.125]] * len(responses),
        "verifier": [verifier_name(profile)] * len(responses),
    }
    return pl.DataFrame(rows).hstack(verdicts).with_columns(**columns)


def wrongly(rows, *responses, correct):
    """Return rows whose verdicts on some responses are what another verifier would have given."""
    meant = pl.col("response").is_in(responses)
    status, reward = ("match", 1.0) if correct else ("mismatch", 0.0)
    return rows.with_columns(
        correct=pl.when(meant).then(pl.lit(correct)).otherwise("correct"),
        status=pl.when(meant).then(pl.lit(status)).otherwise("status"),
        rule=pl.when(meant).then(pl.lit("old")).otherwise("rule"),
        reward=pl.when(meant).then(pl.lit(reward, pl.Float32)).otherwise("reward"),
    )


def store_of(path, *steps, phase="train"):
    """Return the store of some steps' rows, opened for reading."""
    with RolloutStore.open(path, run_id="r") as store:
        for step, rows in enumerate(steps):
            store.append(rows, step, phase)
    return RolloutStore.open(path)
