//! The rules of reading: what one notation or another means, each with what it must not be taken for.
#![allow(clippy::unwrap_used)]

mod judged;

use judged::{accepts, refuses, status};
use twogrpo_verify::{Mode, Options, Profile, Search, Status, prompt_bytes, verify_in};

#[test]
fn damaged_escapes_are_mended() {
    accepts(
        Profile::Rl,
        &[
            ("\\frac{1}{2}", "\u{c}rac{1}{2}"),
            ("5\\text{ cm}", "5\text{ cm}"),
            ("20^\\circ", "20^\textcirc"),
            ("20^\\circ", "20^\text{\\circ}"),
            ("\\frac{1}{2}", "\\\\frac{1}{2}"),
            ("x < -1", "\\\\{x|x < -1\\\\}"),
            ("45^\\circ", "45\\u00B0"),
            ("3^{x}", "3<sup>x</sup>"),
            (
                "\\begin{matrix} 1 \\\\ 2 \\end{matrix}",
                "\\\\begin{matrix} 1 \\\\\\\\ 2 \\\\end{matrix}",
            ),
        ],
    );
    refuses(Profile::Eval, &[("1\n2\tor 3", "1, 3"), ("rac12", "\\frac12")]);
}

#[test]
fn numbers_of_other_habits_are_read() {
    accepts(
        Profile::Rl,
        &[
            ("6.3\\times10^{-7}", "6.3x10^-7"),
            ("6.3 \u{d7} 10\u{207b}\u{2077}", "6.3 x 10^{-7}"),
            ("1000", "1 000"),
            ("1234567", "1 234 567"),
            ("1234", "1{,}234"),
            ("0.28", "28 pct"),
            ("x^2", "x**2"),
            ("0.\\overline{3}", "0.\\overline3"),
            ("\\sqrt{12}", "\u{221a}12"),
            ("\\frac{1}{2}", "{1 \\over 2}"),
            ("0.333", "0.333..."),
        ],
    );
    refuses(
        Profile::Eval,
        &[("1 2", "12"), ("1 00", "100"), ("2\\sqrt{1}", "\u{221a}12")],
    );
}

#[test]
fn units_take_prefixes_and_convert() {
    accepts(
        Profile::Rl,
        &[
            ("0.26\\text{ PeV}".replace("PeV", "TeV").as_str(), "260\\text{ GeV}"),
            ("4.0655\\text{ fm}", "4.0655 * 10^-15 m"),
            ("10^{-16}\\text{ J}", "10^(-16) J"),
            ("1.69 \u{c5}", "1.69\\text{ angstrom}"),
            ("3\\text{ L}", "3000\\text{ mL}"),
            ("1\\text{ J}", "1\\text{ N m}"),
            ("2.25\\text{ hours}", "2 hours 15 minutes"),
            ("60.7^\\circ", "60^\\circ 42'"),
            ("60^\\circ 42'", "60^{\\circ}42^{\\prime}"),
            ("110\\text{ per month}", "110/month"),
            ("34\\text{ square units}", "34\\text{ sq. units}"),
            ("930", "Rs. 930"),
            ("31\u{2103}", "31^\\circ\\mathrm{C}"),
        ],
    );
    refuses(
        Profile::Eval,
        &[
            ("260\\text{ eV}", "260\\text{ GeV}"),
            ("60^\\circ 24'", "60^\\circ 42'"),
            ("2 hours 51 minutes", "2 hours 15 minutes"),
            ("31\u{2109}", "31\u{2103}"),
            ("\\frac12", "\\frac12 kT"),
        ],
    );
}

#[test]
fn times_of_day_are_no_ratios() {
    accepts(
        Profile::Rl,
        &[
            ("10:45 a.m.", "10\\!:\\!45 \\text{ a.m.}"),
            ("8:34 PM", "8\\!:\\!34 \\text{ p.m.}"),
            ("3:00", "03:00"),
            ("20:34:00", "20 : 34 : 00"),
        ],
    );
    refuses(
        Profile::Eval,
        &[
            ("10:45 p.m.", "10:45 a.m."),
            ("10:46 a.m.", "10:45 a.m."),
            ("4:00", "3:00"),
            ("9", "9\\text{ a.m.}"),
        ],
    );
}

