//! The Python face of the Rust core, `twogrpo._core`: one file a topic, no logic of its own.

use pyo3::prelude::*;

mod columns;
mod error;
mod pairs;
mod panics;
mod plan;
mod pool;
mod prompt_id;
mod store;
mod store_maintenance;
mod texts;
mod verify;

/// The compiled core of twogrpo.
#[pymodule(name = "_core")]
mod core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::pairs::{PyPairRows, check_pair_spec};
    #[pymodule_export]
    use super::plan::plan_batches;
    #[pymodule_export]
    use super::prompt_id::prompt_id;

    #[pymodule_export]
    use super::store::{StoreWriter, store_check, store_open, store_repair, store_reward_columns, store_schema};
    #[pymodule_export]
    use super::store_maintenance::{store_compact, store_prune, store_purge};
    #[pymodule_export]
    use super::verify::{PyVerdict, answer_kinds, verifier_profiles, verifier_version, verify, verify_batch};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::panics::set_panic_hook();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("is_release_build", !cfg!(debug_assertions))
    }
}
