//! Hard limits. Beyond them a row ends with the status `limit`; none depends on time or on the machine.

/// Longest response, in bytes.
pub const INPUT_BYTES: usize = 8 << 20;
/// Longest answer that is read as mathematics, in bytes; longer ones are compared as text only.
pub const ANSWER_BYTES: usize = 4 << 10;
/// Longest answer after its Unicode characters are spelled out, in bytes.
pub const SPELLED_BYTES: usize = 2 * ANSWER_BYTES;
/// Deepest nesting of brackets and arguments.
pub const NESTING: usize = 200;
/// Most tokens of one answer.
pub const TOKENS: usize = 4_096;
/// Largest integer that is computed, in bits.
pub const INTEGER_BITS: usize = 32_768;
/// Most terms of a sum in normal form.
pub const TERMS: usize = 10_000;
/// Largest power of a sum that is multiplied out.
pub const EXPANSION: i64 = 64;
/// Largest argument of a factorial or binomial that is computed.
pub const FACTORIAL: u64 = 3_000;
/// Largest trial divisor when integers are factored for radicals.
pub const TRIAL_DIVISOR: u64 = 1_000;
/// Steps that reading one token costs, from text to tree.
pub const TOKEN_STEPS: u64 = 12;
/// Steps of one row. A step is charged for about 25 ns of work and never for more than 50, so that no row takes 5 ms.
pub const FUEL: u64 = 100_000;