#[test]
fn sets_by_their_conditions_are_intervals() {
    accepts(
        Profile::Rl,
        &[
            ("(-2, 3)", "\\{x|-2<x<3\\}"),
            ("[1, \\infty)", "\\{x \\mid x \\geqslant 1\\}"),
            (
                "(-\\infty,1)\\cup(3,\\infty)",
                "\\{x \\in \\mathbb{R} : x<1 \\text{ or } x>3\\}",
            ),
            ("\\{x|x=3k,k\\in\\mathbb{Z}\\}", "{x|x = 3k, k \\in \\mathbb Z}"),
            ("1 < x < 3", "\\{x|x>1 \\text{ and } x<3\\}"),
            ("x > 1", "x|x > 1"),
        ],
    );
    refuses(
        Profile::Eval,
        &[
            ("[-2, 3)", "\\{x|-2<x<3\\}"),
            ("x>1 \\text{ or } x<3", "x>1 \\text{ and } x<3"),
            ("\\{x|x=2k,k\\in\\mathbb{Z}\\}", "\\{x|x=3k,k\\in\\mathbb{Z}\\}"),
            ("\\{2, 1\\}", "\\{2|x|\\}"),
        ],
    );
}

#[test]
fn cases_and_systems_are_read_row_by_row() {
    let cases = "\\begin{cases}1, & n=1 \\\\ 2\\cdot3^{n-2}, & n\\geq2\\end{cases}";
    accepts(
        Profile::Rl,
        &[
            (
                "\\begin{cases} x=6 \\\\ y=5 \\end{cases}",
                "\\begin{cases} x = 6, \\\\ y = 5. \\end{cases}",
            ),
            ("x=6, y=5", "\\left\\{\\begin{array}{l}x=6\\\\y=5\\end{array}\\right."),
            (
                "\\begin{cases}2\\cdot 3^{n-2} & \\text{if } n \\ge 2 \\\\ 1 & \\text{if } n=1\\end{cases}",
                cases,
            ),
        ],
    );
    refuses(
        Profile::Eval,
        &[
            (
                "\\begin{cases}2, & n=1 \\\\ 2\\cdot3^{n-2}, & n\\geq2\\end{cases}",
                cases,
            ),
            (
                "\\begin{cases}1, & n=2 \\\\ 2\\cdot3^{n-2}, & n\\geq2\\end{cases}",
                cases,
            ),
        ],
    );
}

#[test]
fn statements_are_compared_side_by_side() {
    accepts(
        Profile::Rl,
        &[
            ("M \\subseteq N", "M\u{2286}N"),
            ("N \\supseteq M", "M \\subseteq N"),
            ("p \\equiv 1 (mod 4)", "p \\equiv 1 \\pmod{4}"),
            (
                "\\forall x > 0, 3^x \\geq x^2",
                "\u{2200}x\u{ff1e}0, 3<sup>x</sup>\u{2265}x<sup>2</sup>",
            ),
            ("\\overrightarrow{AB} + \\vec{b}", "\\vec{b} + \\vec{AB}"),
            ("\\angle ACB = 75^\\circ", "\\angle A C B=75^{\\circ}"),
            ("k \\ge 2", "k\\geslant2"),
        ],
    );
    refuses(
        Profile::Eval,
        &[
            ("N \\subseteq M", "M \\subseteq N"),
            ("p \\equiv 1 \\pmod{3}", "p \\equiv 1 \\pmod{4}"),
            ("\\exists x > 0, 3^x \\geq x^2", "\\forall x > 0, 3^x \\geq x^2"),
            ("\\overrightarrow{BA}", "\\overrightarrow{AB}"),
        ],
    );
}

#[test]
fn substances_are_compared_atom_by_atom() {
    accepts(
        Profile::Rl,
        &[("C\u{2081}\u{2081}H\u{2081}\u{2082}O\u{2082}", "C11H12O2")],
    );
    refuses(Profile::Eval, &[("C12H11O2", "C11H12O2"), ("C11H12O", "C11H12O2")]);
}

#[test]
fn a_gold_in_words_is_a_text() {
    accepts(
        Profile::Rl,
        &[
            ("\\text{ethyl 4-aminobenzoate}", "ethyl 4-aminobenzoate"),
            ("2-(4-methylstyryl) oxirane", "2-(4-methylstyryl)oxirane"),
            ("The function $f(x)$ is odd", "The function f(x) is odd."),
            ("line segment, circle", "\\text{line segment and circle}"),
            ("<", "$<$"),
        ],
    );
    accepts(
        Profile::Eval,
        &[
            ("Ethyl 4-Aminobenzoate", "ethyl 4-aminobenzoate"),
            ("\\text{yes}", "Yes"),
            ("Odd", "odd"),
        ],
    );
    refuses(
        Profile::Eval,
        &[
            ("ethyl 3-aminobenzoate", "ethyl 4-aminobenzoate"),
            ("line segment", "line segment, circle"),
            (">", "<"),
            ("-\\infty", "\\infty"),
            ("pears and -5 apples", "pears and 5 apples"),
            ("between 3-5 people", "between 35 people"),
        ],
    );
}

