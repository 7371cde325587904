//! Work on several threads, for as long as one call lasts.

use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, available_parallelism, scope};

/// Return what `work` makes of each item, in the order of the items, on at most so many threads; this one is among them.
///
/// Items are begun in their order. A panic of `work` ends the call with the same panic.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, threads: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = threads.min(items.len());
    let items = Mutex::new(items.into_iter().enumerate());
    let drain = || {
        let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
        std::iter::from_fn(next)
            .map(|(place, item)| (place, work(item)))
            .collect::<Vec<_>>()
    };
    let mut done = scope(|scope| {
        let start = |_| {
            Builder::new()
                .name("twogrpo-store".to_owned())
                .spawn_scoped(scope, drain)
        };
        // Where the system gives no more threads, those that are there do it all.
        let others: Vec<_> = (1..threads).map_while(|number| start(number).ok()).collect();
        let mut done = drain();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Return the number of threads that this process may keep busy.
pub(crate) fn available() -> usize {
    available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let squares = map((0..100).collect(), 3, |number: u64| number * number);
        assert!(squares.into_iter().eq((0..100).map(|number| number * number)));
    }

    #[test]
    fn a_panic_is_passed_on() {
        let worked = std::panic::catch_unwind(|| map(vec![1, 0, 2], 2, |number: u64| 10 / number));
        assert!(worked.is_err());
    }
}
