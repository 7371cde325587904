//! Rust errors as the package's own exceptions, `twogrpo.errors`.

use pyo3::import_exception;

import_exception!(twogrpo.errors, ConfigError);
import_exception!(twogrpo.errors, DataError);
import_exception!(twogrpo.errors, StoreError);
import_exception!(twogrpo.errors, VerifyError);
