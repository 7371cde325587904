//! A dictionary of token ids, and its indices in whole bytes.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ListArray};
use parquet::errors::Result;

use crate::levels::put_varint;

/// Ids from here on would make the table of the dictionary large; no tokenizer has them.
const ID_LIMIT: usize = 1 << 22;

/// The ids of a column in the order in which they come.
#[derive(Default)]
pub(crate) struct Dictionary {
    ids: Vec<i32>,
    /// The place of each id, counted from 1; 0 for ids that have not come.
    places: Vec<u32>,
}

impl Dictionary {
    /// Return the place of each id of the lists, counted from 0; `None` if an id is out of range.
    pub fn indices(&mut self, lists: &ListArray) -> Option<Vec<u32>> {
        let mut indices = Vec::with_capacity(lists.values().len());
        for list in lists.iter().flatten() {
            for id in list.as_primitive::<Int32Type>().values() {
                indices.push(self.index(*id)?);
            }
        }
        Some(indices)
    }

    fn index(&mut self, id: i32) -> Option<u32> {
        let at = usize::try_from(id).ok().filter(|at| *at < ID_LIMIT)?;
        if at >= self.places.len() {
            self.places.resize((at + 1).next_power_of_two(), 0);
        }
        let place = self.places.get_mut(at)?;
        if *place == 0 {
            self.ids.push(id);
            *place = u32::try_from(self.ids.len()).ok()?;
        }
        Some(*place - 1)
    }

    /// Return how many ids there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Return how many whole bytes hold every place, at least one.
    pub fn width(&self) -> usize {
        bytes_of(self.ids.len().saturating_sub(1))
    }

    /// Return the ids as a dictionary page holds them.
    pub fn plain(&self) -> Vec<u8> {
        self.ids.iter().flat_map(|id| id.to_le_bytes()).collect()
    }
}

/// Return how many whole bytes hold every number up to `largest`, at least one.
fn bytes_of(largest: usize) -> usize {
    let bits = usize::BITS - largest.leading_zeros();
    (bits.div_ceil(8) as usize).max(1)
}

/// Add indices as one bit-packed run of the RLE hybrid: packing whole bytes is writing the low bytes of each.
pub(crate) fn put_indices(page: &mut Vec<u8>, indices: &[u32], width: usize) -> Result<()> {
    page.push(u8::try_from(8 * width)?);
    if indices.is_empty() {
        return Ok(());
    }
    let groups = indices.len().div_ceil(8);
    put_varint(page, 2 * groups + 1);
    page.reserve(8 * groups * width);
    for index in indices {
        let [lowest, low, high, _] = index.to_le_bytes();
        match width {
            1 => page.push(lowest),
            2 => page.extend([lowest, low]),
            _ => page.extend([lowest, low, high]),
        }
    }
    page.resize(page.len() + (8 * groups - indices.len()) * width, 0);
    Ok(())
}
