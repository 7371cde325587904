//! What one number is equal to under each profile: literals, arithmetic, rounding, percent, units, bases.

mod judged;

use judged::{accepts, refuses, status};
use twogrpo_verify::{Profile, Status};

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
fn different_bases_differ() {
    accepts(Profile::Rl, &[("4210_5", "4210_{5}")]);
    refuses(Profile::Rl, &[("4210_6", "4210_5"), ("1010", "1010_2")]);
    accepts(Profile::Eval, &[("1010", "1010_2")]);
}
