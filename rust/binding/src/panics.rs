//! What the process says of a panic: nothing where it becomes an error about a damaged file, else what it said before.

use std::panic::{set_hook, take_hook};
use std::sync::Once;

static SET: Once = Once::new();

/// Put the hook before the one that is there, once.
pub fn set_panic_hook() {
    SET.call_once(|| {
        let earlier = take_hook();
        set_hook(Box::new(move |panic| {
            if !twogrpo_store::catches_panics() {
                earlier(panic);
            }
        }));
    });
}