#[test]
fn a_worked_solution_is_no_gold_answer() {
    for gold in [
        "2 + 3 gives 5.\n#### 5",
        "Adding the two numbers up we find that it is \\boxed{5}.",
    ] {
        assert_eq!(status("5", gold, Profile::Rl), Status::UnparsableGold, "{gold}");
        assert_eq!(status("red", gold, Profile::Eval), Status::UnparsableGold, "{gold}");
    }
    accepts(Profile::Rl, &[("5", "\\boxed{5}")]);
}

#[test]
fn words_before_and_after_values_are_for_evaluation() {
    let pairs = [
        ("Minimum: 1, Maximum: 3", "1, 3"),
        ("(-32+3t, 64-5t) \\text{ for some integer } t", "(-32+3t, 64-5t)"),
        ("C: \\{0, 1\\}", "\\{0, 1\\}"),
        ("b_n = 2n-1 (n \\in \\mathbb{N}^*)", "b_n = 2n-1"),
    ];
    accepts(Profile::Eval, &pairs);
    refuses(Profile::Rl, &pairs);
}

#[test]
fn ratios_of_three_are_no_double_fractions() {
    refuses(Profile::Eval, &[("1:8", "1:2:4"), ("\\frac{1}{8}", "1:2:4")]);
    accepts(Profile::Rl, &[("1 : 2 : 4", "1:2:4")]);
}

#[test]
fn a_base_may_be_named_or_follow_parentheses() {
    accepts(
        Profile::Rl,
        &[
            ("1112112\u{2083}", "1112112_3"),
            ("201_4", "(201)_{4}"),
            ("1011_{\\text{two}}", "1011_2"),
        ],
    );
    refuses(Profile::Rl, &[("201_5", "(201)_{4}")]);
}

fn searched(response: &str, gold: &str, profile: Profile, search: Search<'_>) -> Status {
    let options = Options {
        profile,
        mode: Mode::Response,
        has_forms: false,
    };
    verify_in(response, &[gold], options, search).status
}

#[test]
fn a_search_may_have_its_own_rules_prompt_and_tag() {
    let strict = Search::of(Profile::Rl.extraction());
    let rules = ["hash".parse().unwrap()];
    let hash = Search {
        rules: &rules,
        ..strict
    };
    assert_eq!(searched("work\n#### 40", "40", Profile::Rl, hash), Status::Match);
    assert_eq!(searched("\\boxed{40}", "40", Profile::Rl, hash), Status::NoAnswer);
    let prompt = "What is 6*7? End with \\boxed{42}, say. ";
    let response = format!("{prompt}No idea.");
    let prompt_bytes = prompt_bytes(&response, prompt);
    assert_eq!(
        searched(&response, "42", Profile::Rl, Search { prompt_bytes, ..strict }),
        Status::NoAnswer
    );
    assert_eq!(
        searched("<think>\\boxed{42}", "42", Profile::Rl, strict),
        Status::NoAnswer
    );
    let other = Search {
        think_tag: "scratch",
        ..strict
    };
    assert_eq!(
        searched("<scratch>\\boxed{42}", "42", Profile::Rl, other),
        Status::NoAnswer
    );
}

#[test]
fn an_unclosed_box_is_read_to_the_end_of_its_line_when_lenient() {
    let response = "so \\boxed{42\nand more";
    let search = |profile: Profile| Search::of(profile.extraction());
    assert_eq!(
        searched(response, "42", Profile::Rl, search(Profile::Rl)),
        Status::Unclosed
    );
    assert_eq!(
        searched(response, "42", Profile::Eval, search(Profile::Eval)),
        Status::Match
    );
}

#[test]
fn a_choice_is_found_where_the_gold_is_a_letter() {
    let search = Search::of(Profile::Eval.extraction());
    for response in ["I take (C) here", "So:\nC. 12", "thus $\\text{(C)}$", "C"] {
        assert_eq!(
            searched(response, "C", Profile::Eval, search),
            Status::Match,
            "{response}"
        );
        assert_ne!(
            searched(response, "B", Profile::Eval, search),
            Status::Match,
            "{response}"
        );
    }
}

#[test]
fn boxes_side_by_side_are_a_list_for_math_verify_only() {
    let response = "\\boxed{(2, 2)} \\quad \\text{and} \\quad \\boxed{(6, 2)}";
    let by = |profile: Profile| searched(response, "(2, 2), (6, 2)", profile, Search::of(profile.extraction()));
    assert_eq!(by(Profile::MathVerify), Status::Match);
    assert_eq!(by(Profile::Eval), Status::Mismatch);
    assert_eq!(by(Profile::Rl), Status::Mismatch);
}
