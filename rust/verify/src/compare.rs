//! Two answers as text to an outcome: identical text first, then plain integers, then the way through normal forms.

use crate::ast::Ast;
use crate::comparison::Comparison;
use crate::equality::{Judge, Outcome, choice_letter, renamed, undone};
use crate::fuel::Fuel;
use crate::lexer::lex;
use crate::limits;
use crate::normal::{Form, Normaliser, Scalar, Trouble};
use crate::parser::{self, Answer};
use crate::profile::{Equality, Profile};
use crate::token::{self, Kind, Token};
use crate::unicode::to_latex;
use crate::verdict::Status;

/// Words around the box of a gold answer beyond which it is a solution.
const BOX_WORDS: usize = 8;

/// Returns what comes of an answer and a gold answer, both trimmed.
pub fn compare(pred: &str, gold: &str, profile: Profile, fuel: &mut Fuel) -> Comparison {
    if gold.is_empty() {
        return Comparison::of(Status::UnparsableGold);
    }
    if pred == gold {
        return Comparison::matching("identical");
    }
    let equality = profile.equality();
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
        return Comparison::beyond_gold();
    }
    if pred.len() > limits::ANSWER_BYTES {
        return Comparison::of(Status::Limit);
    }
    let comparison = by_tokens(pred, gold, equality, fuel);
    if !profile.has_decimal_commas() || comparison.status == Status::Match {
        return comparison;
    }
    match (with_point(pred), with_point(gold)) {
        (None, None) => comparison,
        (left, right) => by_tokens(
            left.as_deref().unwrap_or(pred),
            right.as_deref().unwrap_or(gold),
            equality,
            fuel,
        ),
    }
}

/// Returns the text with its only comma, between digits and not before a group of three, as a decimal point.
fn with_point(text: &str) -> Option<String> {
    let (before, after) = text.split_once(',')?;
    let decimals = after.bytes().take_while(u8::is_ascii_digit).count();
    let is_decimal = before.ends_with(|last: char| last.is_ascii_digit()) && decimals > 0 && decimals != 3;
    // Between brackets a comma divides values.
    let is_inside = before.contains(['(', '[', '{']);
    (is_decimal && !is_inside && !after.contains(',')).then(|| format!("{before}.{after}"))
}

/// Returns a plain integer of at most 18 digits.
fn small_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn by_tokens(pred: &str, gold: &str, equality: Equality, fuel: &mut Fuel) -> Comparison {
    let Ok(gold_tokens) = lex(&to_latex(gold), fuel) else {
        return Comparison::beyond_gold();
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
        return if unsigned(&spelled) == unsigned(&gold_spelled) {
            Comparison::matching("spelling")
        } else {
            Comparison::differing("spelling")
        };
    }
    let is_lenient = equality == Equality::Eval;
    if let (Some(left), Some(right)) = (choice_letter(&spelled, is_lenient), choice_letter(&gold_spelled, false)) {
        return if left == right {
            Comparison::matching("choice")
        } else {
            Comparison::differing("choice")
        };
    }
    if is_worked_solution(gold) {
        return Comparison::of(Status::UnparsableGold);
    }
    by_form(tokens, gold_tokens, equality, fuel)
}

/// Returns whether a gold answer is a text with its answer in it: the wrong column of a data set, or one to be searched.
///
/// No answer equals it, so that a reward of 0 would say nothing about a response.
fn is_worked_solution(gold: &str) -> bool {
    gold.contains("####") || (gold.contains("\\boxed") && gold.split_whitespace().count() > BOX_WORDS)
}

/// Returns a spelling without the signs that say what a number counts, or how well: percent, degrees, currency, `~`.
fn unsigned(spelling: &str) -> String {
    let value = spelling.strip_prefix("\\sim ").unwrap_or(spelling);
    value.replace("^{\\circ }", "").replace(['%', '$'], "")
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
    let mut form = normal(&answer.ast, keeps_rough, fuel)?;
    if let Form::Scalar(Scalar {
        precision: Some(precision),
        ..
    }) = &mut form
    {
        precision.is_rough = answer.is_rough;
    }
    Ok(Reading { answer, form })
}

fn normal(ast: &Ast, keeps_rough: bool, fuel: &mut Fuel) -> Result<Form, Trouble> {
    Normaliser { fuel, keeps_rough }.form(ast)
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
    // A gold that holds words is at least a text, whatever else is understood of it.
    let is_sign =
        matches!(gold.as_slice(), [token] if matches!(token.kind, token::Kind::Mark(_) | token::Kind::Command(_)));
    let as_text = if is_sign && pred.len() > 1 {
        Some(Comparison::differing("text"))
    } else {
        (is_sign || parser::is_prose(&gold)).then(|| by_words(&pred, &gold, equality, fuel))
    };
    if let Some(comparison) = &as_text
        && comparison.status == Status::Match
    {
        return comparison.clone();
    }
    let gold = match read(gold, false, fuel) {
        Ok(gold) => gold,
        Err(Trouble::Limit) => return Comparison::beyond_gold(),
        Err(_) => return as_text.unwrap_or(Comparison::of(Status::UnparsableGold)),
    };
    if gold.answer.has_words && equality != Equality::Eval && !gold.is_number() {
        return as_text.unwrap_or(Comparison::differing("text"));
    }
    let is_announced =
        matches!(pred.first().map(|token| &token.kind), Some(Kind::Text(word)) if word.chars().count() > 1);
    let pred = match read(pred, equality != Equality::Eval, fuel) {
        Ok(pred) => pred,
        Err(Trouble::Limit) => return Comparison::of(Status::Limit),
        Err(Trouble::Undefined) => return Comparison::of(Status::Mismatch),
        Err(Trouble::Unsupported) => return Comparison::of(Status::UnparsablePred),
    };
    // Even words that add nothing to a value are no part of its form.
    let is_announced = is_announced && equality == Equality::Strict && !matches!(pred.form, Form::Text(_));
    if is_announced || (pred.answer.has_words && equality != Equality::Eval) {
        return Comparison::of(Status::UnparsablePred);
    }
    match judged(&pred, &gold, equality, fuel) {
        Ok(comparison) => comparison,
        // The gold was within the limits; what exceeds them in comparison is the answer.
        Err(Trouble::Limit) => Comparison::of(Status::Limit),
        Err(_) => Comparison::of(Status::Unknown),
    }
}

/// Compares everything both sides say as words.
fn by_words(pred: &[Token], gold: &[Token], equality: Equality, fuel: &mut Fuel) -> Comparison {
    let (pred, gold) = (Form::Text(parser::text_of(pred)), Form::Text(parser::text_of(gold)));
    match (Judge { equality, fuel }).compare(&pred, &gold) {
        Ok(Outcome::Equal(rule)) => Comparison::matching(rule),
        Ok(_) => Comparison::differing("text"),
        Err(_) => Comparison::of(Status::Limit),
    }
}

fn judged(pred: &Reading, gold: &Reading, equality: Equality, fuel: &mut Fuel) -> Result<Comparison, Trouble> {
    let mut outcome = (Judge { equality, fuel }).compare(&pred.form, &gold.form)?;
    if !outcome.is_equal()
        && equality == Equality::Eval
        && let Some(ast) = renamed(&pred.answer.ast, &gold.answer.ast)
    {
        let form = normal(&ast, false, fuel)?;
        if (Judge { equality, fuel }).compare(&form, &gold.form)?.is_equal() {
            outcome = Outcome::Equal("renamed");
        }
    }
    let rule = match outcome {
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
