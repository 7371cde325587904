//! Rust errors as the package's own exceptions, `twogrpo.errors`.

use pyo3::{PyErr, import_exception};
use twogrpo_pairs::PairsError;

import_exception!(twogrpo.errors, ConfigError);
import_exception!(twogrpo.errors, DataError);
import_exception!(twogrpo.errors, StoreError);
import_exception!(twogrpo.errors, VerifyError);

/// Returns the exception of an error of the pairs crate.
pub fn pairs_error(error: PairsError) -> PyErr {
    let message = error.to_string();
    match error {
        PairsError::UnknownName { .. } | PairsError::OutOfRange { .. } | PairsError::LargeUnit { .. } => {
            ConfigError::new_err(message)
        }
        PairsError::Oversize { .. }
        | PairsError::DuplicateItem { .. }
        | PairsError::DuplicateRollout { .. }
        | PairsError::MixedGroup { .. }
        | PairsError::UnequalColumns { .. }
        | PairsError::TooMany { .. } => DataError::new_err(message),
    }
}
