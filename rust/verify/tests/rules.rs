//! The rules of the profiles, each with what it accepts and what it must refuse.
#![allow(clippy::unwrap_used)]

mod judged;

use judged::{accepts, refuses, status};
use twogrpo_verify::{Mode, Options, Profile, Status, verify};

#[test]
fn literals_of_one_value_match() {
    let pairs = [
        ("18.0", "18"),
        ("0.5", "\\frac12"),
        ("-\\frac{1}{2}", "\\frac{-1}{2}"),
        ("\\frac{1}{-2}", "-0.5"),
        ("\\dfrac{15975}{1000}", "\\frac{639}{40}"),
        ("15\\frac{39}{40}", "\\frac{639}{40}"),
        ("1,234", "1234"),
        ("5.89e-7", "5.89\\times10^{-7}"),
        ("\u{2212}3", "-3"),
        ("\u{bd}", "0.5"),
        ("0.\\overline{3}", "1/3"),
        ("x=3", "3"),
        ("42.", "42"),
        ("\\text{The answer is } 42", "42"),
        ("\\$5.00", "5"),
        ("$42$", "42"),
        ("\\boxed{42}", "42"),
        ("007", "7"),
    ];
    accepts(Profile::Rl, &pairs);
    accepts(Profile::Eval, &pairs);
}

#[test]
fn unevaluated_arithmetic_earns_nothing() {
    let pairs = [
        ("47+86", "133"),
        ("47-(-86)", "133"),
        ("2^8", "256"),
        ("2^{8}", "256"),
        ("7*19", "133"),
        ("7\\cdot19", "133"),
        ("36/2", "18"),
        ("\\frac{36}{2}", "18"),
        ("133/1", "133"),
        ("10^0", "1"),
        ("\\sqrt{144}", "12"),
        ("\\binom{10}{3}", "120"),
        ("5!", "120"),
        ("x=47+86", "133"),
        ("\\frac{47x}{x}+86", "133"),
        ("(2+3)x", "5x"),
        ("(3-2i)^2", "5-12i"),
        ("(47+86)\\text{ cm}", "133\\text{ cm}"),
        ("1, 1+1", "1,2"),
    ];
    for (pred, gold) in pairs {
        assert_eq!(status(pred, gold, Profile::Rl), Status::Unevaluated, "{pred}");
    }
    accepts(Profile::Eval, &pairs);
    refuses(Profile::Strict, &pairs);
}

#[test]
fn arithmetic_that_the_gold_leaves_too_is_accepted() {
    accepts(
        Profile::Rl,
        &[
            ("\\log_{2} 7", "\\log_2 7"),
            ("7^{823543}", "7^{7^7}"),
            ("2\\sqrt{2}", "\\sqrt{8}"),
        ],
    );
}

#[test]
fn a_chain_needs_every_member_for_a_reward() {
    accepts(Profile::Rl, &[("47+86=133", "133"), ("x=5=5.0", "5")]);
    refuses(
        Profile::Rl,
        &[
            ("132=133", "133"),
            ("x=133=132", "133"),
            ("\\frac13\\approx0.34", "\\frac13"),
        ],
    );
    accepts(Profile::Eval, &[("x=5+5+1=7=11", "11")]);
    refuses(Profile::Eval, &[("2x+z=1", "1")]);
}

#[test]
fn nearby_numbers_differ() {
    let pairs = [
        ("1000001", "1000000"),
        ("102019", "102018"),
        ("1e-9", "0"),
        ("3.90e-10", "3.89e-10"),
        ("48", "4,8"),
        ("1 2", "12"),
    ];
    refuses(Profile::Rl, &pairs);
    refuses(Profile::Eval, &pairs);
}

#[test]
fn rounding_is_for_evaluation_only() {
    let pairs = [("0.08333", "\\frac1{12}"), ("3.14159", "3.142")];
    accepts(Profile::Eval, &pairs);
    refuses(Profile::Rl, &pairs);
    refuses(
        Profile::Eval,
        &[("3.14", "3.142"), ("0.083", "\\frac1{12}"), ("12.0004", "12")],
    );
}

