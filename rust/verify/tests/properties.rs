//! What holds for every text.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use twogrpo_verify::{Mode, Options, Profile, Status, kind, verify};

fn answer(profile: Profile) -> Options {
    Options {
        profile,
        mode: Mode::Answer,
        has_forms: false,
    }
}

/// Texts made of the pieces that answers are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "1",
        "2",
        "17",
        "0",
        "3.5",
        "x",
        "y",
        "\\pi",
        "+",
        "-",
        "*",
        "/",
        "^",
        "_",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\\{",
        "\\}",
        ",",
        "=",
        "<",
        "\\le ",
        "\\frac",
        "\\sqrt",
        "\\text{cm}",
        "\\text{or}",
        "%",
        "!",
        "|",
        "\\pm ",
        "\\infty ",
        "\\boxed{",
        "$",
        "\\cup ",
        "\\sin ",
        "\\log_",
        "e",
        "i",
        " ",
        "\\begin{pmatrix}",
        "&",
        "\\\\",
        "\\end{pmatrix}",
        "\u{221a}",
        "\u{b2}",
        "<think>",
        "</think>",
        "answer is ",
        "#### ",
        "\n",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Expressions that are read and have a value.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0_u32..200).prop_map(|n| n.to_string()),
        Just("x".to_owned()),
        Just("\\pi ".to_owned())
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}+{b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}\\cdot {b})")),
            (inner.clone(), 1_u32..30).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
            inner.prop_map(|a| format!("(-{a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_panics(response in ".{0,80}", gold in ".{0,40}") {
        for profile in Profile::ALL {
            for mode in [Mode::Answer, Mode::Response, Mode::Text] {
                verify(&response, &[&gold], Options { profile, mode, has_forms: true });
            }
        }
    }

    #[test]
    fn no_pieces_panic(response in pieces(), gold in pieces()) {
        for profile in Profile::ALL {
            for mode in [Mode::Answer, Mode::Response, Mode::Text] {
                verify(&response, &[&gold], Options { profile, mode, has_forms: true });
            }
        }
        kind(&response);
    }

    #[test]
    fn a_gold_answer_equals_itself(gold in pieces()) {
        let verdict = verify(&gold, &[&gold], answer(Profile::Rl));
        let is_blank = gold.trim().is_empty();
        let allowed = if is_blank { [Status::UnparsableGold; 2] } else { [Status::Match, Status::Empty] };
        prop_assert!(allowed.contains(&verdict.status), "{:?}", verdict);
    }

    #[test]
    fn white_space_makes_no_difference(gold in expression()) {
        let spaced = gold.replace('+', " + ").replace('(', "\\left( ").replace(')', "\\right) ");
        prop_assert_eq!(verify(&spaced, &[&gold], answer(Profile::Rl)).status, Status::Match);
    }

    #[test]
    fn evaluation_is_symmetric(left in expression(), right in expression()) {
        let there = verify(&left, &[&right], answer(Profile::Eval)).is_correct();
        prop_assert_eq!(there, verify(&right, &[&left], answer(Profile::Eval)).is_correct());
    }

    #[test]
    fn sums_and_products_commute(left in expression(), right in expression()) {
        for operator in ["+", "\\cdot "] {
            let (gold, pred) = (format!("{left}{operator}{right}"), format!("{right}{operator}{left}"));
            prop_assert_eq!(verify(&pred, &[&gold], answer(Profile::Eval)).status, Status::Match);
        }
    }

    #[test]
    fn one_more_is_different(gold in expression()) {
        let pred = format!("{gold}+1");
        for profile in Profile::ALL {
            prop_assert!(!verify(&pred, &[&gold], answer(profile)).is_correct());
        }
    }

    #[test]
    fn what_earns_a_reward_is_also_right_in_evaluation(pred in pieces(), gold in pieces()) {
        if verify(&pred, &[&gold], answer(Profile::Rl)).is_correct() {
            prop_assert!(verify(&pred, &[&gold], answer(Profile::Eval)).is_correct());
        }
    }

    #[test]
    fn the_span_holds_what_was_extracted(response in pieces()) {
        for profile in Profile::ALL {
            let verdict = verify(&response, &["1"], Options { profile, mode: Mode::Response, has_forms: false });
            let held = verdict.span.map(|span| response.get(span).unwrap().to_owned());
            prop_assert_eq!(held, verdict.extracted);
        }
    }

    #[test]
    fn nothing_but_the_gold_makes_a_failure(response in pieces()) {
        for profile in Profile::ALL {
            let verdict = verify(&response, &["42"], Options { profile, mode: Mode::Response, has_forms: false });
            prop_assert!(verdict.reward().is_some(), "{:?}", verdict);
        }
    }

    #[test]
    fn verdicts_repeat(response in pieces(), gold in pieces()) {
        let options = Options { profile: Profile::Eval, mode: Mode::Response, has_forms: true };
        prop_assert_eq!(verify(&response, &[&gold], options), verify(&response, &[&gold], options));
    }
}
