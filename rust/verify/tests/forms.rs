//! Answers that are more than a number, under each profile: brackets, several values, equations, choices, words, text.

mod judged;

use judged::{accepts, options, refuses, status};
use twogrpo_verify::{Mode, Profile, Status, verify};

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
    let options = options(Profile::Rl, Mode::Answer);
    assert_eq!(verify("0.5", &["2", "\\frac12"], options).status, Status::Match);
    assert_eq!(verify("0.5", &["2", "3"], options).status, Status::Mismatch);
    assert_eq!(verify("0.5", &["2", "\\oint f"], options).reward(), None);
    assert_eq!(verify("0.5", &[], options).status, Status::UnparsableGold);
}
