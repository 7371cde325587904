//! Identities that occur more than once.

/// Returns the least number that occurs twice; sorts the numbers.
pub fn first_repeated(numbers: &mut [i64]) -> Option<i64> {
    numbers.sort_unstable();
    numbers
        .chunk_by(|left, right| left == right)
        .find(|equal| equal.len() > 1)
        .and_then(|equal| equal.first().copied())
}
