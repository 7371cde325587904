//! Tokens: what the lexer makes and the parser reads.

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Whether white space stood before it.
    pub is_spaced: bool,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Digits with at most one point and at most one exponent `e-7`; separators of thousands are gone.
    Number(String),
    /// A decimal and the digits that repeat after it, as in `0.1\overline{6}`.
    Repeating(String, String),
    /// Letters outside of prose.
    Word(String),
    /// A word of prose.
    Text(String),
    /// A known command under one spelling.
    Command(&'static str),
    /// A command that is not understood.
    Unknown(String),
    /// A single character.
    Mark(char),
    /// `\{`.
    SetOpen,
    /// `\}`.
    SetClose,
    /// `\\`, the end of a matrix row.
    Row,
    /// A sign of currency.
    Currency,
    /// `\begin{..}` of a matrix.
    Begin,
    /// `\begin{..}` of a system of equations or of cases.
    BeginSystem,
    /// `\end{..}` of either.
    End,
}

impl Kind {
    /// Returns whether the token is this character.
    pub fn is(&self, mark: char) -> bool {
        matches!(self, Self::Mark(found) if *found == mark)
    }

    /// Returns whether the token is this command.
    pub fn is_command(&self, name: &str) -> bool {
        matches!(self, Self::Command(found) if *found == name)
    }

    /// Appends the one spelling of the token.
    pub fn spell(&self, out: &mut String) {
        match self {
            Self::Number(text) | Self::Word(text) => out.push_str(text),
            Self::Text(text) => {
                out.push_str(text);
                out.push(' ');
            }
            Self::Repeating(fixed, period) => out.extend([fixed.as_str(), "\\overline{", period, "}"]),
            Self::Command(name) => out.extend(["\\", name, " "]),
            Self::Unknown(name) => out.extend(["\\", name, " "]),
            Self::Mark(mark) => out.push(*mark),
            Self::SetOpen => out.push_str("\\{"),
            Self::SetClose => out.push_str("\\}"),
            Self::Row => out.push_str("\\\\"),
            Self::Currency => out.push('$'),
            Self::Begin => out.push_str("\\begin"),
            Self::BeginSystem => out.push_str("\\begin{cases}"),
            Self::End => out.push_str("\\end"),
        }
    }
}

/// Returns one spelling for all texts that differ in white space, delimiters and optional braces only.
pub fn spelling(tokens: &[Token]) -> String {
    let mut out = String::new();
    // Arguments that the commands of each open group still wait for.
    let mut groups: Vec<usize> = Vec::new();
    let mut waiting = 0;
    let mut was_number = false;
    for token in tokens {
        let is_number = matches!(token.kind, Kind::Number(_));
        if is_number && was_number {
            out.push(' ');
        }
        was_number = is_number;
        match &token.kind {
            Kind::Mark('{') => {
                groups.push(waiting);
                waiting = 0;
                out.push('{');
            }
            Kind::Mark('}') => {
                waiting = groups.pop().unwrap_or(0).saturating_sub(1);
                out.push('}');
            }
            kind if waiting > 0 && !kind.is('[') && !kind.is('-') => waiting = spell_arguments(kind, waiting, &mut out),
            kind => kind.spell(&mut out),
        }
        waiting += match &token.kind {
            Kind::Command("frac" | "binom") => 2,
            Kind::Command("sqrt") | Kind::Mark('^' | '_') => 1,
            _ => 0,
        };
    }
    out
}

/// Appends a token as the brace-less argument of a command; returns how many arguments are still to come.
fn spell_arguments(kind: &Kind, mut waiting: usize, out: &mut String) -> usize {
    let Kind::Number(digits) = kind else {
        out.push('{');
        kind.spell(out);
        out.push('}');
        return waiting - 1;
    };
    if waiting == 1 {
        out.extend(["{", digits, "}"]);
        return 0;
    }
    let mut rest = digits.as_str();
    while waiting > 0 && !rest.is_empty() {
        let (first, tail) = rest.split_at_checked(1).unwrap_or((rest, ""));
        out.extend(["{", first, "}"]);
        rest = tail;
        waiting -= 1;
    }
    out.push_str(rest);
    waiting
}
