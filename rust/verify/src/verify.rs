//! From a response and its gold answers to a verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::compare::{Comparison, compare, described};
use crate::extract::{self, Missing};
use crate::fuel::Fuel;
use crate::limits;
use crate::profile::Profile;
use crate::verdict::{Status, Verdict};

/// The version that verdicts are stored under.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the text to be verified is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A whole response, in which the answer is looked for.
    Response,
    /// A bare final answer.
    Answer,
}

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Extraction and equality.
    pub profile: Profile,
    /// What the text is.
    pub mode: Mode,
    /// Whether the verdict says how both sides were read; costs as much as the comparison.
    pub has_forms: bool,
}

/// Returns the verdict on a response: a match if it equals any of the gold answers.
pub fn verify(response: &str, golds: &[&str], options: Options) -> Verdict {
    if response.len() > limits::INPUT_BYTES {
        return Verdict::bare(Status::Limit);
    }
    let mut verdict = match located(response, options) {
        Ok(verdict) => verdict,
        Err(Missing::NoAnswer) => return Verdict::bare(Status::NoAnswer),
        Err(Missing::Empty) => return Verdict::bare(Status::Empty),
        Err(Missing::Unclosed) => return Verdict::bare(Status::Unclosed),
    };
    let pred = verdict.extracted.clone().unwrap_or_default();
    let mut fuel = Fuel::default();
    let comparison = best(&pred, golds, options, &mut fuel);
    verdict.status = comparison.status;
    verdict.rule = comparison.rule;
    verdict.is_gold_limit = comparison.is_gold_limit;
    verdict.fuel = fuel.spent();
    if options.has_forms {
        verdict.pred_form = described(&pred, &mut Fuel::default());
        verdict.gold_form = golds.first().and_then(|gold| described(gold, &mut Fuel::default()));
    }
    verdict
}

/// Returns the first match among the gold answers; else a gold that could not be judged, else the first outcome.
fn best(pred: &str, golds: &[&str], options: Options, fuel: &mut Fuel) -> Comparison {
    let mut kept: Option<Comparison> = None;
    for gold in golds {
        let comparison = compare(pred, gold.trim(), options.profile.equality(), fuel);
        if comparison.status == Status::Match {
            return comparison;
        }
        if kept.is_none() || comparison.is_failure() {
            kept = Some(comparison);
        }
    }
    kept.unwrap_or(Comparison::of(Status::UnparsableGold))
}

/// Returns the verdict, or `error` where judging this row panicked.
pub fn verify_guarded(response: &str, golds: &[&str], options: Options) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| verify(response, golds, options))).unwrap_or_else(|_| Verdict::bare(Status::Error))
}

/// Returns an undecided verdict that holds the candidate answer.
fn located(response: &str, options: Options) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::bare(Status::Mismatch);
    verdict.candidates = 1;
    let span = if options.mode == Mode::Answer {
        if extract::is_placeholder(response) {
            return Err(Missing::Empty);
        }
        let start = response.len() - response.trim_start().len();
        start..start + response.trim().len()
    } else {
        let candidate = extract::extract(response, options.profile.extraction())?;
        verdict.extraction = Some(candidate.rule.name());
        verdict.candidates = candidate.candidates;
        candidate.span
    };
    verdict.extracted = response.get(span.clone()).map(str::to_owned);
    verdict.span = Some(span);
    Ok(verdict)
}
