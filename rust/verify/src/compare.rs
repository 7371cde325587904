//! Two answers as text to an outcome: identical text first, then plain integers, then the way through normal forms.

use crate::equality::{Judge, Outcome, choice_letter, undone};
use crate::fuel::Fuel;
use crate::lexer::lex;
use crate::limits;
use crate::normal::{Form, Normaliser, Trouble};
use crate::parser::{self, Answer};
use crate::profile::Equality;
use crate::token::{self, Token};
use crate::unicode::to_latex;
use crate::verdict::Status;

/// What the comparison with one gold answer came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What became of the answer.
    pub status: Status,
    /// The rule that decided.
    pub rule: Option<&'static str>,
    /// Whether it is the gold that exceeded a limit.
    pub is_gold_limit: bool,
}

impl Comparison {
    /// Returns an outcome that no rule decided.
    pub const fn of(status: Status) -> Self {
        Self {
            status,
            rule: None,
            is_gold_limit: false,
        }
    }

    /// Returns whether the gold is at fault.
    pub const fn is_failure(&self) -> bool {
        self.is_gold_limit || matches!(self.status, Status::UnparsableGold)
    }

    const fn matching(rule: &'static str) -> Self {
        Self {
            status: Status::Match,
            rule: Some(rule),
            is_gold_limit: false,
        }
    }

    const fn differing(rule: &'static str) -> Self {
        Self {
            status: Status::Mismatch,
            rule: Some(rule),
            is_gold_limit: false,
        }
    }
}

/// Returns what comes of an answer and a gold answer, both trimmed.
pub fn compare(pred: &str, gold: &str, equality: Equality, fuel: &mut Fuel) -> Comparison {
    if gold.is_empty() {
        return Comparison::of(Status::UnparsableGold);
    }
    if pred == gold {
        return Comparison::matching("identical");
    }
    if let (Some(left), Some(right)) = (small_integer(pred), small_integer(gold))
        && equality != Equality::Text
    {
        return if left == right {
            Comparison::matching("number")
        } else {
            Comparison::differing("number")
        };
    }
    if gold.len() > limits::ANSWER_BYTES {
        return Comparison {
            is_gold_limit: true,
            ..Comparison::of(Status::Limit)
        };
    }
    if pred.len() > limits::ANSWER_BYTES {
        return Comparison::of(Status::Limit);
    }
    by_tokens(pred, gold, equality, fuel)
}

/// Returns a plain integer of at most 18 digits.
fn small_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn by_tokens(pred: &str, gold: &str, equality: Equality, fuel: &mut Fuel) -> Comparison {
    let Ok(gold_tokens) = lex(&to_latex(gold), fuel) else {
        return Comparison {
            is_gold_limit: true,
            ..Comparison::of(Status::Limit)
        };
    };
    let Ok(tokens) = lex(&to_latex(pred), fuel) else {
        return Comparison::of(Status::Limit);
    };
    if gold_tokens.is_empty() {
        return Comparison::of(Status::UnparsableGold);
    }
    if tokens.is_empty() {
        return Comparison::of(Status::Empty);
    }
    let (spelled, gold_spelled) = (token::spelling(&tokens), token::spelling(&gold_tokens));
    if spelled == gold_spelled {
        return Comparison::matching("spelling");
    }
    if equality == Equality::Text {
        return Comparison::differing("spelling");
    }
    let is_lenient = equality == Equality::Eval;
    if let (Some(left), Some(right)) = (choice_letter(&spelled, is_lenient), choice_letter(&gold_spelled, false)) {
        return if left == right {
            Comparison::matching("choice")
        } else {
            Comparison::differing("choice")
        };
    }
    by_form(tokens, gold_tokens, equality, fuel)
}

/// A gold answer or an answer as far as it was read.
struct Reading {
    answer: Answer,
    form: Form,
}

impl Reading {
    /// Returns whether this is one rational number; words behind a number name what is counted.
    fn is_number(&self) -> bool {
        matches!(&self.form, Form::Scalar(scalar) if scalar.value.as_constant().is_some())
    }
}

/// Reads tokens to a normal form.
fn read(tokens: Vec<Token>, keeps_rough: bool, fuel: &mut Fuel) -> Result<Reading, Trouble> {
    let answer = parser::parse(tokens).map_err(|_| Trouble::Unsupported)?;
    let form = Normaliser { fuel, keeps_rough }.form(&answer.ast)?;
    Ok(Reading { answer, form })
}

/// Returns how an answer is read, in words; none if it is not understood.
pub fn described(text: &str, fuel: &mut Fuel) -> Option<String> {
    if text.len() > limits::ANSWER_BYTES {
        return None;
    }
    let tokens = lex(&to_latex(text), fuel).ok()?;
    read(tokens, false, fuel).ok().map(|reading| reading.form.to_string())
}

fn by_form(pred: Vec<Token>, gold: Vec<Token>, equality: Equality, fuel: &mut Fuel) -> Comparison {
    let gold = match read(gold, false, fuel) {
        Ok(gold) => gold,
        Err(Trouble::Limit) => {
            return Comparison {
                is_gold_limit: true,
                ..Comparison::of(Status::Limit)
            };
        }
        Err(_) => return Comparison::of(Status::UnparsableGold),
    };
    if gold.answer.has_words && equality != Equality::Eval && !gold.is_number() {
        return Comparison::of(Status::UnparsableGold);
    }
    let pred = match read(pred, equality != Equality::Eval, fuel) {
        Ok(pred) => pred,
        Err(Trouble::Limit) => return Comparison::of(Status::Limit),
        Err(Trouble::Undefined) => return Comparison::of(Status::Mismatch),
        Err(Trouble::Unsupported) => return Comparison::of(Status::UnparsablePred),
    };
    if pred.answer.has_words && equality != Equality::Eval {
        return Comparison::of(Status::UnparsablePred);
    }
    match judged(&pred, &gold, equality, fuel) {
        Ok(comparison) => comparison,
        // The gold was within the limits; what exceeds them in comparison is the answer.
        Err(Trouble::Limit) => Comparison::of(Status::Limit),
        Err(_) => Comparison::of(Status::Unknown),
    }
}

fn judged(pred: &Reading, gold: &Reading, equality: Equality, fuel: &mut Fuel) -> Result<Comparison, Trouble> {
    let rule = match (Judge { equality, fuel }).compare(&pred.form, &gold.form)? {
        Outcome::Equal(rule) => rule,
        Outcome::Different => return Ok(Comparison::of(Status::Mismatch)),
        Outcome::Unknown => return Ok(Comparison::of(Status::Unknown)),
    };
    if equality != Equality::Eval && undone(&pred.answer.ast, fuel)? > undone(&gold.answer.ast, fuel)? {
        let status = if equality == Equality::Rl {
            Status::Unevaluated
        } else {
            Status::Mismatch
        };
        return Ok(Comparison {
            rule: Some(rule),
            ..Comparison::of(status)
        });
    }
    Ok(Comparison::matching(rule))
}
