//! Pairs over Arrow tables of rollouts.

use std::mem::take;
use std::num::NonZeroU32;
use std::sync::Arc;

use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt32Type};
use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, LargeStringArray};
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use twogrpo_pairs::{GroupCounts, NameList, Names, Pair, PairSpec, PairsError, Rollout, hash_ids};

use crate::columns::{Columns, table};
use crate::error::pairs_error;

/// The attributes of a `twogrpo.pairs.PairSpec`.
#[derive(FromPyObject)]
pub struct PySpec {
    strategy: String,
    margin: f64,
    cross_step: bool,
    max_staleness: Option<u32>,
    same_model: bool,
    dedupe: bool,
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
            cross_step: self.cross_step,
            max_staleness: self.max_staleness,
            same_model: self.same_model,
            dedupe: self.dedupe,
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

/// Rollouts that are read batch by batch: of each, the few numbers that pairs are made from are kept.
#[pyclass(module = "twogrpo._core", name = "PairRows")]
#[derive(Default)]
pub struct PyPairRows {
    rollouts: Vec<Rollout>,
    runs: Names,
    prompts: Names,
    models: Names,
}

#[pymethods]
impl PyPairRows {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Take the rows of a table.
    fn add(&mut self, py: Python<'_>, rows: PyTable) -> PyResult<()> {
        py.detach(|| self.read(&Columns::read(rows)?))
    }

    /// Return the pairs of all rows: `pair_id`, `chosen_rollout_id`, `rejected_rollout_id`, `prompt_id`, `margin` and
    /// `staleness`. The rows are given up.
    fn pairs(&mut self, py: Python<'_>, spec: PySpec) -> PyResult<PyTable> {
        let spec = spec.parse()?;
        let Self { rollouts, prompts, .. } = take(self);
        py.detach(|| {
            let prompts = prompts.into_list();
            let pairs = twogrpo_pairs::build_pairs(&rollouts, &spec).map_err(pairs_error)?;
            pair_table(&rollouts, &prompts, &pairs)
        })
    }

    /// Return how many groups there are, how many of them are tied, inert and decided, and how many pairs these have.
    fn counts(&self, py: Python<'_>) -> PyResult<(usize, usize, usize, usize, usize)> {
        let counts = py.detach(|| twogrpo_pairs::count_groups(&self.rollouts));
        let GroupCounts {
            groups,
            tied,
            inert,
            decided,
            pairs,
        } = counts.map_err(pairs_error)?;
        Ok((groups, tied, inert, decided, pairs))
    }
}

impl PyPairRows {
    fn read(&mut self, columns: &Columns) -> PyResult<()> {
        let (ids, groups) = (
            columns.numbers::<Int64Type>("rollout_id")?,
            columns.numbers::<Int64Type>("group_id")?,
        );
        let (rewards, attempts) = (
            columns.numbers::<Float64Type>("reward")?,
            columns.numbers::<Int32Type>("attempt")?,
        );
        let (lengths, versions) = (
            columns.numbers::<UInt32Type>("response_len")?,
            columns.numbers::<Int32Type>("policy_version")?,
        );
        let (inert, cut) = (columns.flags("is_inert")?, columns.flags("is_cut")?);
        let runs = numbered(&mut self.runs, columns.texts("run_id")?, |_| None)?;
        let models = numbered(&mut self.models, columns.texts("model_id")?, |_| None)?;
        let asked = columns.token_ids("prompt_ids")?;
        let asked = |row: usize| asked.as_ref().and_then(|ids| ids.row(row));
        let prompts = numbered(&mut self.prompts, columns.texts("prompt_id")?, asked)?;
        let responses = columns.token_ids("response_ids")?;
        let names = runs.into_iter().zip(models).zip(prompts);
        let numbers = ids.iter().zip(groups).zip(rewards).zip(attempts);
        let facts = lengths.iter().zip(versions).zip(inert).zip(cut);
        self.rollouts.reserve(ids.len());
        for (row, ((((run, model), prompt), (((id, group), reward), attempt)), (((length, version), inert), cut))) in
            names.zip(numbers).zip(facts).enumerate()
        {
            self.rollouts.push(Rollout {
                rollout_id: id.unwrap_or_default(),
                group_id: group.unwrap_or_default(),
                run: run.map_or(0, NonZeroU32::get),
                attempt: attempt.unwrap_or_default(),
                prompt,
                model,
                reward: reward.unwrap_or(f64::NAN),
                response: responses.as_ref().and_then(|ids| ids.row(row)).map(hash_ids),
                policy_version: version,
                length: length.unwrap_or_default(),
                is_inert: inert.unwrap_or_default(),
                is_cut: cut.unwrap_or_default(),
            });
        }
        Ok(())
    }
}

fn pair_table(rollouts: &[Rollout], prompts: &NameList, pairs: &[Pair]) -> PyResult<PyTable> {
    let rollout = |row: u32| rollouts.get(row as usize);
    let prompt = |pair: &Pair| {
        let number = [pair.chosen, pair.rejected]
            .into_iter()
            .find_map(|row| rollout(row)?.prompt)?;
        prompts.get(number)
    };
    let staleness = |pair: &Pair| {
        pair.staleness
            .map(|versions| i32::try_from(versions).unwrap_or(i32::MAX))
    };
    let ids = |of: fn(&Pair) -> u32| -> ArrayRef {
        let id = |pair| rollout(of(pair)).map(|rollout| rollout.rollout_id);
        Arc::new(pairs.iter().map(id).collect::<Int64Array>())
    };
    table([
        (
            "pair_id",
            Arc::new(pairs.iter().map(|pair| pair.pair_id).collect::<Int64Array>()) as ArrayRef,
        ),
        ("chosen_rollout_id", ids(|pair| pair.chosen)),
        ("rejected_rollout_id", ids(|pair| pair.rejected)),
        (
            "prompt_id",
            Arc::new(pairs.iter().map(prompt).collect::<LargeStringArray>()),
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

/// Returns the number of each name; a name and further token ids together are another one.
fn numbered<'a>(
    names: &mut Names,
    texts: impl Iterator<Item = Option<&'a str>>,
    further: impl Fn(usize) -> Option<&'a [i32]>,
) -> PyResult<Vec<Option<NonZeroU32>>> {
    let number = |(row, text): (usize, Option<&str>)| text.map(|name| names.number(name, further(row))).transpose();
    let numbers: Result<_, PairsError> = texts.enumerate().map(number).collect();
    numbers.map_err(pairs_error)
}
