//! Panics of the decoders, caught: they are made for files that are whole, and some panic on a damaged one.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static IS_DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Return whether a panic of this thread becomes an error about a file, so that a panic hook need not tell it.
pub fn catches_panics() -> bool {
    IS_DECODING.try_with(Cell::get).unwrap_or(false)
}

/// Return what `decode` makes, or nothing if it panicked.
pub(crate) fn caught<T>(decode: impl FnOnce() -> T) -> Option<T> {
    let outer = IS_DECODING.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    IS_DECODING.set(outer);
    decoded.ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    #[test]
    fn a_panic_is_nothing() {
        assert_eq!(caught(|| -> u8 { panic!("damaged") }), None);
    }

    #[test]
    fn it_is_known_while_it_may_come_and_no_longer() {
        assert_eq!((caught(catches_panics), catches_panics()), (Some(true), false));
        assert!(caught(|| panic!("damaged")).is_none());
        assert!(!catches_panics());
    }

    #[test]
    fn another_thread_tells_its_own() {
        let other = || std::thread::spawn(catches_panics).join().ok();
        assert_eq!(caught(other), Some(Some(false)));
    }
}
