//! The identity of a problem across runs and stores.

use pyo3::prelude::*;

/// Return the id that the store gives a problem: a hash of the data set's name and the problem as it stands there.
#[pyfunction]
pub fn prompt_id(dataset: &str, prompt: &str) -> String {
    twogrpo_store::prompt_id(dataset, prompt)
}
