//! The keys of a step, the longest first.

use super::shares::{Key, length_and_row};

/// Below this many keys a table of lengths costs more than it saves.
const MANY: usize = 1 << 14;

/// Most lengths that are counted.
const MOST_LENGTHS: usize = 1 << 16;

/// Sorts keys.
///
/// Many that stand in the order of their rows, as those of a large step do, need no comparison: they are dealt out by
/// their lengths, and keep their order within each.
pub fn sort(keys: &mut [Key]) {
    let is_by_row = || keys.is_sorted_by_key(|key| length_and_row(*key).1);
    let dealt = if keys.len() >= MANY && is_by_row() {
        by_length(keys)
    } else {
        None
    };
    match dealt {
        Some(dealt) => keys.copy_from_slice(&dealt),
        None => keys.sort_unstable(),
    }
}

/// Returns the keys of each length after those of greater ones, otherwise in their order; none if lengths differ widely.
fn by_length(keys: &[Key]) -> Option<Vec<Key>> {
    let class = |key: Key| u32::MAX - length_and_row(key).0;
    let least = keys.iter().copied().map(class).min()?;
    let most = keys.iter().copied().map(class).max()?;
    let place_of = |key: Key| (class(key) - least) as usize;
    let lengths = (most - least) as usize + 1;
    if lengths > MOST_LENGTHS {
        return None;
    }
    let mut places = vec![0_usize; lengths];
    for key in keys {
        *places.get_mut(place_of(*key))? += 1;
    }
    let mut first = 0;
    for place in &mut places {
        (*place, first) = (first, first + *place);
    }
    let mut dealt = vec![0; keys.len()];
    for key in keys {
        let place = places.get_mut(place_of(*key))?;
        *dealt.get_mut(*place)? = *key;
        *place += 1;
    }
    Some(dealt)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::shares::key;

    proptest! {
        #[test]
        fn keys_are_sorted(
            lengths in prop::collection::vec(any::<u32>(), 0..200),
            spread in prop_oneof![1..300_u32, 1..200_000_u32, 1..=u32::MAX],
        ) {
            let mut keys: Vec<Key> = lengths.iter().zip(0..).map(|(length, row)| key(length % spread, row)).collect();
            let mut expected = keys.clone();
            expected.sort_unstable();
            if let Some(dealt) = by_length(&keys) {
                prop_assert_eq!(&dealt, &expected);
            } else {
                prop_assert!(spread as usize > MOST_LENGTHS || keys.is_empty());
            }
            sort(&mut keys);
            prop_assert_eq!(keys, expected);
        }
    }

    #[test]
    fn many_keys_are_sorted_in_any_order_of_rows() {
        let rows = 0..u32::try_from(2 * MANY).unwrap();
        let rising: Vec<Key> = rows
            .map(|row| key(row.wrapping_mul(2_654_435_761) >> 20, row))
            .collect();
        let mut expected = rising.clone();
        expected.sort_unstable();
        let falling: Vec<Key> = rising.iter().copied().rev().collect();
        for mut keys in [rising, falling] {
            sort(&mut keys);
            assert_eq!(keys, expected);
        }
    }
}