#[test]
fn a_gold_that_says_it_is_rough_takes_what_rounds_to_it() {
    let pairs = [
        ("4.53", "~4.5"),
        ("4.53", "\\approx 4.5"),
        ("-0.322", "~ -0.32"),
        ("(4/7)^{1/3}", "~0.83"),
    ];
    accepts(Profile::Eval, &pairs);
    refuses(Profile::Rl, &pairs);
    refuses(
        Profile::Eval,
        &[
            ("4.56", "~4.5"),
            ("4.53", "4.5"),
            ("~4.53", "4.5"),
            ("0.34", "~0.3"),
            ("4", "~4.5"),
        ],
    );
}

#[test]
fn a_time_of_day_may_leave_out_what_the_gold_says() {
    let pairs = [("20:34", "20:34:00"), ("20:34", "8:34 p.m."), ("8:05 a.m.", "8:05")];
    accepts(Profile::Rl, &pairs);
    accepts(Profile::Eval, &pairs);
    accepts(Profile::Eval, &[("20:34:00", "20:34")]);
    let wrong = [
        ("8:34", "8:34 p.m."),
        ("20:35", "20:34:00"),
        ("20:4", "20:04"),
        ("2:3", "2:30 a.m."),
    ];
    refuses(Profile::Rl, &wrong);
    refuses(Profile::Eval, &wrong);
    // Two numbers with a colon may as well be a ratio.
    refuses(Profile::Rl, &[("12:30:00", "12:30")]);
    refuses(Profile::Strict, &[("20:34", "20:34:00")]);
}

#[test]
fn percent_signs_mean_hundredths() {
    accepts(
        Profile::Rl,
        &[("500\\%", "5"), ("50", "50\\%"), ("50%", "50\\%"), ("0.5\\%", "0.005")],
    );
    refuses(Profile::Rl, &[("50\\%", "50"), ("0.5", "50"), ("50", "0.5")]);
    accepts(Profile::Eval, &[("10\\%", "10"), ("0.1", "10\\%"), ("10\\%", "0.1")]);
    refuses(Profile::Strict, &[("50", "50\\%")]);
}

#[test]
fn units_convert_and_may_be_missing_if_known() {
    accepts(
        Profile::Rl,
        &[
            ("5\\text{ cm}", "0.05\\text{ m}"),
            ("5", "5\\text{ cm}"),
            ("90", "90^\\circ"),
            ("5 hours", "300 minutes"),
            ("5\\$", "\\$5"),
        ],
    );
    refuses(
        Profile::Rl,
        &[
            ("5\\text{ m}", "5\\text{ cm}"),
            ("5\\text{ cm}^2", "5\\text{ cm}"),
            ("5 apples", "5"),
            ("10cm", "10"),
        ],
    );
    accepts(
        Profile::Eval,
        &[("5 apples", "5"), ("10cm", "10"), ("1152 cups of flour", "1152")],
    );
    refuses(Profile::Eval, &[("3 million", "3")]);
}

#[test]
fn brackets_and_order_count() {
    let refused = [
        ("(2,1)", "(1,2)"),
        ("[1,2]", "(1,2)"),
        ("(1,2)", "(1,2]"),
        ("(3,2),(5,4)", "(2,3),(4,5)"),
        ("x\\geq3", "x>3"),
        ("\\{1\\}", "\\{1,2\\}"),
        (
            "\\begin{pmatrix}1&2\\end{pmatrix}",
            "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
        ),
    ];
    refuses(Profile::Rl, &refused);
    refuses(Profile::Eval, &refused);
    let accepted = [
        ("2,1", "1,2"),
        ("\\{2,1\\}", "1,2"),
        ("(3,1),(2,1)", "(2,1),(3,1)"),
        ("3,5", "x=3\\text{ or }x=5"),
        ("(3,\\infty)", "x>3"),
        ("3<x", "x>3"),
        ("(-\\infty,\\infty)", "\\mathbb{R}"),
        ("(2,3)\\cup(0,1)", "(0,1)\\cup(2,3)"),
        ("1+\\sqrt5,1-\\sqrt5", "1\\pm\\sqrt5"),
        (
            "\\begin{bmatrix}0.5\\\\1\\end{bmatrix}",
            "\\begin{pmatrix}\\frac12\\\\1\\end{pmatrix}",
        ),
    ];
    accepts(Profile::Rl, &accepted);
    accepts(Profile::Eval, &accepted);
}

