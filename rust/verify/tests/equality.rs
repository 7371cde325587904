//! What counts as equal: every rule, with what each profile accepts and refuses.
//!
//! A row is an answer, its gold answer, and whether the profiles `rl`, `eval` and `strict` accept it.

use twogrpo_verify::{Mode, Options, Profile, Status, Verdict, verify};

const PROFILES: [Profile; 3] = [Profile::Rl, Profile::Eval, Profile::Strict];
const ALL: [bool; 3] = [true, true, true];
const NOT_STRICT: [bool; 3] = [true, true, false];
const EVAL: [bool; 3] = [false, true, false];
const NONE: [bool; 3] = [false, false, false];

fn judged(pred: &str, gold: &str, profile: Profile) -> Verdict {
    let options = Options {
        profile,
        mode: Mode::Answer,
        has_forms: false,
    };
    verify(pred, &[gold], options)
}

#[track_caller]
fn check(rows: &[(&str, &str, [bool; 3])]) {
    let mut wrong = Vec::new();
    for (pred, gold, expected) in rows {
        for (profile, is_accepted) in PROFILES.into_iter().zip(expected) {
            let verdict = judged(pred, gold, profile);
            let is_failure = matches!(verdict.status, Status::UnparsableGold | Status::Error);
            if verdict.is_correct() != *is_accepted || is_failure {
                wrong.push(format!(
                    "{pred}  for  {gold}  under {}: {:?} {:?}",
                    profile.name(),
                    verdict.status,
                    verdict.rule
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn unevaluated_arithmetic() {
    check(&[
        ("47+86", "133", EVAL),
        ("2^8", "256", EVAL),
        ("36/2", "18", EVAL),
        ("\\binom{10}{3}", "120", EVAL),
        ("\\sqrt{144}", "12", EVAL),
        ("\\frac{639}{40}", "15.975", ALL),
        ("-\\frac12", "-0.5", ALL),
        ("3\\frac12", "\\frac72", ALL),
        ("5\\times10^{3}", "5000", ALL),
        ("133", "47+86", ALL),
        ("(\\frac{n}{2}+1)-1", "\\frac{n}{2}", EVAL),
        ("2(3x)", "6x", EVAL),
        ("n+0", "n", EVAL),
        ("(2n)^1", "2n", EVAL),
        ("1\\cdot\\pi", "\\pi", EVAL),
        ("2\\pi+1", "1+2\\pi", ALL),
    ]);
}

#[test]
fn rounding() {
    check(&[
        ("3.14159", "3.142", EVAL),
        ("27.145", "27.14", EVAL),
        ("27.145", "27.15", EVAL),
        ("6.324\\times10^{-7}", "6.32\\times10^{-7}", EVAL),
        ("16.92\\%", "16.9\\%", EVAL),
        ("3.456\\text{ km}", "3460.0\\text{ m}", NONE),
        ("3142.4\\text{ m}", "3.14\\text{ km}", EVAL),
        ("3.14", "3.142", NONE),
        ("27.4", "27", NONE),
        ("4.53", "4.5", NONE),
        ("3.143", "3.142", NONE),
        // Against something exact, a decimal needs four digits.
        ("0.08333", "\\frac1{12}", EVAL),
        ("\\frac1{12}", "0.08333", EVAL),
        ("\\sqrt3", "1.732", EVAL),
        ("3.1416", "\\pi", EVAL),
        ("3.14", "\\pi", NONE),
        ("12.0004", "12", NONE),
        ("12", "12.0004", NONE),
        ("x", "3.1416", NONE),
    ]);
}

#[test]
fn rounding_by_entry() {
    check(&[
        ("(0.08333, 2)", "(\\frac1{12}, 2)", EVAL),
        ("\\frac13, \\sqrt3, \\pi", "1/3, 1.732, 3.1416", EVAL),
        ("\\{1.7321, 2\\}", "\\{1.732, 2\\}", EVAL),
        (
            "\\begin{pmatrix}0.333333\\\\0.2\\end{pmatrix}",
            "\\begin{pmatrix}\\frac13\\\\\\frac15\\end{pmatrix}",
            EVAL,
        ),
        ("[0.3333, 1)", "[\\frac13, 1)", EVAL),
        ("x=1.41421", "x=\\sqrt2", EVAL),
        ("(0.08, 2)", "(\\frac1{12}, 2)", NONE),
    ]);
}

#[test]
fn percent() {
    check(&[
        ("500\\%", "5", NOT_STRICT),
        ("50", "50\\%", NOT_STRICT),
        ("0.5", "50\\%", NOT_STRICT),
        ("\\frac12", "50\\%", NOT_STRICT),
        ("50%", "50\\%", ALL),
        ("10\\%", "10", EVAL),
        ("10\\%", "0.1", NOT_STRICT),
        ("50", "0.5", NONE),
        ("0.5", "50", NONE),
        ("5\\%", "50\\%", NONE),
        ("50\\text{ cm}", "50\\%", NONE),
    ]);
}

#[test]
fn units() {
    check(&[
        ("5\\text{ cm}", "0.05\\text{ m}", NOT_STRICT),
        ("5\\text{ cm}", "5\\text{ cm}", ALL),
        ("5", "5\\text{ cm}", NOT_STRICT),
        ("5\\text{ cm}", "5", NOT_STRICT),
        ("10\\text{ cm}^2", "10\\text{ cm}", NONE),
        ("5\\text{ m}", "5\\text{ cm}", NONE),
        ("5 apples", "5", EVAL),
        ("90", "90^\\circ", NOT_STRICT),
        ("\\frac{\\pi}{2}", "90^\\circ", EVAL),
        ("30^\\circ", "\\frac{\\pi}{6}", EVAL),
        ("30^\\circ", "\\frac{\\pi}{3}", NONE),
    ]);
}

#[test]
fn chains() {
    check(&[
        ("47+86=133", "133", NOT_STRICT),
        ("x=5=5.0", "5", NOT_STRICT),
        ("x=5+5+1=7=11", "11", EVAL),
        ("132=133", "133", EVAL),
        ("x=133=132", "133", NONE),
        ("2x+z=1", "1", NONE),
        (
            "\\frac{z}{4}=\\frac{y}{3}=\\frac{x-1}{2}",
            "\\frac{x-1}{2}=\\frac{y}{3}=\\frac{z}{4}",
            NOT_STRICT,
        ),
    ]);
}

#[test]
fn left_sides() {
    check(&[
        ("x=3", "3", NOT_STRICT),
        ("3", "x=3", NOT_STRICT),
        ("f(x)=2x+3", "2x+3", NOT_STRICT),
        ("x(t)=e^t", "e^t", NOT_STRICT),
        ("y=2x+3", "f(x)=2x+3", EVAL),
        ("x=3", "x=3.0", ALL),
        ("y=3", "x=3", EVAL),
        ("\\frac{V_o}{V_i}=\\frac1{RCs+1}", "\\frac1{1+RCs}", NOT_STRICT),
        ("\\frac{1}{\\sqrt6}", "\\frac{NO}{BO}=\\frac{1}{\\sqrt6}", NOT_STRICT),
        ("y^s=100p^{1/2}", "100\\sqrt p", NOT_STRICT),
        ("-\\frac{a}{c}", "\\Delta p\\approx -\\frac{a}{c}", NOT_STRICT),
        ("(3,2)", "(p,q)=(3,2)", NOT_STRICT),
        ("A=(0,1)", "(0,1)", NOT_STRICT),
        ("AB=12", "12", NOT_STRICT),
        ("xy=6", "6", NONE),
        ("6", "xy=6", NONE),
        ("|x|=3", "3", NONE),
    ]);
}

#[test]
fn values_of_several_names() {
    check(&[
        ("x=1, y=2", "(x,y)=(1,2)", NOT_STRICT),
        ("y=2, x=1", "x=1, y=2", ALL),
        ("x=2, y=1", "x=1, y=2", NONE),
        ("x=1, y=2, z=3", "1, 2, 3", NOT_STRICT),
        ("a=-2, b=-2", "-2, -2", NOT_STRICT),
        ("x=2, y=1", "(1,2)", NONE),
        ("45, 2", "k=45, n=2", EVAL),
        ("(45,2)", "k=45, n=2", EVAL),
        ("(2,45)", "k=45, n=2", NONE),
        ("x=1, y=2", "x=1, x=2", EVAL),
        ("p=-1, p=\\frac{15}8", "\\frac{15}8, -1", NOT_STRICT),
        ("3, 5", "x_1=5, x_2=3", NOT_STRICT),
        ("y_1=x, y_2=2x", "y_1=2x, y_2=x", EVAL),
        ("y_2=x, y_1=2x", "y_1=2x, y_2=x", ALL),
    ]);
}

#[test]
fn renamed_dummies() {
    check(&[
        ("f(m)=2m+1", "f(n)=2n+1", EVAL),
        ("\\frac x2+Ce^{-2x}", "\\frac x2+ce^{-2x}", EVAL),
        ("x(t)=c_1e^t+c_2e^{-t}", "C_{1}e^t+C_{2}e^{-t}", EVAL),
        (
            "\\frac{\\pi}6+n\\pi, \\frac{\\pi}3+n\\pi",
            "x=\\frac{\\pi}6+\\pi k, \\frac{\\pi}3+\\pi k",
            EVAL,
        ),
        ("(-32+3t, 64-5t)", "(k,\\ell)=(-32+3x, 64-5x)", EVAL),
        ("f(m)=2m+2", "f(n)=2n+1", NONE),
        ("2y+1", "2x+1", NONE),
        ("c_2e^t+c_1e^{-t}", "C_1e^t+C_2e^{-t}", NONE),
        ("f(x)=x+n", "f(n)=n+n", NONE),
        ("k", "n", NONE),
    ]);
}

#[test]
fn words() {
    check(&[
        ("Monday", "\\text{Monday}", ALL),
        ("monday", "\\text{Monday}", EVAL),
        ("the plane", "\\text{a Plane}", EVAL),
        ("yes", "\\text{Yes}", EVAL),
        ("\\text{True}", "\\text{yes}", EVAL),
        ("\\text{no}", "\\text{yes}", NONE),
        ("\\emptyset", "\\text{no solution}", EVAL),
        ("\\text{no real solutions}", "\\emptyset", EVAL),
        ("\\infty", "\\text{infinitely many}", EVAL),
        ("-\\infty", "\\text{infinitely many}", NONE),
        ("0", "\\text{no solution}", NONE),
        ("\\text{The answer is } 42", "42", NOT_STRICT),
    ]);
}

#[test]
fn bases() {
    check(&[
        ("4210_5", "4210_{5}", ALL),
        ("1010", "1010_2", EVAL),
        ("4210_6", "4210_5", NONE),
    ]);
}

#[test]
fn ratios() {
    check(&[
        ("5:8", "5:8", ALL),
        ("1:2:4", "2:4:8", NOT_STRICT),
        ("1:2:4", "1:4:2", NONE),
        ("1:2:4", "\\frac18", NONE),
        ("11:21", "V_1:V_2=11:21", NOT_STRICT),
    ]);
    assert!(judged("5/8", "5:8", Profile::Eval).is_correct());
}

#[test]
fn equations() {
    check(&[
        ("4x+2y=2", "2x+y=1", NOT_STRICT),
        ("2x-y+1=0", "y=2x+1", NOT_STRICT),
        ("x=\\frac{y-1}2", "y=2x+1", NOT_STRICT),
        ("y=-\\frac12x+\\frac34", "2x+4y-3=0", NOT_STRICT),
        ("x^2=1-y^2", "x^2+y^2=1", NOT_STRICT),
        ("y=\\frac{6}{x}", "xy=6", EVAL),
        ("\\frac{6}{x}", "xy=6", EVAL),
        ("-4x^2+4x-2", "y+1=-(2x-1)^2", EVAL),
        (
            "\\frac{dw}{dt}=\\frac{T}{I}-\\frac{2B}{I}w",
            "I\\frac{dw}{dt}+2Bw=T",
            EVAL,
        ),
        ("x+y-z+2=0", "5x-7y+11z+4=0", NONE),
        ("\\cos x=\\frac12", "\\sin x=\\frac12", NONE),
        ("3n=42", "n=14", EVAL),
        ("x^2=9", "x=3", NONE),
        ("x", "xy=6", NONE),
        ("a-b=\\sqrt3", "a-b=1.732", EVAL),
        ("a-b=\\sqrt2", "a-b=1.732", NONE),
    ]);
}

#[test]
fn inequalities() {
    check(&[
        ("3<x", "x>3", ALL),
        ("7>x\\ge-2", "-2\\le x<7", ALL),
        ("(3,\\infty)", "x>3", NOT_STRICT),
        ("x>3", "(3,\\infty)", NOT_STRICT),
        ("x\\in(3,\\infty)", "x>3", ALL),
        ("x\\ge3", "x>3", NONE),
        ("[3,\\infty)", "x>3", NONE),
        ("(0,1)", "0<f(x)<1", NOT_STRICT),
        ("2x+y>4", "4x+2y>8", NOT_STRICT),
        ("2x+y<4", "4x+2y>8", NONE),
        ("-x>-1", "x<1", EVAL),
        ("x<1", "-x>-1", NOT_STRICT),
        ("2x-4\\le0", "(-\\infty,2]", EVAL),
        ("2x-4<0", "(-\\infty,2]", NONE),
        ("y>3", "x>3", EVAL),
        ("\\tan2>\\sin 1>\\cos 5", "\\cos5<\\sin1<\\tan2", ALL),
        ("5>4", "3>2", NONE),
        ("x>2", "3", NONE),
    ]);
}

#[test]
fn regions() {
    check(&[
        ("x<1\\text{ or }x>5", "(-\\infty,1)\\cup(5,\\infty)", NOT_STRICT),
        ("(5,\\infty)\\cup(-\\infty,1)", "(-\\infty,1)\\cup(5,\\infty)", ALL),
        ("x\\le1\\text{ or }x>5", "(-\\infty,1)\\cup(5,\\infty)", NONE),
        ("(-\\infty,-2]\\cup\\{1\\}", "a\\le-2\\text{ or }a=1", NOT_STRICT),
        ("(0,1]\\cup(1,2)", "(0,2)", NOT_STRICT),
        ("(0,1)\\cup(1,2)", "(0,2)", NONE),
        ("(0,1)\\cup\\{1\\}\\cup(1,2)", "(0,2)", NOT_STRICT),
        ("(0,\\sqrt2)\\cup[1,3)", "(0,3)", NOT_STRICT),
        ("(-2,3)", "\\{x|-2<x<3\\}", NOT_STRICT),
        (
            "\\{x\\mid x<1\\text{ or }x>5\\}",
            "(-\\infty,1)\\cup(5,\\infty)",
            NOT_STRICT,
        ),
        ("\\{y|-2<x<3\\}", "\\{x|-2<x<3\\}", NONE),
        (
            "(-\\infty,-6)\\cup(-6,\\frac32)",
            "\\{x|x<\\frac32\\}\\setminus\\{-6\\}",
            NOT_STRICT,
        ),
        (
            "(-\\infty,0)\\cup(0,\\infty)",
            "\\mathbb{R}\\setminus\\{0\\}",
            NOT_STRICT,
        ),
        ("(-\\infty,0)\\cup(0,\\infty)", "\\mathbb{R}\\setminus\\{1\\}", NONE),
        ("x\\ne5", "(-\\infty,5)\\cup(5,\\infty)", NOT_STRICT),
        ("(-\\infty,\\infty)", "\\mathbb{R}", NOT_STRICT),
        ("[-\\infty,\\infty]", "\\mathbb{R}", NONE),
        ("x\\ne1,x\\ne2", "x\\ne3,x\\ne4", NONE),
        ("x\\ne1,x\\ne2", "(-\\infty,1)\\cup(1,2)\\cup(2,\\infty)", NOT_STRICT),
        ("(1,2)\\cup(3,4)", "(1,2)\\cup(3,5)", NONE),
        ("(-\\infty,\\infty)", "(-\\infty,0)\\cup(0,\\infty)", NONE),
    ]);
}

#[test]
fn open_signs() {
    check(&[
        ("1\\pm\\sqrt5", "1+\\sqrt5,1-\\sqrt5", ALL),
        ("-2021,2021", "\\pm2021", ALL),
        ("x=\\pm3", "x=3\\text{ or }x=-3", ALL),
        ("(\\pm1,0,\\pm1)", "(1,0,1),(1,0,-1),(-1,0,1),(-1,0,-1)", ALL),
        ("(\\pm1,\\mp1)", "(1,-1),(-1,1)", ALL),
        ("(\\pm1,\\mp1)", "(1,1),(-1,-1)", NONE),
        ("\\pm42", "42", NONE),
        ("42", "\\pm42", NONE),
    ]);
}

#[test]
fn sets_and_lists() {
    check(&[
        ("2,1", "1,2", ALL),
        ("\\{2,1,1\\}", "\\{1,2\\}", ALL),
        ("\\{2,1\\}", "1,2", NOT_STRICT),
        ("\\{1\\}", "\\{1,2\\}", NONE),
        ("\\{1,2,3\\}", "\\{1,2\\}", NONE),
        ("3.142,3.14159", "3.142,3.142", NONE),
        ("(3,1),(2,1)", "(2,1),(3,1)", ALL),
        ("(1,3),(1,2)", "(2,1),(3,1)", NONE),
        ("\\{5\\}", "5", EVAL),
        ("x\\in\\{1,2\\}", "1,2", NOT_STRICT),
    ]);
}

#[test]
fn tuples_and_matrices() {
    check(&[
        ("(0.5,1)", "(\\frac12,1)", ALL),
        ("(2,1)", "(1,2)", NONE),
        ("(1,2,3)", "(1,2)", NONE),
        ("[1,2]", "(1,2)", NONE),
        ("(1,2]", "(1,2)", NONE),
        ("\\langle1,2\\rangle", "(1,2)", ALL),
        ("(1,2)", "\\begin{pmatrix}1&2\\end{pmatrix}", NOT_STRICT),
        ("(1,2)", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", EVAL),
        ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)", EVAL),
        (
            "\\begin{bmatrix}0.5\\\\1\\end{bmatrix}",
            "\\begin{pmatrix}\\frac12\\\\1\\end{pmatrix}",
            ALL,
        ),
        (
            "\\begin{pmatrix}1&2\\end{pmatrix}-\\begin{pmatrix}1&1\\end{pmatrix}",
            "\\begin{pmatrix}0&1\\end{pmatrix}",
            EVAL,
        ),
        (
            "\\begin{pmatrix}1&2\\end{pmatrix}",
            "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
            NONE,
        ),
        (
            "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
            "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}",
            NONE,
        ),
    ]);
}

#[test]
fn symbolic_expressions() {
    check(&[
        ("\\frac{x^2-1}{x-1}", "x+1", NOT_STRICT),
        ("\\sqrt{12}", "2\\sqrt3", ALL),
        ("b+a", "a+b", ALL),
        ("(x+1)^2", "x^2+2x+1", ALL),
        ("x+2", "x+1", NONE),
        ("\\lceil n/3\\rceil", "\\lceil n/2\\rceil", NONE),
    ]);
}

#[test]
fn what_never_earns_anything() {
    check(&[
        ("41 or 42", "42", NONE),
        ("x=41 \\lor x=42", "42", NONE),
        ("(41,43)", "42", NONE),
        ("41<x<43", "42", NONE),
        ("x\\ge42", "42", NONE),
        ("\\{41,42\\}", "42", NONE),
        ("x", "42", NONE),
        ("x=x", "42", NONE),
        ("x=x", "x=42", NONE),
        ("0=0", "x=42", NONE),
        ("0=0", "2x+y=1", NONE),
        ("NaN", "42", NONE),
        ("\\frac10", "42", NONE),
        ("\\infty-\\infty", "0", NONE),
        ("\\mathbb{R}", "42", NONE),
        ("\\mathbb{R}", "(0,1)", NONE),
    ]);
}

#[test]
fn choices() {
    check(&[
        ("(C)", "C", ALL),
        ("\\text{C}", "(C)", ALL),
        ("D", "C", NONE),
        ("A, C", "C", NONE),
        ("C. 12", "C", EVAL),
    ]);
}

#[test]
fn decimal_commas_and_percent_signs_of_other_graders() {
    let accepts = |pred, gold, profile| judged(pred, gold, profile).is_correct();
    assert!(accepts("1000,99", "1000.99", Profile::MathVerify));
    assert!(accepts("2.74", "2,74", Profile::MathVerify));
    assert!(!accepts("1,234", "1.234", Profile::MathVerify));
    assert!(!accepts("[1,2]", "(1,2)", Profile::MathVerify));
    assert!(!accepts("1000,99", "1000.99", Profile::Eval));
    assert!(accepts("10\\%", "10", Profile::String));
    assert!(accepts("30^\\circ", "30^{\\circ}", Profile::String));
    assert!(!accepts("10\\%", "11", Profile::String));
    assert!(!accepts("4,.1,2", ".1,4,2", Profile::String));
}
