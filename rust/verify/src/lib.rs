//! Answer text to verdict: does a model's final answer equal the gold answer?
//!
//! The story runs through the rooms in order: `extract` finds a candidate in a response, `lexer` and `parser` read it,
//! `normal` brings it to a normal form over exact numbers, `equality` applies the rules of the profile, and `verify`
//! turns the outcome into a [`Verdict`]. Everything is deterministic: sizes and steps are limited, time never is.
//! Text that is not understood is compared as text and never guessed at.

mod ast;
mod commands;
mod compare;
mod comparison;
mod equality;
mod evaluate;
mod extract;
mod fuel;
mod kind;
mod lexer;
mod limits;
mod normal;
mod parser;
mod profile;
mod repair;
mod token;
mod unicode;
mod units;
mod verdict;
mod verify;

pub use extract::{ExtractionRule, Search, UnknownRule, prompt_bytes};
pub use kind::{Kind, kind, kind_guarded};
pub use profile::{Equality, Extraction, Profile, UnknownProfile};
pub use verdict::{Status, Verdict};
pub use verify::{Mode, Options, VERSION, gold_form, pred_form, verify, verify_guarded, verify_in, verify_in_guarded};
