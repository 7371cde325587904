"""The polars namespace `twogrpo`: verdicts as a column expression, in eager, lazy and streamed queries.

Importing this module registers it:

    import polars as pl
    import twogrpo.frames

    frame.with_columns(pl.col("response").twogrpo.verify("answer").alias("verdict"))
    frame.filter(pl.col("response").twogrpo.verify("answer", profile="eval", field="correct"))

There is no compiled polars plugin behind it: one would break with every change of polars' binary interface, while the
Arrow stream that the core reads stays the same.
"""

from collections.abc import Sequence
from functools import partial

import polars as pl

from twogrpo.errors import VerifyError
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

    def verify(
        self, gold: pl.Expr | str, *, profile: str = "rl", mode: str = "response", field: str | None = None
    ) -> pl.Expr:
        """Return the verdict on each response of a text column.

        Args:
            gold: The right answers, as an expression or a column's name: one text a row, a list of acceptable ones a
                row, or a literal for all rows, such as `pl.lit("42")`.
            profile: As in `twogrpo.verify`.
            mode: As in `twogrpo.verify`.
            field: A field of `VERDICT` to return alone, such as `correct` or `reward`, under the name of the responses.

        Returns:
            One struct of type `VERDICT` a row, or its field; null where the response or its gold is null, for nothing
            was judged there.

        Raises:
            VerifyError: If profile, mode or field is unknown; when the query runs, if a column holds no text.
        """
        verify("", "", profile=profile, mode=mode)  # a wrong name is an error here, not in the middle of a query
        names = [known.name for known in VERDICT.fields]
        if field is not None and field not in names:
            raise VerifyError(f"field={field!r} is unknown; use one of {', '.join(names)}, or none for all of them")
        verdicts = pl.map_batches(
            [self._expr, pl.col(gold) if isinstance(gold, str) else gold],
            partial(_verdicts, profile=profile, mode=mode),
            return_dtype=VERDICT,
            is_elementwise=True,
        )
        return verdicts if field is None else verdicts.struct.field(field).name.keep()


def _verdicts(columns: Sequence[pl.Series], *, profile: str, mode: str) -> pl.Series:
    responses, golds = columns
    if len(golds) == 1:
        golds = golds.new_from_index(0, len(responses))
    is_known = responses.is_not_null() & golds.is_not_null()
    verdicts = verify_batch(responses.filter(is_known), golds.filter(is_known), profile=profile, mode=mode)
    places = pl.select(pl.when(is_known).then(is_known.cum_sum() - 1)).to_series()
    return verdicts.to_struct(responses.name).gather(places)
