//! The LaTeX commands that are understood, and what each one is to the lexer.

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// White space or a matter of size: dropped.
    Spacing,
    /// `\left`, `\right` and kin: dropped together with a following full stop.
    Delimiter,
    /// Its argument is prose.
    Text,
    /// Its argument is letters in another type face.
    Face,
    /// Anything else, under one spelling.
    Token(&'static str),
}

/// Returns what a command does, or none if it is unknown.
pub fn role(name: &str) -> Option<Role> {
    Some(match name {
        "displaystyle" | "textstyle" | "scriptstyle" | "limits" | "nolimits" | "quad" | "qquad" | "boxed" | "fbox"
        | "nonumber" | "rm" | "bf" | "it" | "hspace" | "large" | "Large" | "ensuremath" | "phantom" | "hline"
        | "thinspace" | "hfill" | "enspace" | "smallskip" | "mathstrut" | "notag" | "normalsize" | "small" => {
            Role::Spacing
        }
        "left" | "right" | "big" | "Big" | "bigg" | "Bigg" | "bigl" | "bigr" | "Bigl" | "Bigr" | "biggl" | "biggr"
        | "middle" => Role::Delimiter,
        "text" | "mbox" | "textbf" | "textrm" | "textit" | "textsf" | "textnormal" | "hbox" | "texttt" => Role::Text,
        "mathrm" | "mathbf" | "mathit" | "mathsf" | "operatorname" | "boldsymbol" | "bm" | "mathnormal" => Role::Face,
        _ => Role::Token(operator(name).or_else(|| function(name)).or_else(|| letter(name))?),
    })
}

fn operator(name: &str) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "sqrt",
        "div",
        "pm",
        "mp",
        "in",
        "cap",
        "infty",
        "overline",
        "bar",
        "prime",
        "mid",
        "sum",
        "prod",
        "int",
        "lim",
        "lfloor",
        "rfloor",
        "lceil",
        "rceil",
        "angle",
        "binom",
        "mathbb",
        "ldots",
        "approx",
        "lvert",
        "rvert",
        "begin",
        "end",
        "langle",
        "rangle",
        "equiv",
        "subset",
        "triangle",
        "frac",
        "over",
        "vec",
        "hat",
        "tilde",
        "dot",
        "ddot",
        "check",
        "mathfrak",
        "mathcal",
        "mathscr",
        "notin",
        "forall",
        "exists",
        "neg",
        "subseteq",
        "supset",
        "supseteq",
        "perp",
        "parallel",
        "sim",
        "cong",
        "propto",
        "iff",
        "Vert",
        "oplus",
        "otimes",
        "pmod",
        "bmod",
        "mod",
        "underline",
        "Rightarrow",
        "therefore",
        "because",
        "nmid",
        "subsetneq",
        "supsetneq",
        "implies",
        "oint",
        "iint",
        "choose",
        "prec",
        "succ",
    ];
    NAMES
        .iter()
        .copied()
        .find(|known| *known == name)
        .or_else(|| synonym(name))
}

/// Returns the one spelling of an operator that has several.
fn synonym(name: &str) -> Option<&'static str> {
    Some(match name {
        "dfrac" | "tfrac" | "cfrac" => "frac",
        "dbinom" | "tbinom" => "binom",
        "cdot" | "times" | "ast" | "bullet" => "cdot",
        "le" | "leq" | "leqslant" | "leqq" | "leslant" => "le",
        "ge" | "geq" | "geqslant" | "geqq" | "geslant" => "ge",
        "lt" => "lt",
        "gt" => "gt",
        "ne" | "neq" => "ne",
        "cup" | "bigcup" => "cup",
        "setminus" | "backslash" => "setminus",
        "circ" | "degree" | "textcirc" | "textdegree" => "circ",
        "lor" | "vee" => "or",
        "land" | "wedge" => "and",
        "dots" | "cdots" | "dotsc" | "dotsb" | "vdots" | "textellipsis" => "ldots",
        "approxeq" | "simeq" | "thickapprox" => "approx",
        "emptyset" | "varnothing" | "oslash" => "emptyset",
        "to" | "rightarrow" | "longrightarrow" | "mapsto" => "to",
        "Longrightarrow" => "Rightarrow",
        "Leftrightarrow" | "Longleftrightarrow" => "iff",
        "lnot" => "neg",
        "vert" => "lvert",
        "lVert" | "rVert" => "Vert",
        "lbrace" => "lbrace",
        "rbrace" => "rbrace",
        "lbrack" => "lbrack",
        "rbrack" => "rbrack",
        "overrightarrow" | "overleftarrow" => "vec",
        "widehat" => "hat",
        "widetilde" => "tilde",
        "subsetneqq" => "subsetneq",
        "bigtriangleup" | "vartriangle" => "triangle",
        _ => return None,
    })
}

/// Returns the name of a function of one argument, under one spelling.
pub fn function(name: &str) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln",
        "lg", "exp", "max", "min", "gcd", "lcm", "det", "arg", "deg", "arccot",
    ];
    NAMES.iter().copied().find(|known| *known == name)
}

/// Returns the name of a letter, under one spelling.
pub fn letter(name: &str) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
        "hbar",
        "ell",
        "odot",
        "partial",
        "aleph",
        "beth",
        "top",
        "dagger",
        "nabla",
        "ker",
        "dim",
        "Re",
        "Im",
        "complement",
    ];
    match name {
        "varepsilon" => Some("epsilon"),
        "varphi" => Some("phi"),
        "vartheta" => Some("theta"),
        "varrho" => Some("rho"),
        "textpi" => Some("pi"),
        _ => NAMES.iter().copied().find(|known| *known == name),
    }
}

/// Returns the longest known command that a name begins with, as in `\cotx`, and the letters left over.
pub fn split(name: &str) -> Option<(Role, &str)> {
    (2.min(name.len())..=name.len()).rev().find_map(|end| {
        let (head, tail) = name.split_at_checked(end)?;
        Some((role(head)?, tail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_folded() {
        assert_eq!(role("dfrac"), role("frac"));
        assert_eq!(role("geqslant"), Some(Role::Token("ge")));
    }

    #[test]
    fn letters_glued_to_a_command_are_split_off() {
        assert_eq!(split("cotx"), Some((Role::Token("cot"), "x")));
        assert_eq!(split("pic"), Some((Role::Token("pi"), "c")));
        assert_eq!(split("infty"), Some((Role::Token("infty"), "")));
        assert_eq!(split("zzz"), None);
    }
}
