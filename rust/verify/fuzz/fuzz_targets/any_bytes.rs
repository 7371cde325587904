//! Any bytes as a response: nothing panics, and nothing the policy writes is a failure.
#![no_main]

// The laws are shared by both targets; each runs one.
#[allow(dead_code)]
#[path = "../../tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laws::any_bytes(bytes));
