//! Repetition and definition levels of a column of lists, as Parquet writes them in its first version of data pages.

use parquet::errors::Result;

/// The levels of a page: lists that may be null, of values that may not.
#[derive(Default)]
pub(crate) struct Levels {
    repetition: Runs,
    definition: Runs,
    count: u32,
}

impl Levels {
    /// Add a list of so many values, or a null.
    pub fn put_list(&mut self, length: Option<usize>) {
        self.repetition.put(0, 1);
        match length {
            None => self.definition.put(0, 1),
            Some(0) => self.definition.put(1, 1),
            Some(length) => {
                self.repetition.put(1, length - 1);
                self.definition.put(2, length);
            }
        }
        self.count += u32::try_from(length.unwrap_or(0).max(1)).unwrap_or(u32::MAX);
    }

    /// Return the number of levels: one a value, and one a list without any.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Return both kinds of levels with their lengths in front.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for runs in [&self.repetition, &self.definition] {
            let encoded = runs.encode();
            bytes.extend(u32::try_from(encoded.len())?.to_le_bytes());
            bytes.extend(encoded);
        }
        Ok(bytes)
    }
}

/// Runs of equal levels.
#[derive(Default)]
struct Runs(Vec<(u8, usize)>);

impl Runs {
    fn put(&mut self, level: u8, times: usize) {
        match self.0.last_mut() {
            _ if times == 0 => {}
            Some((last, count)) if *last == level => *count += times,
            _ => self.0.push((level, times)),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 * self.0.len());
        for (level, count) in &self.0 {
            put_varint(&mut bytes, 2 * count);
            bytes.push(*level);
        }
        bytes
    }
}

/// Add a number in groups of seven bits, the lowest first.
pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_number_takes_seven_bits_a_byte() {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, 300);
        assert_eq!(bytes, [0b1010_1100, 0b10]);
    }

    #[test]
    fn lists_nulls_and_empty_lists_are_told_apart() {
        let mut levels = Levels::default();
        for list in [Some(3), None, Some(0)] {
            levels.put_list(list);
        }
        let repetition = [6, 0, 0, 0, 2, 0, 4, 1, 4, 0];
        let definition = [6, 0, 0, 0, 6, 2, 2, 0, 2, 1];
        assert_eq!(levels.count(), 5);
        assert_eq!(levels.encode().unwrap(), [repetition, definition].concat());
    }
}