#[test]
fn several_values_never_meet_a_single_one() {
    let pairs = [
        ("41 or 42", "42"),
        ("x=41 \\lor x=42", "42"),
        ("\\pm 42", "42"),
        ("41, 42, 43", "42"),
        ("(41,43)", "42"),
        ("x=1, x=2, x=3", "3"),
        ("2 \\text{ (but could also be } 3)", "2"),
        ("x", "42"),
        ("x=x", "42"),
        ("0=0", "0=1"),
        ("NaN", "42"),
        ("\\infty-\\infty", "0"),
        ("1/0", "42"),
    ];
    refuses(Profile::Rl, &pairs);
    refuses(Profile::Eval, &pairs);
}

#[test]
fn equations_match_up_to_a_factor() {
    accepts(
        Profile::Rl,
        &[
            ("2x-y+1=0", "y=2x+1"),
            ("2x+2=0", "x+1=0"),
            ("2x+1", "y=2x+1"),
            ("x^2=1-y^2", "x^2+y^2=1"),
        ],
    );
    refuses(
        Profile::Rl,
        &[
            ("x=1", "x^2=1"),
            ("x=-3", "x=3"),
            ("y=3", "x=3"),
            ("\\frac79=\\frac n6", "n=\\frac{14}{3}"),
            ("0", "y+1=0"),
        ],
    );
    accepts(Profile::Eval, &[("y=3", "x=3")]);
}

#[test]
fn choices_are_one_letter() {
    accepts(
        Profile::Rl,
        &[
            ("\\text{(C)}", "C"),
            ("C", "(C)"),
            ("\\textbf{(B)}", "(B)"),
            ("C.", "C"),
        ],
    );
    refuses(
        Profile::Rl,
        &[
            ("A, B, C, D", "A"),
            ("ABCD", "A"),
            ("A or B", "B"),
            ("C. 12", "C"),
            ("D", "C"),
        ],
    );
    accepts(Profile::Eval, &[("C. 12", "C"), ("(C) Plane", "(C)")]);
}

#[test]
fn words_match_words() {
    accepts(Profile::Rl, &[("Monday", "\\text{Monday}")]);
    refuses(
        Profile::Rl,
        &[
            ("Sunday", "\\text{Monday}"),
            ("monday", "Monday"),
            ("-\\text{Monday}", "\\text{Monday}"),
        ],
    );
    accepts(Profile::Eval, &[("the Plane", "plane")]);
    refuses(Profile::Eval, &[("yes", "no")]);
}

#[test]
fn different_bases_differ() {
    accepts(Profile::Rl, &[("4210_5", "4210_{5}")]);
    refuses(Profile::Rl, &[("4210_6", "4210_5"), ("1010", "1010_2")]);
    accepts(Profile::Eval, &[("1010", "1010_2")]);
}

#[test]
fn what_is_not_understood_matches_by_text_only() {
    assert_eq!(status("\\oint  f", "\\oint f", Profile::Rl), Status::Match);
    assert_eq!(status("\\oint f", "7", Profile::Rl), Status::UnparsablePred);
    assert_eq!(status("7", "\\oint f", Profile::Rl), Status::UnparsableGold);
}

#[test]
fn the_string_profile_compares_text() {
    accepts(
        Profile::String,
        &[("\\tfrac{1}{2} +\\! \\frac1{72}", "\\dfrac{1}{2} +\\frac{1}{72}")],
    );
    refuses(Profile::String, &[("0.5", "\\frac12"), ("4, .1, 2", ".1, 4, 2")]);
}

