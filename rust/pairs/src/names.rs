//! Numbers for names, and for token ids.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroU64};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::error::PairsError;

/// Names that are met many times, each under a number of its own: an id that every rollout repeats takes four bytes.
///
/// Names are told apart by 128 bits of a hash.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<u128, NonZeroU32>,
    text: String,
    ends: Vec<usize>,
    last: Option<(u128, NonZeroU32)>,
}

impl Names {
    /// Returns the number of a name; `further` are token ids that make another name of it.
    pub fn number(&mut self, name: &str, further: Option<&[i32]>) -> Result<NonZeroU32, PairsError> {
        let key = key(name, further);
        if let Some((_, number)) = self.last.filter(|(last, _)| *last == key) {
            return Ok(number);
        }
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            None => self.add(key, name)?,
        };
        self.last = Some((key, number));
        Ok(number)
    }

    fn add(&mut self, key: u128, name: &str) -> Result<NonZeroU32, PairsError> {
        let found = self.ends.len() + 1;
        let number = u32::try_from(found).ok().and_then(NonZeroU32::new);
        let number = number.ok_or(PairsError::TooMany { found })?;
        self.text.push_str(name);
        self.ends.push(self.text.len());
        self.numbers.insert(key, number);
        Ok(number)
    }

    /// Returns the names by their numbers, which takes less memory than to find their numbers.
    pub fn into_list(self) -> NameList {
        NameList {
            text: self.text,
            ends: self.ends,
        }
    }
}

/// Names by their numbers.
#[derive(Debug)]
pub struct NameList {
    text: String,
    ends: Vec<usize>,
}

impl NameList {
    /// Returns the name of a number.
    pub fn get(&self, number: NonZeroU32) -> Option<&str> {
        let index = number.get() as usize - 1;
        let start = index
            .checked_sub(1)
            .map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..*self.ends.get(index)?)
    }
}

fn key(name: &str, further: Option<&[i32]>) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(name.as_bytes());
    if let Some(ids) = further {
        // A byte that no text holds, so that no name is another one with its ids.
        hasher.update(&[0xff]);
        hasher.update(&bytes(ids));
    }
    hasher.digest128()
}

/// Returns a hash of some token ids.
pub fn hash_ids(ids: &[i32]) -> NonZeroU64 {
    NonZeroU64::new(xxh3_64(&bytes(ids))).unwrap_or(NonZeroU64::MIN)
}

fn bytes(ids: &[i32]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number_and_is_told_again() -> Result<(), PairsError> {
        let mut names = Names::default();
        let told = ["a", "bc", "", "a", "bc", ""];
        let numbers: Vec<NonZeroU32> = told
            .iter()
            .map(|name| names.number(name, None))
            .collect::<Result<_, _>>()?;
        assert_eq!(
            numbers.iter().map(|number| number.get()).collect::<Vec<_>>(),
            [1, 2, 3, 1, 2, 3]
        );
        let list = names.into_list();
        let again: Vec<Option<&str>> = numbers.iter().map(|number| list.get(*number)).collect();
        assert_eq!(again, told.map(Some));
        Ok(())
    }

    #[test]
    fn other_ids_make_another_name() -> Result<(), PairsError> {
        let mut names = Names::default();
        let (bare, empty) = (names.number("a", None)?, names.number("a", Some(&[]))?);
        let (one, two) = (names.number("a", Some(&[1]))?, names.number("a", Some(&[2]))?);
        assert_eq!([bare, empty, one, two].map(NonZeroU32::get), [1, 2, 3, 4]);
        assert_eq!(names.into_list().get(two), Some("a"));
        Ok(())
    }
}
