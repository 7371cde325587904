//! Pairs and batch plans over Arrow tables of numbers.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use twogrpo_pairs::{GroupCounts, Item, Oversize, PairSpec, PairsError, Plan, PlanOptions, Rollout};

use crate::error::{ConfigError, DataError};

/// Return the pairs of some rollouts as a table pair_id, chosen, rejected (row indices), margin, staleness.
#[pyfunction]
#[pyo3(signature = (rollouts, *, strategy, margin, max_per_prompt, max_per_rollout, cut_responses, length_ratio_max, seed))]
#[expect(clippy::too_many_arguments, reason = "the keys of the section `pairs`, by name")]
pub fn build_pairs(
    py: Python<'_>,
    rollouts: PyTable,
    strategy: &str,
    margin: f64,
    max_per_prompt: Option<usize>,
    max_per_rollout: Option<usize>,
    cut_responses: &str,
    length_ratio_max: Option<f64>,
    seed: u64,
) -> PyResult<PyTable> {
    let spec = PairSpec {
        strategy: strategy.parse().map_err(pairs_error)?,
        margin,
        max_per_prompt,
        max_per_rollout,
        cut_responses: cut_responses.parse().map_err(pairs_error)?,
        length_ratio_max,
        seed,
    };
    let rows = read_rollouts(rollouts)?;
    let pairs = py.detach(|| twogrpo_pairs::build_pairs(&rows, &spec)).map_err(pairs_error)?;
    let row = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
    table([
        ("pair_id", Arc::new(pairs.iter().map(|pair| pair.pair_id).collect::<Int64Array>()) as ArrayRef),
        ("chosen", Arc::new(pairs.iter().map(|pair| row(pair.chosen)).collect::<Int64Array>())),
        ("rejected", Arc::new(pairs.iter().map(|pair| row(pair.rejected)).collect::<Int64Array>())),
        ("margin", Arc::new(pairs.iter().map(|pair| pair.margin).collect::<Float64Array>())),
        ("staleness", Arc::new(pairs.iter().map(|pair| pair.staleness).collect::<Int32Array>())),
    ])
}

/// Return how many groups there are, and how many of them are tied, inert and decided.
#[pyfunction]
pub fn count_groups(py: Python<'_>, rollouts: PyTable) -> PyResult<(usize, usize, usize, usize)> {
    let rows = read_rollouts(rollouts)?;
    let GroupCounts { groups, tied, inert, decided } = py.detach(|| twogrpo_pairs::count_groups(&rows));
    Ok((groups, tied, inert, decided))
}

/// Return a plan as (batches, denominators, hash): optimizer_step, rank, micro_batch, item_id; and one row a step.
#[pyfunction]
#[pyo3(signature = (items, *, token_budget, rollouts_per_step, ranks, seed, epoch, oversize))]
#[expect(clippy::too_many_arguments, reason = "the arguments of plan_batches, by name")]
pub fn plan_batches(
    py: Python<'_>,
    items: PyTable,
    token_budget: u32,
    rollouts_per_step: Option<usize>,
    ranks: usize,
    seed: u64,
    epoch: u64,
    oversize: &str,
) -> PyResult<(PyTable, PyTable, String)> {
    let oversize = match oversize {
        "error" => Oversize::Error,
        "drop" => Oversize::Drop,
        found => return Err(ConfigError::new_err(format!("oversize={found} is unknown; use error or drop"))),
    };
    let options = PlanOptions { token_budget, rollouts_per_step, ranks, seed, epoch, oversize };
    let items = read_items(items)?;
    let plan = py.detach(|| twogrpo_pairs::plan_batches(&items, &options)).map_err(pairs_error)?;
    Ok((batches(&items, &plan)?, denominators(&plan)?, format!("{:016x}", plan.hash)))
}

