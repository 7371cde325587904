//! From a response and its gold answers to a verdict.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::compare::{compare, described};
use crate::comparison::Comparison;
use crate::extract::{self, ExtractionRule, Missing, Search};
use crate::fuel::Fuel;
use crate::limits;
use crate::profile::Profile;
use crate::repair::trimmed;
use crate::verdict::{Status, Verdict};

/// The version that verdicts are stored under.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An answer that shows whether a gold answer can be judged.
const ANY_ANSWER: &str = "0";

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
    verify_in(response, golds, options, Search::of(options.profile.extraction()))
}

/// Returns the verdict as [`verify`] does, with an own list of rules, a prompt that is not searched or another tag of
/// thoughts.
pub fn verify_in(response: &str, golds: &[&str], options: Options, search: Search<'_>) -> Verdict {
    if golds.iter().all(|gold| gold.trim().is_empty()) {
        return Verdict::bare(Status::UnparsableGold);
    }
    if response.len() > limits::INPUT_BYTES {
        return Verdict::bare(Status::Limit);
    }
    let search = Search {
        is_choice: search.rules.contains(&ExtractionRule::Choice) && golds.iter().any(|gold| extract::is_choice(gold)),
        ..search
    };
    let mut verdict = match located(response, options, search) {
        Ok(verdict) => verdict,
        Err(missing) => return unanswered(missing, golds, options, search),
    };
    let pred = verdict.extracted.clone().unwrap_or_default();
    let mut fuel = Fuel::default();
    let comparison = best(&pred, golds, options, search, &mut fuel);
    verdict.status = comparison.status;
    verdict.rule = comparison.rule;
    verdict.is_gold_limit = comparison.is_gold_limit;
    verdict.fuel = fuel.spent();
    if options.has_forms {
        verdict.pred_form = pred_form(&pred);
        verdict.gold_form = golds.first().and_then(|gold| gold_form(gold, options.mode, search));
    }
    verdict
}

/// Returns how an answer that was extracted is read, in words; none if it is not understood.
pub fn pred_form(extracted: &str) -> Option<String> {
    described(extracted, &mut Fuel::default())
}

/// Returns how a gold answer is read, in words; none if it is not understood.
pub fn gold_form(gold: &str, mode: Mode, search: Search<'_>) -> Option<String> {
    readings(gold, mode, search).find_map(|reading| described(&reading, &mut Fuel::default()))
}

/// Returns the verdict on a response without an answer.
///
/// Where the gold answer cannot be judged the verdict says so, as it would of any wrong answer: a policy does not choose
/// between a reward of 0 and none at all.
fn unanswered(missing: Missing, golds: &[&str], options: Options, search: Search<'_>) -> Verdict {
    let mut fuel = Fuel::default();
    let comparison = best(ANY_ANSWER, golds, options, search, &mut fuel);
    let mut verdict = Verdict::bare(match missing {
        _ if comparison.is_failure() => comparison.status,
        Missing::NoAnswer => Status::NoAnswer,
        Missing::Empty => Status::Empty,
        Missing::Unclosed => Status::Unclosed,
    });
    verdict.is_gold_limit = comparison.is_gold_limit;
    verdict.fuel = fuel.spent();
    verdict
}

/// Returns the first match among the gold answers; else a gold that could not be judged, else the first outcome.
fn best(pred: &str, golds: &[&str], options: Options, search: Search<'_>, fuel: &mut Fuel) -> Comparison {
    let mut kept: Option<Comparison> = None;
    for gold in golds {
        let comparison = with_gold(pred, gold, options, search, fuel);
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
fn with_gold(pred: &str, gold: &str, options: Options, search: Search<'_>, fuel: &mut Fuel) -> Comparison {
    let mut found = Comparison::of(Status::UnparsableGold);
    for reading in readings(gold, options.mode, search) {
        found = compare(pred, &reading, options.profile, fuel);
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
fn readings<'a>(gold: &'a str, mode: Mode, search: Search<'_>) -> impl Iterator<Item = Cow<'a, str>> {
    let whole = Cow::Borrowed(trimmed(gold));
    let candidate = (mode == Mode::Text)
        .then(|| extract::extract_gold(gold, search))
        .flatten();
    let is_announced = candidate.as_ref().is_some_and(|candidate| match candidate.rule {
        ExtractionRule::Boxed => candidate.candidates == 1 || candidate.merged.is_some(),
        rule => rule != ExtractionRule::LastMath,
    });
    let found = candidate.and_then(|candidate| match candidate.merged {
        Some(merged) => Some(Cow::Owned(merged)),
        None => gold.get(candidate.span).map(Cow::Borrowed),
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
    guarded(|| verify(response, golds, options))
}

/// Returns the verdict with an own search, or `error` where judging this row panicked.
pub fn verify_in_guarded(response: &str, golds: &[&str], options: Options, search: Search<'_>) -> Verdict {
    guarded(|| verify_in(response, golds, options, search))
}

fn guarded(verdict: impl FnOnce() -> Verdict) -> Verdict {
    catch_unwind(AssertUnwindSafe(verdict)).unwrap_or_else(|_| Verdict::bare(Status::Error))
}

/// Returns an undecided verdict that holds the candidate answer.
fn located(response: &str, options: Options, search: Search<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::bare(Status::Mismatch);
    verdict.candidates = 1;
    let span = if options.mode == Mode::Answer {
        if extract::is_placeholder(response) {
            return Err(Missing::Empty);
        }
        let answer = trimmed(response);
        let start = response.trim_end().len() - answer.len();
        start..start + answer.len()
    } else {
        let candidate = extract::extract(response, search)?;
        verdict.extraction = Some(candidate.rule.name());
        verdict.candidates = candidate.candidates;
        verdict.extracted = candidate.merged;
        candidate.span
    };
    verdict.extracted = verdict
        .extracted
        .or_else(|| response.get(span.clone()).map(str::to_owned));
    verdict.span = Some(span);
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    const OPTIONS: Options = Options {
        profile: Profile::Rl,
        mode: Mode::Response,
        has_forms: false,
    };

    #[test]
    fn a_panic_is_the_error_of_its_own_row() {
        let judged = (0..9).map(|row| {
            guarded(|| {
                assert!(row != 7, "injected");
                verify(r"\boxed{1}", &["1"], OPTIONS)
            })
        });
        let statuses: Vec<Status> = judged.map(|verdict| verdict.status).collect();
        let mut expected = [Status::Match; 9];
        expected[7] = Status::Error;
        assert_eq!(statuses, expected);
    }

    #[test]
    fn without_an_answer_an_unreadable_gold_is_still_a_failure() {
        for response in ["none", r"\boxed{}", r"\boxed{1", r"\boxed{1}"] {
            let verdict = verify(response, &[r"\oint f"], OPTIONS);
            assert_eq!(
                (verdict.status, verdict.reward()),
                (Status::UnparsableGold, None),
                "{response}"
            );
        }
        assert_eq!(verify("none", &["1"], OPTIONS).status, Status::NoAnswer);
        assert_eq!(verify("none", &["0"], OPTIONS).status, Status::NoAnswer);
    }
}
