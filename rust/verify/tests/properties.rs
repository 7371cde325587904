//! What holds for every text.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

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

/// Tuples, lists, sets, intervals, unions, equations and inequalities.
fn several() -> impl Strategy<Value = String> {
    let two = || (expression(), expression());
    prop_oneof![
        two().prop_map(|(a, b)| format!("({a},{b})")),
        two().prop_map(|(a, b)| format!("{a},{b}")),
        two().prop_map(|(a, b)| format!("\\{{{a},{b}\\}}")),
        (0_u32..9, 9_u32..20).prop_map(|(a, b)| format!("[{a},{b})")),
        (0_u32..9, 9_u32..12, 12_u32..15).prop_map(|(a, b, c)| format!("({a},{b}]\\cup({b},{c})")),
        expression().prop_map(|a| format!("y={a}")),
        (0_u32..9).prop_map(|a| format!("y<{a}")),
        (0_u32..9).prop_map(|a| format!("y\\ge {a}")),
        (0_u32..9, 9_u32..20).prop_map(|(a, b)| format!("{a}\\le y<{b}")),
    ]
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
    fn comparison_is_symmetric_for_what_is_made_of_several(left in several(), right in several()) {
        for profile in [Profile::Eval, Profile::Strict] {
            let there = verify(&left, &[&right], answer(profile)).is_correct();
            prop_assert_eq!(there, verify(&right, &[&left], answer(profile)).is_correct(), "{} and {}", left, right);
        }
    }

    #[test]
    fn what_is_made_of_several_equals_itself(gold in several()) {
        let spaced = format!("{} ", gold.replace(',', " , "));
        for profile in [Profile::Rl, Profile::Eval, Profile::Strict] {
            prop_assert_eq!(verify(&spaced, &[&gold], answer(profile)).status, Status::Match, "{}", &gold);
        }
    }

    #[test]
    fn order_counts_in_tuples_only(values in prop::collection::btree_set(0_u32..30, 2..5)) {
        let ascending: Vec<String> = values.iter().map(ToString::to_string).collect();
        let descending: Vec<String> = values.iter().rev().map(ToString::to_string).collect();
        let (up, down) = (ascending.join(","), descending.join(","));
        for profile in [Profile::Rl, Profile::Eval, Profile::Strict] {
            let is_equal = |pred: &str, gold: &str| verify(pred, &[gold], answer(profile)).is_correct();
            prop_assert!(is_equal(&up, &down));
            let (set, other_set) = (format!("\\{{{up}\\}}"), format!("\\{{{down}\\}}"));
            prop_assert!(is_equal(&set, &other_set));
            let (tuple, other_tuple) = (format!("({up})"), format!("({down})"));
            prop_assert!(!is_equal(&tuple, &other_tuple));
        }
    }

    #[test]
    fn a_union_is_the_set_of_its_points(cuts in prop::collection::btree_set(-20_i32..20, 2..6), closed in prop::collection::vec(any::<bool>(), 6)) {
        // Intervals from cut to cut, each closed below or not; all but one joint are gaps of a point.
        let cuts: Vec<i32> = cuts.into_iter().collect();
        let pieces: Vec<String> = cuts
            .windows(2)
            .zip(&closed)
            .map(|(ends, is_closed)| format!("{}{},{})", if *is_closed { '[' } else { '(' }, ends[0], ends[1]))
            .collect();
        let union = pieces.join("\\cup ");
        let reversed = pieces.iter().rev().cloned().collect::<Vec<_>>().join("\\cup ");
        prop_assert!(verify(&reversed, &[&union], answer(Profile::Rl)).is_correct(), "{}", &union);
        let whole = format!("{}{},{})", if closed[0] { '[' } else { '(' }, cuts[0], cuts[cuts.len() - 1]);
        let is_whole = closed.iter().take(pieces.len()).skip(1).all(|is_closed| *is_closed);
        prop_assert_eq!(verify(&union, &[&whole], answer(Profile::Rl)).is_correct(), is_whole, "{} and {}", &union, &whole);
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
            if profile == Profile::MathVerify && verdict.candidates > 1 {
                // Boxes side by side are merged; the span is that of the last.
                prop_assert!(verdict.extracted.unwrap().ends_with(&held.unwrap()));
            } else {
                prop_assert_eq!(held, verdict.extracted);
            }
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
