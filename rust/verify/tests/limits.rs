//! Input that is too long, too deep or too large: refused within the limits, whoever wrote it.

mod judged;

use judged::{options, refuses};
use twogrpo_verify::{Mode, Options, Profile, Status, verify};

#[test]
fn limits_are_the_policys_doing_unless_the_gold_exceeds_them() {
    let options = options(Profile::Rl, Mode::Answer);
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
