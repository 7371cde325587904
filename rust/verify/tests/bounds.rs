//! Budget, symmetry and stability of normal forms over generated input.
#![allow(clippy::unwrap_used)]

mod laws;

use laws::{any_bytes, judged, two_answers};
use proptest::prelude::*;
use twogrpo_verify::{Mode, Options, Profile, Status, verify};

/// Most bytes of an answer that is read.
const ANSWER: usize = 4 << 10;

/// Mathematics that is read and mostly has a value: numbers, names, roots, powers, functions.
fn formula() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0_u64..100).prop_map(|n| n.to_string()),
        (0_u64..u64::MAX).prop_map(|n| n.to_string()),
        prop::sample::select(vec!["x", "y", "n", "\\pi ", "e", "i", "0.25", "\\frac12"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 64, 3, |inner| {
        let two = || (inner.clone(), inner.clone());
        let functions = vec![
            "sin", "cos", "tan", "ln", "log", "arctan", "arcsin", "sinh", "tanh", "exp",
        ];
        prop_oneof![
            two().prop_map(|(a, b)| format!("({a}+{b})")),
            two().prop_map(|(a, b)| format!("({a}-{b})")),
            two().prop_map(|(a, b)| format!("{a}\\cdot {b}")),
            two().prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
            two().prop_map(|(a, b)| format!("({a})^{{{b}}}")),
            two().prop_map(|(a, b)| format!("\\binom{{{a}}}{{{b}}}")),
            inner.clone().prop_map(|a| format!("\\sqrt{{{a}}}")),
            inner.clone().prop_map(|a| format!("\\sqrt[3]{{{a}}}")),
            inner.clone().prop_map(|a| format!("({a})!")),
            inner.clone().prop_map(|a| format!("|{a}|")),
            (prop::sample::select(functions), inner).prop_map(|(name, a)| format!("\\{name}({a})")),
        ]
    })
}

/// Formulas that fill an answer to its last byte.
fn long_formula() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec!["+", "-", "\\cdot ", ",", "/", "=", "\\pm "]);
    (prop::collection::vec(formula(), 1..60), operator).prop_map(|(parts, operator)| {
        let mut text = String::new();
        for part in parts.iter().cycle().take(2_000) {
            if text.len() + operator.len() + part.len() > ANSWER {
                break;
            }
            if !text.is_empty() {
                text.push_str(operator);
            }
            text.push_str(part);
        }
        text
    })
}

/// Rational expressions in a few names, whose normal form is a readable answer again.
fn rational() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (1_u32..50).prop_map(|n| n.to_string()),
        prop::sample::select(vec!["x", "y"]).prop_map(str::to_owned)
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            two().prop_map(|(a, b)| format!("({a}+{b})")),
            two().prop_map(|(a, b)| format!("({a}-{b})")),
            two().prop_map(|(a, b)| format!("{a}\\cdot {b}")),
            (inner.clone(), 1_u32..9).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
            (inner, 1_u32..4).prop_map(|(a, b)| format!("({a})^{b}")),
        ]
    })
}

fn form(text: &str) -> Option<String> {
    let options = Options {
        profile: Profile::Eval,
        mode: Mode::Answer,
        has_forms: true,
    };
    verify(text, &["q"], options).pred_form
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        any_bytes(&bytes);
    }

    #[test]
    fn any_two_formulas_are_judged(left in formula(), right in formula()) {
        two_answers(format!("{left}\n{right}").as_bytes());
    }

    #[test]
    fn evaluation_of_formulas_is_symmetric(left in formula(), right in formula()) {
        let there = judged(&left, &right, Profile::Eval, Mode::Answer);
        let back = judged(&right, &left, Profile::Eval, Mode::Answer);
        prop_assert_eq!(there.is_correct(), back.is_correct(), "{:?} {:?}", there, back);
    }

    #[test]
    fn a_formula_equals_itself_in_another_order(left in formula(), right in formula()) {
        let (answer, gold) = (format!("{left}+{right}"), format!("{right}+{left}"));
        let status = judged(&answer, &gold, Profile::Eval, Mode::Answer).status;
        prop_assert!(status != Status::Mismatch || form(&gold).is_none() || form(&answer).is_none(), "{} {:?}", gold, status);
    }

    #[test]
    fn a_normal_form_is_its_own_normal_form(text in rational()) {
        if let Some(once) = form(&text) {
            prop_assert_eq!(form(&once), Some(once.clone()), "{}", text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_long_answer_exceeds_the_budget(left in long_formula(), right in long_formula()) {
        two_answers(format!("{left}\n{right}").as_bytes());
    }
}
