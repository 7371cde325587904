//! Pairs over Arrow tables of rollouts.

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array};
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use twogrpo_pairs::{GroupCounts, Pair, PairSpec, Rollout};

use crate::columns::{Columns, table};
use crate::error::pairs_error;

/// The attributes of a `twogrpo.pairs.PairSpec`.
#[derive(FromPyObject)]
pub struct PySpec {
    strategy: String,
    margin: f64,
    max_per_prompt: Option<usize>,
    max_per_rollout: Option<usize>,
    cut_responses: String,
    length_ratio_max: Option<f64>,
    seed: u64,
}

impl PySpec {
    fn parse(&self) -> PyResult<PairSpec> {
        let spec = PairSpec {
            strategy: self.strategy.parse().map_err(pairs_error)?,
            margin: self.margin,
            max_per_prompt: self.max_per_prompt,
            max_per_rollout: self.max_per_rollout,
            cut_responses: self.cut_responses.parse().map_err(pairs_error)?,
            length_ratio_max: self.length_ratio_max,
            seed: self.seed,
        };
        spec.validate().map_err(pairs_error)?;
        Ok(spec)
    }
}

/// Raise `ConfigError` if a value of a spec is out of range.
#[pyfunction]
pub fn check_pair_spec(spec: PySpec) -> PyResult<()> {
    spec.parse().map(|_| ())
}

/// Return the pairs of some rollouts as a table `pair_id`, `chosen`, `rejected` (row indices), `margin`, `staleness`.
#[pyfunction]
pub fn build_pairs(py: Python<'_>, rollouts: PyTable, spec: PySpec) -> PyResult<PyTable> {
    let spec = spec.parse()?;
    py.detach(|| {
        let rows = read_rollouts(&Columns::read(rollouts)?)?;
        let pairs = twogrpo_pairs::build_pairs(&rows, &spec).map_err(pairs_error)?;
        pair_table(&pairs)
    })
}

/// Return how many groups there are, how many of them are tied, inert and decided, and how many pairs these have.
#[pyfunction]
pub fn count_groups(py: Python<'_>, rollouts: PyTable) -> PyResult<(usize, usize, usize, usize, usize)> {
    py.detach(|| {
        let rows = read_rollouts(&Columns::read(rollouts)?)?;
        let GroupCounts {
            groups,
            tied,
            inert,
            decided,
            pairs,
        } = twogrpo_pairs::count_groups(&rows);
        Ok((groups, tied, inert, decided, pairs))
    })
}

fn pair_table(pairs: &[Pair]) -> PyResult<PyTable> {
    let row = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
    let staleness = |pair: &Pair| {
        pair.staleness
            .map(|versions| i32::try_from(versions).unwrap_or(i32::MAX))
    };
    table([
        (
            "pair_id",
            Arc::new(pairs.iter().map(|pair| pair.pair_id).collect::<Int64Array>()) as ArrayRef,
        ),
        (
            "chosen",
            Arc::new(pairs.iter().map(|pair| row(pair.chosen)).collect::<Int64Array>()),
        ),
        (
            "rejected",
            Arc::new(pairs.iter().map(|pair| row(pair.rejected)).collect::<Int64Array>()),
        ),
        (
            "margin",
            Arc::new(pairs.iter().map(|pair| pair.margin).collect::<Float64Array>()),
        ),
        (
            "staleness",
            Arc::new(pairs.iter().map(staleness).collect::<Int32Array>()),
        ),
    ])
}

fn read_rollouts(columns: &Columns) -> PyResult<Vec<Rollout>> {
    let (groups, prompts) = (
        columns.numbers::<UInt64Type>("group")?,
        columns.numbers::<UInt64Type>("prompt")?,
    );
    let (ids, rewards) = (
        columns.numbers::<Int64Type>("rollout_id")?,
        columns.numbers::<Float64Type>("reward")?,
    );
    let (inert, cut) = (columns.flags("is_inert")?, columns.flags("is_cut")?);
    let (lengths, versions) = (
        columns.numbers::<UInt32Type>("length")?,
        columns.numbers::<Int32Type>("policy_version")?,
    );
    let keys = groups.iter().zip(prompts).zip(ids).zip(rewards);
    let facts = inert.iter().zip(cut).zip(lengths).zip(versions);
    let rollout = |((((group, prompt), rollout_id), reward), (((is_inert, is_cut), length), policy_version))| Rollout {
        group: Option::unwrap_or_default(group),
        prompt: Option::unwrap_or_default(prompt),
        rollout_id: Option::unwrap_or_default(rollout_id),
        reward,
        is_inert: Option::unwrap_or_default(is_inert),
        is_cut: Option::unwrap_or_default(is_cut),
        length: Option::unwrap_or_default(length),
        policy_version,
    };
    Ok(keys.zip(facts).map(rollout).collect())
}
