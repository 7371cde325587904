//! Batch plans over Arrow tables of items.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow_array::types::{Int64Type, UInt32Type};
use arrow_array::{ArrayRef, Int64Array, UInt32Array, UInt64Array};
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use twogrpo_pairs::{Denominators, Items, Oversize, Plan, PlanOptions};

use crate::columns::{Columns, table};
use crate::error::{ConfigError, pairs_error};

/// Return a plan as its batches (`optimizer_step`, `rank`, `micro_batch`, `item_id`), one row a step, a hash of all of it
/// and one of its steps, whatever the micro-batches that they are split into. The items stand in one table or several.
#[pyfunction]
#[pyo3(signature = (items, *, token_budget, rollouts_per_step, ranks, seed, epoch, oversize))]
#[expect(clippy::too_many_arguments, reason = "the arguments of plan_batches, by name")]
pub fn plan_batches(
    py: Python<'_>,
    items: Vec<PyTable>,
    token_budget: u32,
    rollouts_per_step: Option<usize>,
    ranks: usize,
    seed: u64,
    epoch: u64,
    oversize: &str,
) -> PyResult<(PyTable, PyTable, String, String)> {
    let oversize = match oversize {
        "error" => Oversize::Error,
        "drop" => Oversize::Drop,
        found => {
            return Err(ConfigError::new_err(format!(
                "oversize={found} is unknown; use error or drop"
            )));
        }
    };
    let options = PlanOptions {
        token_budget,
        rollouts_per_step,
        ranks,
        seed,
        epoch,
        oversize,
    };
    py.detach(|| {
        let columns = Columns::joined(items)?;
        let plan = planned(&columns, &options)?;
        let ids = columns.numbers::<Int64Type>("item_id")?.clone();
        // The other columns take as much memory as the result.
        drop(columns);
        Ok((
            batch_table(ids.values(), &plan)?,
            denominator_table(&plan)?,
            format!("{:016x}", plan.hash),
            format!("{:016x}", plan.steps_hash),
        ))
    })
}

/// Returns the plan of items; of their columns, those that the Python face left out have their defaults.
fn planned(columns: &Columns, options: &PlanOptions) -> PyResult<Plan> {
    let ids = columns.numbers::<Int64Type>("item_id")?;
    let lengths = columns.numbers::<UInt32Type>("length")?;
    let loss_tokens = if columns.has("loss_tokens") {
        columns.numbers::<UInt32Type>("loss_tokens")?
    } else {
        lengths
    };
    let contributes = if columns.has("contributes") {
        let flags = columns.flags("contributes")?.iter();
        flags.map(Option::unwrap_or_default).collect()
    } else {
        vec![true; ids.len()]
    };
    let (units, has_unit) = if columns.has("pair_id") {
        let units = columns.numbers::<Int64Type>("pair_id")?;
        (units, units.iter().map(|unit| unit.is_some()).collect())
    } else {
        (ids, vec![false; ids.len()])
    };
    let items = Items {
        ids: ids.values(),
        lengths: lengths.values(),
        loss_tokens: loss_tokens.values(),
        contributes: &contributes,
        units: units.values(),
        has_unit: &has_unit,
    };
    twogrpo_pairs::plan_batches(&items, options).map_err(pairs_error)
}

fn batch_table(item_ids: &[i64], plan: &Plan) -> PyResult<PyTable> {
    let batches = || plan.steps.iter().flat_map(|step| step.ranks.iter().flatten());
    let count = batches().map(Vec::len).sum();
    let numbers = || Vec::with_capacity(count);
    let (mut steps, mut ranks, mut micro, mut ids) =
        (numbers(), numbers(), numbers(), Vec::<i64>::with_capacity(count));
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    for (step, planned) in plan.steps.iter().enumerate() {
        for (rank, of_rank) in planned.ranks.iter().enumerate() {
            for (batch, rows) in of_rank.iter().enumerate() {
                steps.extend(repeat_n(number(step), rows.len()));
                ranks.extend(repeat_n(number(rank), rows.len()));
                micro.extend(repeat_n(number(batch), rows.len()));
                ids.extend(
                    rows.iter()
                        .map(|row| item_ids.get(*row as usize).copied().unwrap_or_default()),
                );
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

fn denominator_table(plan: &Plan) -> PyResult<PyTable> {
    let column = |of: fn(&Denominators) -> u64| {
        Arc::new(
            plan.steps
                .iter()
                .map(|step| of(&step.denominators))
                .collect::<UInt64Array>(),
        ) as ArrayRef
    };
    let micro_batches = plan
        .steps
        .iter()
        .map(|step| step.ranks.first().map_or(0, |rank| rank.len() as u64));
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
