//! The one thread pool of the core.
//!
//! A forked child inherits a pool without its threads, and work given to it would wait for ever. The pool is therefore
//! built on first use in each process, and a child never touches what it inherited.

use std::env;
use std::mem;
use std::num::NonZero;
use std::process;
use std::sync::{Arc, Mutex};
use std::thread;

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::ConfigError;

/// More threads gain little on batches of rollouts and take cores from the trainer.
const MAX_DEFAULT_THREADS: usize = 8;
const THREADS_VARIABLE: &str = "TWOGRPO_NUM_THREADS";

static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Returns the pool of this process; none where no pool can be had and the caller does the work itself.
///
/// # Errors
/// `ConfigError` if `TWOGRPO_NUM_THREADS` is no whole number above 0.
pub fn current() -> PyResult<Option<Arc<ThreadPool>>> {
    let id = process::id();
    if let Some(pool) = own(id) {
        return Ok(Some(pool));
    }
    let threads = threads()?;
    let Ok(built) = ThreadPoolBuilder::new().num_threads(threads).thread_name(name).build() else {
        return Ok(None);
    };
    Ok(Some(keep(id, Arc::new(built))))
}

fn name(index: usize) -> String {
    format!("twogrpo-{index}")
}

/// Returns the pool that this process built.
fn own(id: u32) -> Option<Arc<ThreadPool>> {
    // Never a blocking lock: its holder may have stayed behind in the parent.
    let slot = POOL.try_lock().ok()?;
    slot.as_ref()
        .filter(|(owner, _)| *owner == id)
        .map(|(_, pool)| Arc::clone(pool))
}

/// Keeps a pool unless another thread was faster; returns the one to use.
fn keep(id: u32, built: Arc<ThreadPool>) -> Arc<ThreadPool> {
    let Ok(mut slot) = POOL.try_lock() else { return built };
    match slot.as_ref() {
        Some((owner, pool)) if *owner == id => Arc::clone(pool),
        _ => {
            let parents = slot.replace((id, Arc::clone(&built)));
            // Dropping it would wait for threads that exist in the parent only.
            mem::forget(parents);
            built
        }
    }
}

/// Returns the number of threads to start.
fn threads() -> PyResult<usize> {
    let Ok(text) = env::var(THREADS_VARIABLE) else {
        return Ok(thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(MAX_DEFAULT_THREADS));
    };
    text.trim().parse().ok().filter(|threads| *threads > 0).ok_or_else(|| {
        ConfigError::new_err(format!(
            "{THREADS_VARIABLE}={text:?} is no whole number above 0; set e.g. 4 or unset it"
        ))
    })
}
