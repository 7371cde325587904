//! Counter-based random numbers: a draw is a hash of its key, so no generator state is ever kept.

use xxhash_rust::xxh3::xxh3_64;

/// Returns a hash of some numbers, equal on every platform.
pub fn hash<const N: usize>(key: [u64; N]) -> u64 {
    xxh3_64(key.map(u64::to_le_bytes).as_flattened())
}

/// Returns a number below `bound` from a hash; `bound` is above 0.
pub fn below(hash: u64, bound: u64) -> u64 {
    // The high half of a 128-bit product: no division, and a bias below bound / 2^64.
    let product = u128::from(hash) * u128::from(bound);
    u64::try_from(product >> 64).unwrap_or(0)
}

/// Returns 0..count, at most 2^32 numbers, in an order that depends on the seed and the stream alone (Fisher and Yates).
pub fn permutation(count: usize, seed: u64, stream: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..=u32::MAX).take(count).collect();
    for last in (1..count).rev() {
        let draw = below(mix(seed, stream, last as u64), last as u64 + 1);
        order.swap(last, usize::try_from(draw).unwrap_or(last));
    }
    order
}

/// Returns a well-mixed number of a seed, a stream and a counter (the finaliser of `SplitMix64`, twice).
fn mix(seed: u64, stream: u64, counter: u64) -> u64 {
    finalise(finalise(seed.wrapping_add(stream.wrapping_mul(GOLDEN))).wrapping_add(counter.wrapping_mul(GOLDEN)))
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn finalise(state: u64) -> u64 {
    let mut bits = state.wrapping_add(GOLDEN);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_stays_below() {
        assert_eq!(below(u64::MAX, 7), 6);
        assert_eq!(below(0, 7), 0);
    }

    #[test]
    fn permutation_holds_each_number_once() {
        let mut order = permutation(1000, 3, 4);
        assert_ne!(order, (0..1000).collect::<Vec<u32>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<u32>>());
    }

    #[test]
    fn seeds_and_streams_give_other_orders() {
        assert_ne!(permutation(50, 0, 0), permutation(50, 1, 0));
        assert_ne!(permutation(50, 0, 0), permutation(50, 0, 1));
    }

    #[test]
    fn draws_are_the_same_on_every_platform() {
        assert_eq!(permutation(8, 42, 1), GOLDEN_ORDER);
        assert_eq!(hash([1, 2, 3]), GOLDEN_HASH);
    }

    const GOLDEN_ORDER: [u32; 8] = [7, 0, 1, 4, 6, 2, 5, 3];
    const GOLDEN_HASH: u64 = 8_964_613_590_703_056_768;
}