#[test]
fn the_strict_profile_keeps_the_form() {
    accepts(Profile::Strict, &[("18.0", "18"), ("1+x", "x+1")]);
    refuses(
        Profile::Strict,
        &[
            ("x=5", "5"),
            ("1,2", "\\{1,2\\}"),
            ("5", "5\\text{ cm}"),
            ("500\\text{ cm}", "5\\text{ m}"),
        ],
    );
}

#[test]
fn any_of_several_golds_matches() {
    let options = Options {
        profile: Profile::Rl,
        mode: Mode::Answer,
        has_forms: false,
    };
    assert_eq!(verify("0.5", &["2", "\\frac12"], options).status, Status::Match);
    assert_eq!(verify("0.5", &["2", "3"], options).status, Status::Mismatch);
    assert_eq!(verify("0.5", &["2", "\\oint f"], options).reward(), None);
    assert_eq!(verify("0.5", &[], options).status, Status::UnparsableGold);
}

#[test]
fn limits_are_the_policys_doing_unless_the_gold_exceeds_them() {
    let options = Options {
        profile: Profile::Rl,
        mode: Mode::Answer,
        has_forms: false,
    };
    let long = "1".repeat(1_000_000);
    assert_eq!(verify(&long, &["1"], options).reward(), Some(0.0));
    assert_eq!(verify(&long, &["1"], options).status, Status::Limit);
    assert_eq!(verify("1", &[&long], options).reward(), None);
    assert_eq!(verify(&long, &[&long], options).status, Status::Match);
    assert_eq!(verify("(a+b+c+d+f)^{60}", &["x"], options).status, Status::Limit);
    assert_eq!(
        verify(&"x".repeat((8 << 20) + 1), &["x"], options).status,
        Status::Limit
    );
}

#[test]
fn repetition_does_not_exhaust_the_stack() {
    let pieces = [
        "x^",
        "5!",
        "!",
        "1/",
        "%",
        "\\sqrt",
        "-",
        "|",
        "(",
        "[",
        "{",
        "\\{",
        "\\frac",
        "\\frac1",
        "x_",
        "_{",
        "\\sin ",
        "f(",
        "\\text{",
        "\\pm ",
        "=",
        "<",
        ",",
        "\\cup ",
        "\\lfloor ",
        "\\log_",
        "\\begin{pmatrix}",
        "2^{",
        "x'",
        "\\langle ",
        "\\binom",
        "\\left(",
        "1 ",
        "\\mathrm{",
        "\\overline ",
        "e^",
        "a:",
        "x\\in ",
        "\\boxed{",
        "(1,",
        "\\lvert ",
        "3\\frac",
    ];
    for piece in pieces {
        for tail in ["", "1", "2}", "x)"] {
            let text = format!("{}{tail}", piece.repeat(4_000 / piece.len()));
            for profile in Profile::ALL {
                let options = Options {
                    profile,
                    mode: Mode::Answer,
                    has_forms: true,
                };
                assert_ne!(verify(&text, &["42"], options).status, Status::Error, "{piece}");
                assert_ne!(verify("42", &[&text], options).status, Status::Error, "{piece}");
            }
        }
    }
}

#[test]
fn hostile_input_is_refused() {
    let nested = format!("{}1{}", "(".repeat(1_500), ")".repeat(1_500));
    let fractions = "\\frac{1}{1+".repeat(150);
    let pairs = [
        ("9^{9^{9^9}}", "1"),
        ("100000000!", "1"),
        ("\\sum_{k=1}^{10^{12}} \\frac{1}{k^k}", "1"),
        (
            "\\dfrac{5^{\\left(5^{\\left(5^{\\left(5^5\\right)}\\right)} - 4\\right)} - 5}{16}",
            "7",
        ),
        ("().__class__.__bases__[0]", "42"),
        ("\u{967}", "42"),
        (&nested, "2"),
        (&fractions, "2"),
        ("1e999999999", "2"),
        ("\\sqrt{-1}^{\\sqrt{-1}}", "42"),
    ];
    refuses(Profile::Rl, &pairs);
    refuses(Profile::Eval, &pairs);
}

