//! From a response and its gold answers to a verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::compare::{Comparison, compare, described};
use crate::extract::{self, ExtractionRule, Missing};
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
    /// A whole response, and gold answers that may be prose as well.
    Text,
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
///
/// Without a gold answer nothing can be judged, whatever the response is.
pub fn verify(response: &str, golds: &[&str], options: Options) -> Verdict {
    if golds.iter().all(|gold| gold.trim().is_empty()) {
        return Verdict::bare(Status::UnparsableGold);
    }
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
        verdict.gold_form = golds.first().and_then(|gold| {
            let mut readings = readings(gold, options.mode);
            readings.find_map(|reading| described(reading, &mut Fuel::default()))
        });
    }
    verdict
}

/// Returns the first match among the gold answers; else a gold that could not be judged, else the first outcome.
fn best(pred: &str, golds: &[&str], options: Options, fuel: &mut Fuel) -> Comparison {
    let mut kept: Option<Comparison> = None;
    for gold in golds {
        let comparison = with_gold(pred, gold, options, fuel);
        if comparison.status == Status::Match {
            return comparison;
        }
        if kept.is_none() || comparison.is_failure() {
            kept = Some(comparison);
        }
    }
    kept.unwrap_or(Comparison::of(Status::UnparsableGold))
}

/// Returns what comes of one gold answer: of its first reading that can be judged, or of its last.
fn with_gold(pred: &str, gold: &str, options: Options, fuel: &mut Fuel) -> Comparison {
    let mut found = Comparison::of(Status::UnparsableGold);
    for reading in readings(gold, options.mode) {
        found = compare(pred, reading, options.profile.equality(), fuel);
        if !found.is_failure() {
            break;
        }
    }
    found
}

/// Returns the texts that a gold answer may stand for, the likeliest first.
///
/// What prose announces is its answer. A formula, or the last of several boxes, is only taken from a text that is not
/// understood as a whole: in `125 $\text{cm}$` and `$1$ and $2$` it is a part of the answer.
fn readings(gold: &str, mode: Mode) -> impl Iterator<Item = &str> {
    let whole = gold.trim();
    let candidate = (mode == Mode::Text).then(|| extract::extract_gold(gold)).flatten();
    let found = candidate
        .as_ref()
        .and_then(|candidate| gold.get(candidate.span.clone()));
    let is_announced = candidate.is_some_and(|candidate| match candidate.rule {
        ExtractionRule::Boxed => candidate.candidates == 1,
        rule => rule != ExtractionRule::LastMath,
    });
    let in_order = if is_announced {
        [found, None]
    } else {
        [Some(whole), found]
    };
    in_order.into_iter().flatten()
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
