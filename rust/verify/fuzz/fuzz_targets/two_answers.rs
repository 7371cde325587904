//! Two answers: the verdict is symmetric where the rule is, repeats, and stays within the budget.
#![no_main]

// The laws are shared by both targets; each runs one.
#[allow(dead_code)]
#[path = "../../tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laws::two_answers(bytes));
