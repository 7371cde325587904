//! The result of one verification.

use std::ops::Range;

/// What became of an answer. The first group is the policy's own doing, the second a failure to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The answer equals a gold answer.
    Match,
    /// It does not.
    Mismatch,
    /// No extraction rule found an answer.
    NoAnswer,
    /// The answer found is empty or a placeholder.
    Empty,
    /// The last box is never closed.
    Unclosed,
    /// The answer is no mathematics that is understood, and not the gold's text.
    UnparsablePred,
    /// The value is right, but the arithmetic is left to the reader.
    Unevaluated,
    /// Neither equality nor inequality could be shown.
    Unknown,
    /// A size limit or the step budget was reached.
    Limit,
    /// The gold answer itself is not understood, and the answer is not its text.
    UnparsableGold,
    /// The verifier failed on this row.
    Error,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 11] = [
        Self::Match,
        Self::Mismatch,
        Self::NoAnswer,
        Self::Empty,
        Self::Unclosed,
        Self::UnparsablePred,
        Self::Unevaluated,
        Self::Unknown,
        Self::Limit,
        Self::UnparsableGold,
        Self::Error,
    ];

    /// Returns the name that is stored and printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Mismatch => "mismatch",
            Self::NoAnswer => "no_answer",
            Self::Empty => "empty",
            Self::Unclosed => "unclosed",
            Self::UnparsablePred => "unparsable_pred",
            Self::Unevaluated => "unevaluated",
            Self::Unknown => "unknown",
            Self::Limit => "limit",
            Self::UnparsableGold => "unparsable_gold",
            Self::Error => "error",
        }
    }
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What became of the answer.
    pub status: Status,
    /// Whether it is the gold answer that exceeded a limit; a policy cannot cause that.
    pub is_gold_limit: bool,
    /// The equality rule that decided.
    pub rule: Option<&'static str>,
    /// The extraction rule that fired; none for a bare answer.
    pub extraction: Option<&'static str>,
    /// Bytes of the response that hold the answer.
    pub span: Option<Range<usize>>,
    /// The answer as it was written.
    pub extracted: Option<String>,
    /// Distinct answers that the extraction rule found.
    pub candidates: usize,
    /// How the gold answer was read.
    pub gold_form: Option<String>,
    /// How the answer was read.
    pub pred_form: Option<String>,
    /// Steps spent.
    pub fuel: u64,
}

impl Verdict {
    /// Returns a verdict without particulars.
    pub const fn bare(status: Status) -> Self {
        Self {
            status,
            is_gold_limit: false,
            rule: None,
            extraction: None,
            span: None,
            extracted: None,
            candidates: 0,
            gold_form: None,
            pred_form: None,
            fuel: 0,
        }
    }

    /// Returns whether the answer is right.
    pub const fn is_correct(&self) -> bool {
        matches!(self.status, Status::Match)
    }

    /// Returns the training reward: 1 for a match, 0 for whatever else a policy can write, none for a failure to judge.
    pub const fn reward(&self) -> Option<f32> {
        match self.status {
            Status::Match => Some(1.0),
            Status::UnparsableGold | Status::Error => None,
            Status::Limit if self.is_gold_limit => None,
            _ => Some(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_have_no_reward() {
        let failed: Vec<_> = Status::ALL
            .into_iter()
            .filter(|status| Verdict::bare(*status).reward().is_none())
            .collect();
        assert_eq!(failed, [Status::UnparsableGold, Status::Error]);
    }

    #[test]
    fn a_limit_is_a_failure_only_on_the_gold() {
        let mut verdict = Verdict::bare(Status::Limit);
        assert_eq!(verdict.reward(), Some(0.0));
        verdict.is_gold_limit = true;
        assert_eq!(verdict.reward(), None);
    }
}
