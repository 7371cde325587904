//! The order of rows in a segment.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int64Type};
use arrow_array::{ArrayRef, UInt32Array};

use crate::error::DataError;

/// Return the order by (`group_id`, `rollout_idx`), `None` if the rows stand in it; refuse a rollout given twice.
pub(crate) fn sorted_order(groups: &ArrayRef, members: &ArrayRef) -> Result<Option<UInt32Array>, DataError> {
    let (groups, members) = (groups.as_primitive::<Int64Type>(), members.as_primitive::<Int16Type>());
    let mut keys: Vec<(i64, i16, u32)> = groups
        .values()
        .iter()
        .zip(members.values())
        .zip(0u32..)
        .map(|((g, m), row)| (*g, *m, row))
        .collect();
    let is_sorted = keys.is_sorted();
    keys.sort_unstable();
    for pair in keys.windows(2) {
        if let [(group_id, rollout_idx, first), (g, m, second)] = pair
            && (group_id, rollout_idx) == (g, m)
        {
            let (first, second) = (*first as usize, *second as usize);
            return Err(DataError::Duplicate {
                group_id: *group_id,
                rollout_idx: *rollout_idx,
                first,
                second,
            });
        }
    }
    Ok((!is_sorted).then(|| keys.into_iter().map(|(_, _, row)| row).collect()))
}
