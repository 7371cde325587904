"""The polars namespace `twogrpo`: verdicts as a column expression, in eager, lazy and streamed queries.

Importing this module registers it:

    import polars as pl
    import twogrpo.frames

    verdict = pl.col("response").twogrpo.verify("answer", profile="eval")
    frame.with_columns(verdict.struct.field("correct"))

There is no compiled polars plugin behind it: one would break with every change of polars' binary interface, while the
Arrow stream that the core reads stays the same.
"""

from collections.abc import Sequence
from functools import partial

import polars as pl

from twogrpo.verifier import verify, verify_batch

__all__ = ["VERDICT", "TwogrpoExpr"]

VERDICT = pl.Struct(
    {"correct": pl.Boolean, "status": pl.String, "rule": pl.String, "extracted": pl.String, "reward": pl.Float32}
)
"""The type of a verdict; its fields are the columns of `twogrpo.verify_batch`."""


@pl.api.register_expr_namespace("twogrpo")
class TwogrpoExpr:
    """What `pl.col(..).twogrpo` offers."""

    def __init__(self, expr: pl.Expr) -> None:
        self._expr = expr

    def verify(self, gold: pl.Expr | str, *, profile: str = "rl", mode: str = "response") -> pl.Expr:
        """Return the verdict on each response of a text column, as a struct of type `VERDICT`.

        Args:
            gold: The right answers, as an expression or a column's name: one text a row, a list of acceptable ones a
                row, or a literal for all rows.
            profile: As in `twogrpo.verify`.
            mode: As in `twogrpo.verify`.

        Returns:
            One verdict a row; null where the response or its gold is null, for nothing was judged there.

        Raises:
            VerifyError: If profile or mode is unknown; when the query runs, if a column holds no text.
        """
        verify("", "", profile=profile, mode=mode)  # a wrong name is an error here, not in the middle of a query
        return pl.map_batches(
            [self._expr, pl.col(gold) if isinstance(gold, str) else gold],
            partial(_verdicts, profile=profile, mode=mode),
            return_dtype=VERDICT,
            is_elementwise=True,
        )


def _verdicts(columns: Sequence[pl.Series], *, profile: str, mode: str) -> pl.Series:
    responses, golds = columns
    if len(golds) == 1:
        golds = golds.new_from_index(0, len(responses))
    is_known = responses.is_not_null() & golds.is_not_null()
    verdicts = verify_batch(responses.filter(is_known), golds.filter(is_known), profile=profile, mode=mode)
    places = pl.select(pl.when(is_known).then(is_known.cum_sum() - 1)).to_series()
    return verdicts.to_struct(responses.name).gather(places)
