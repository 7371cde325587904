"""What a second opinion may change in the verdicts of a batch, and what it may not."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from twogrpo.errors import ConfigError, EngineError
from twogrpo.second_opinion.processes import Failure, Processes
from twogrpo.verifier import text_column, verify_batch

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ASKED", "SecondOpinion"]

ASKED = ("mismatch", "unknown", "unparsable_pred", "unparsable_gold")
"""The statuses that are asked about: an answer was found, and neither accepted nor refused for what it is."""

_NAME = "math-verify"
_FORGIVING_PROFILES = ("eval", "math_verify")
_WORKER = Path(__file__).with_name("worker.py")


class SecondOpinion:
    r"""math-verify's opinion on the answers that the verifier does not accept.

        with SecondOpinion() as second:
            verdicts = second.verify_batch(responses, golds, profile="eval")

    It is asked about the answer that the verifier found, never about a whole response, so that where an answer may
    stand is decided by the profile alone. An answer that takes too long ends with its process.

    Args:
        may_raise_reward: Whether its match makes an answer right under the profiles `rl`, `strict` and `string` too.
            By default its opinion is written down there and changes nothing: a policy would learn what it is fooled by.
        processes: How many answers are judged at a time.
        timeout_s: How long one answer may take before its process is killed.
        total_s: How long one call may take; answers that are not reached are `not_asked`.
        memory_bytes: How much memory a process may have, where the system can bound it.

    Raises:
        ConfigError: If a number is not above 0.
        EngineError: If math-verify is not installed.
    """

    def __init__(
        self,
        *,
        may_raise_reward: bool = False,
        processes: int = 2,
        timeout_s: float = 5.0,
        total_s: float = 600.0,
        memory_bytes: int = 4 << 30,
    ) -> None:
        numbers = {"processes": processes, "timeout_s": timeout_s, "total_s": total_s, "memory_bytes": memory_bytes}
        for name, value in numbers.items():
            if not value > 0:
                raise ConfigError(f"{name}={value} is not above 0")
        if importlib.util.find_spec("math_verify") is None:
            raise EngineError(f"a second opinion needs {_NAME}; install it with pip install 'twogrpo[second-opinion]'")
        self._may_raise_reward = may_raise_reward
        self._total_s = total_s
        # -P: the folder of the file is no place to import from.
        command = [sys.executable, "-P", str(_WORKER), str(memory_bytes), str(timeout_s)]
        self._processes = Processes(command, count=processes, timeout_s=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its processes; they start again when they are needed."""
        self._processes.close()

    def verify_batch(
        self, responses: object, golds: object, *, profile: str = "rl", mode: str = "response"
    ) -> "pl.DataFrame":
        """Return the verdicts on many responses, with a second opinion on those whose status is in `ASKED`.

        Args:
            responses: As in `twogrpo.verify_batch`.
            golds: Likewise.
            profile: Likewise.
            mode: Likewise.

        Returns:
            The columns of `twogrpo.verify_batch`, and `source`, who gave the verdict (`twogrpo` or `math-verify`), and
            `second`, the second opinion: `match`, `mismatch`, `unparsable_gold`, `timeout`, `error`, `not_asked` where
            the time was over, null where none was needed. Where its match counts, the row is correct with status
            `match`, rule `math-verify` and reward 1; any other opinion changes nothing.

        Raises:
            EngineError: If a process does not start.
            VerifyError: As in `twogrpo.verify_batch`.
        """
        import polars as pl

        gold_column = text_column(golds, "golds")
        verdicts = verify_batch(responses, gold_column, profile=profile, mode=mode)
        is_asked = verdicts["status"].is_in(ASKED) & verdicts["extracted"].is_not_null()
        places = is_asked.arg_true()
        column = pl.from_arrow(gold_column, rechunk=False)
        asked_golds = column.gather(places) if isinstance(column, pl.Series) else pl.Series([])
        opinions = self._opinions(verdicts["extracted"].gather(places).to_list(), asked_golds.to_list(), mode)
        second = pl.Series("second", [None] * len(verdicts), dtype=pl.String).scatter(places, opinions)
        counts = self._may_raise_reward or profile in _FORGIVING_PROFILES
        is_raised = (second == "match").fill_null(value=False) & counts
        return verdicts.with_columns(
            correct=pl.col("correct") | is_raised,
            status=pl.when(is_raised).then(pl.lit("match")).otherwise("status"),
            rule=pl.when(is_raised).then(pl.lit(_NAME)).otherwise("rule"),
            reward=pl.when(is_raised).then(pl.lit(1.0, pl.Float32)).otherwise("reward"),
            source=pl.when(is_raised).then(pl.lit(_NAME)).otherwise(pl.lit("twogrpo")),
            second=second,
        )

    def _opinions(self, answers: list[str], golds: list[str | list[str | None] | None], mode: str) -> list[str]:
        rows = zip(answers, golds, strict=True)
        requests = [json.dumps([_framed(answer), _readings(gold, mode)]) for answer, gold in rows]
        # Rollouts of one problem often end in the same answer.
        distinct = list(dict.fromkeys(requests))
        found = dict(zip(distinct, self._processes.ask(distinct, total_s=self._total_s), strict=True))
        opinions = [found[request] for request in requests]
        return [_NAMES[opinion] if isinstance(opinion, Failure) else opinion for opinion in opinions]


_NAMES = {Failure.TIMEOUT: "timeout", Failure.DIED: "error", Failure.NOT_ASKED: "not_asked"}


def _readings(gold: str | list[str | None] | None, mode: str) -> list[str]:
    """Return gold answers as math-verify reads them; prose is searched by it as well."""
    golds = gold if isinstance(gold, list) else [gold]
    return [each if mode == "text" else _framed(each) for each in golds if each is not None]


def _framed(answer: str) -> str:
    return answer if "$" in answer.replace(r"\$", "") else rf"\boxed{{{answer}}}"