fn batches(items: &[Item], plan: &Plan) -> PyResult<PyTable> {
    let (mut steps, mut ranks, mut micro, mut ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    for (step, planned) in plan.steps.iter().enumerate() {
        for (rank, of_rank) in planned.ranks.iter().enumerate() {
            for (batch, rows) in of_rank.iter().enumerate() {
                for item in rows.iter().filter_map(|row| items.get(*row)) {
                    steps.push(number(step));
                    ranks.push(number(rank));
                    micro.push(number(batch));
                    ids.push(item.item_id);
                }
            }
        }
    }
    table([
        ("optimizer_step", Arc::new(UInt32Array::from(steps)) as ArrayRef),
        ("rank", Arc::new(UInt32Array::from(ranks))),
        ("micro_batch", Arc::new(UInt32Array::from(micro))),
        ("item_id", Arc::new(Int64Array::from(ids))),
    ])
}

fn denominators(plan: &Plan) -> PyResult<PyTable> {
    let column = |of: fn(&twogrpo_pairs::Denominators) -> u64| {
        Arc::new(plan.steps.iter().map(|step| of(&step.denominators)).collect::<UInt64Array>()) as ArrayRef
    };
    let micro_batches = plan.steps.iter().map(|step| step.ranks.first().map_or(0, |rank| rank.len() as u64));
    let steps = 0..u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
    table([
        ("optimizer_step", Arc::new(steps.collect::<UInt32Array>()) as ArrayRef),
        ("rollouts", column(|counts| counts.rollouts)),
        ("tokens", column(|counts| counts.tokens)),
        ("skipped_rollouts", column(|counts| counts.skipped_rollouts)),
        ("skipped_tokens", column(|counts| counts.skipped_tokens)),
        ("dropped_rollouts", column(|counts| counts.dropped_rollouts)),
        ("micro_batches", Arc::new(micro_batches.collect::<UInt64Array>())),
    ])
}

/// The columns that the Python face has cast and named; anything else is a defect of ours.
struct Columns(RecordBatch);

impl Columns {
    fn read(table: PyTable) -> PyResult<Self> {
        let (batches, schema): (Vec<RecordBatch>, SchemaRef) = table.into_inner();
        concat_batches(&schema, &batches).map(Self).map_err(|error| arrow_error(&error))
    }

    fn get(&self, name: &str) -> PyResult<&ArrayRef> {
        self.0.column_by_name(name).ok_or_else(|| DataError::new_err(format!("column {name} is missing")))
    }

    fn values<T: arrow_array::ArrowPrimitiveType>(&self, name: &str) -> PyResult<Vec<Option<T::Native>>> {
        let column = self.get(name)?;
        let typed = column.as_primitive_opt::<T>().ok_or_else(|| wrong_type(name, column))?;
        Ok(typed.iter().collect())
    }

    fn flags(&self, name: &str) -> PyResult<Vec<bool>> {
        let column = self.get(name)?;
        let typed = column.as_boolean_opt().ok_or_else(|| wrong_type(name, column))?;
        Ok(typed.iter().map(|flag| flag.unwrap_or(false)).collect())
    }
}

fn read_rollouts(table: PyTable) -> PyResult<Vec<Rollout>> {
    let columns = Columns::read(table)?;
    let (groups, prompts) = (columns.values::<UInt64Type>("group")?, columns.values::<UInt64Type>("prompt")?);
    let (ids, rewards) = (columns.values::<Int64Type>("rollout_id")?, columns.values::<Float64Type>("reward")?);
    let (inert, cut) = (columns.flags("is_inert")?, columns.flags("is_cut")?);
    let (lengths, versions) = (columns.values::<UInt32Type>("length")?, columns.values::<Int32Type>("policy_version")?);
    let keys = groups.into_iter().zip(prompts).zip(ids).zip(rewards);
    let facts = inert.into_iter().zip(cut).zip(lengths).zip(versions);
    let rollout = |((((group, prompt), rollout_id), reward), (((is_inert, is_cut), length), policy_version))| Rollout {
        group: Option::unwrap_or_default(group),
        prompt: Option::unwrap_or_default(prompt),
        rollout_id: Option::unwrap_or_default(rollout_id),
        reward,
        is_inert,
        is_cut,
        length: Option::unwrap_or_default(length),
        policy_version,
    };
    Ok(keys.zip(facts).map(rollout).collect())
}

fn read_items(table: PyTable) -> PyResult<Vec<Item>> {
    let columns = Columns::read(table)?;
    let (ids, lengths) = (columns.values::<Int64Type>("item_id")?, columns.values::<UInt32Type>("length")?);
    let (tokens, units) = (columns.values::<UInt32Type>("loss_tokens")?, columns.values::<Int64Type>("pair_id")?);
    let contributes = columns.flags("contributes")?;
    let rows = ids.into_iter().zip(lengths).zip(tokens).zip(units).zip(contributes);
    let item = |((((item_id, length), loss_tokens), unit), contributes)| Item {
        item_id: Option::unwrap_or_default(item_id),
        length: Option::unwrap_or_default(length),
        loss_tokens: Option::unwrap_or_default(loss_tokens),
        contributes,
        unit,
    };
    Ok(rows.map(item).collect())
}

fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> PyResult<PyTable> {
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| arrow_error(&error))?;
    let schema = batch.schema();
    PyTable::try_new(vec![batch], schema)
}

fn wrong_type(name: &str, column: &ArrayRef) -> PyErr {
    DataError::new_err(format!("column {name} has type {}", column.data_type()))
}

fn arrow_error(error: &ArrowError) -> PyErr {
    DataError::new_err(format!("the table cannot be read: {error}"))
}

fn pairs_error(error: PairsError) -> PyErr {
    match error {
        PairsError::UnknownName { .. } | PairsError::OutOfRange { .. } => ConfigError::new_err(error.to_string()),
        PairsError::Oversize { .. } | PairsError::DuplicateItem { .. } => DataError::new_err(error.to_string()),
    }
}
