//! Batch plans over Arrow tables of items.

use std::sync::Arc;

use arrow_array::types::{Int64Type, UInt32Type};
use arrow_array::{ArrayRef, Int64Array, UInt32Array, UInt64Array};
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use twogrpo_pairs::{Denominators, Item, Oversize, Plan, PlanOptions};

use crate::columns::{Columns, table};
use crate::error::{ConfigError, pairs_error};

/// Return a plan as its batches (`optimizer_step`, `rank`, `micro_batch`, `item_id`), one row a step, and its hash.
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
        let items = read_items(&Columns::read(items)?)?;
        let plan = twogrpo_pairs::plan_batches(&items, &options).map_err(pairs_error)?;
        Ok((
            batch_table(&items, &plan)?,
            denominator_table(&plan)?,
            format!("{:016x}", plan.hash),
        ))
    })
}

fn batch_table(items: &[Item], plan: &Plan) -> PyResult<PyTable> {
    let numbers = || Vec::with_capacity(items.len());
    let (mut steps, mut ranks, mut micro, mut ids) = (numbers(), numbers(), numbers(), Vec::with_capacity(items.len()));
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

fn read_items(columns: &Columns) -> PyResult<Vec<Item>> {
    let (ids, lengths) = (
        columns.numbers::<Int64Type>("item_id")?,
        columns.numbers::<UInt32Type>("length")?,
    );
    let (tokens, units) = (
        columns.numbers::<UInt32Type>("loss_tokens")?,
        columns.numbers::<Int64Type>("pair_id")?,
    );
    let rows = ids
        .iter()
        .zip(lengths)
        .zip(tokens)
        .zip(units)
        .zip(columns.flags("contributes")?);
    let item = |((((item_id, length), loss_tokens), unit), contributes)| Item {
        item_id: Option::unwrap_or_default(item_id),
        length: Option::unwrap_or_default(length),
        loss_tokens: Option::unwrap_or_default(loss_tokens),
        contributes: Option::unwrap_or_default(contributes),
        unit,
    };
    Ok(rows.map(item).collect())
}
