//! Identities that occur more than once.

/// Bits of a table a number: so many that few numbers share one by chance.
const BITS: usize = 16;

/// Returns the least number that occurs twice.
///
/// Only numbers that share a bit of a hash with another are sorted and compared.
pub fn first_repeated(numbers: impl ExactSizeIterator<Item = i64> + Clone) -> Option<i64> {
    if numbers.clone().is_sorted_by(|left, right| left < right) {
        return None;
    }
    let width = (numbers.len().saturating_mul(BITS)).next_power_of_two().max(64);
    let (mut met, mut met_twice) = (Bits::new(width), Bits::new(width));
    for number in numbers.clone() {
        if met.set(number) {
            met_twice.set(number);
        }
    }
    drop(met);
    let mut suspects: Vec<i64> = numbers.filter(|number| met_twice.has(*number)).collect();
    suspects.sort_unstable();
    let mut equal = suspects.chunk_by(|left, right| left == right);
    equal
        .find(|equal| equal.len() > 1)
        .and_then(|equal| equal.first().copied())
}

/// A table of bits, one of which stands for each number.
struct Bits {
    words: Vec<u64>,
    shift: u32,
}

impl Bits {
    fn new(width: usize) -> Self {
        Self {
            words: vec![0; width / 64],
            shift: 64 - width.trailing_zeros(),
        }
    }

    /// Returns the index of a number's word and its bit in it.
    fn place(&self, number: i64) -> (usize, u64) {
        let bit = number.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
    }

    /// Sets the bit of a number and returns whether it was set before.
    fn set(&mut self, number: i64) -> bool {
        let (word, bit) = self.place(number);
        self.words.get_mut(word).is_some_and(|word| {
            let was_set = *word & bit != 0;
            *word |= bit;
            was_set
        })
    }

    fn has(&self, number: i64) -> bool {
        let (word, bit) = self.place(number);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(numbers: &[i64]) -> Option<i64> {
        first_repeated(numbers.iter().copied())
    }

    #[test]
    fn the_least_of_those_that_come_twice_is_found() {
        assert_eq!(repeated(&[5, -3, 9, 5, -3, i64::MIN]), Some(-3));
        assert_eq!(repeated(&[i64::MAX, i64::MIN, i64::MAX]), Some(i64::MAX));
    }

    #[test]
    fn numbers_of_their_own_are_not_repeated() {
        assert_eq!(repeated(&[]), None);
        assert_eq!(repeated(&[2, 1]), None);
        let falling: Vec<i64> = (0..100_000).map(|number| -number * 4096).collect();
        assert_eq!(repeated(&falling), None);
    }

    #[test]
    fn one_repeated_number_among_many_is_found() {
        let mut numbers: Vec<i64> = (0..10_000).rev().collect();
        numbers.push(77);
        assert_eq!(repeated(&numbers), Some(77));
    }
}