fn text_status(text: &str, gold: &str, profile: Profile) -> Status {
    let options = Options {
        profile,
        mode: Mode::Text,
        has_forms: false,
    };
    verify(text, &[gold], options).status
}

#[test]
fn prose_on_both_sides_is_searched() {
    let pairs = [
        ("so \\boxed{32349}", "So the answer is: \\[ \\boxed{32349} \\]"),
        ("so \\boxed{40}", "work 7\n#### 40"),
        ("so \\boxed{40}", "First $a = 1$, then $b = 40$. The answer is $40$."),
        ("so \\boxed{\\frac12}", "hence \\(0.5\\)"),
        ("so \\boxed{7}", "7"),
        ("so \\boxed{[2,3]}", "x \\in [2,3]"),
        ("so \\boxed{\\text{Tuesday}}", "Tuesday"),
        // Understood as it stands, and more than its last formula or box.
        ("so \\boxed{125\\text{ cm}}", "125 $\\text{cm}$"),
        ("so \\boxed{-2,1}", "\\(\\boxed{1}\\) and \\(\\boxed{-2}\\)."),
    ];
    for (text, gold) in pairs {
        for profile in [Profile::Rl, Profile::Eval] {
            assert_eq!(text_status(text, gold, profile), Status::Match, "{text} against {gold}");
        }
    }
}

#[test]
fn a_searched_gold_is_not_its_parts() {
    let pairs = [
        ("so \\boxed{1}", "$1$ and $2$"),
        ("so \\boxed{7}", "work 7\n#### 40"),
        ("so \\boxed{2}", "\\boxed{1} and \\boxed{2}"),
        ("so \\boxed{125\\text{ km}}", "125 $\\text{cm}$"),
    ];
    for (text, gold) in pairs {
        for profile in [Profile::Rl, Profile::Eval] {
            assert_eq!(
                text_status(text, gold, profile),
                Status::Mismatch,
                "{text} against {gold}"
            );
        }
    }
}

#[test]
fn a_text_without_words_is_its_own_answer() {
    let pairs = [
        ("\\frac{10}{9}", "10/9"),
        ("1, 2", "$1, 2$"),
        ("W(x)=1orW(x)=-1", "W(n) = 1 \\text{ and } W(n) = -1"),
        ("so $ \\frac{1}{2} \\$ = \\frac{10}{9} $", "10/9"),
    ];
    for (text, gold) in pairs {
        assert_eq!(text_status(text, gold, Profile::Eval), Status::Match, "{text}");
        assert_eq!(text_status(text, gold, Profile::Rl), Status::NoAnswer, "{text}");
    }
}

#[test]
fn a_closing_sentence_outranks_the_boxes_before_it() {
    let text = "\\boxed{255} and on. The final answer is $10,455$. I hope it is correct.";
    assert_eq!(text_status(text, "10455", Profile::Eval), Status::Match);
    assert_eq!(text_status(text, "255", Profile::Rl), Status::Match);
    let further = format!("{text} Next: \\boxed{{3}}");
    assert_eq!(text_status(&further, "3", Profile::Eval), Status::Match);
}

#[test]
fn for_rewards_a_text_needs_its_box() {
    assert_eq!(text_status("it is 40", "#### 40", Profile::Rl), Status::NoAnswer);
    assert_eq!(text_status("it is 40", "#### 40", Profile::Eval), Status::Match);
}

#[test]
fn without_a_gold_answer_nothing_is_judged() {
    for golds in [&[][..], &[" "], &["", "\n"]] {
        for text in ["no answer", "\\boxed{1}", "\\boxed{"] {
            let options = Options {
                profile: Profile::Rl,
                mode: Mode::Response,
                has_forms: false,
            };
            assert_eq!(verify(text, golds, options).reward(), None, "{text} against {golds:?}");
        }
    }
}
