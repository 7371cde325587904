//! Relations and statements: equations, inequalities, orderings, membership, quantifiers.

use super::{Parsed, Parser};
use crate::ast::{Ast, Relation};
use crate::token::Kind;

impl Parser {
    /// Takes a relation between values.
    pub(super) fn relation(&mut self) -> Option<Relation> {
        let (relation, width) = match (self.kind()?, self.kind_at(1)) {
            (Kind::Mark('<'), Some(Kind::Mark('='))) => (Relation::LessEqual, 2),
            (Kind::Mark('>'), Some(Kind::Mark('='))) => (Relation::GreaterEqual, 2),
            (Kind::Mark('!'), Some(Kind::Mark('='))) => (Relation::NotEqual, 2),
            (Kind::Mark('='), Some(Kind::Mark('='))) => (Relation::Equal, 2),
            (Kind::Mark('='), _) => (Relation::Equal, 1),
            (Kind::Mark('<') | Kind::Command("lt"), _) => (Relation::Less, 1),
            (Kind::Mark('>') | Kind::Command("gt"), _) => (Relation::Greater, 1),
            (Kind::Command("le"), _) => (Relation::LessEqual, 1),
            (Kind::Command("ge"), _) => (Relation::GreaterEqual, 1),
            (Kind::Command("ne"), _) => (Relation::NotEqual, 1),
            (Kind::Command("approx"), _) => (Relation::Approximate, 1),
            (Kind::Command("in"), _) => (Relation::In, 1),
            _ => return None,
        };
        self.at += width;
        Some(relation)
    }

    /// Takes the sign of a statement that is compared as it stands, and whether its two sides are to be swapped.
    fn statement_sign(&mut self) -> Option<(char, bool)> {
        let Some(Kind::Command(name)) = self.kind() else {
            return None;
        };
        let sign = match *name {
            "subset" | "subsetneq" => ('\u{2282}', false),
            "supset" | "supsetneq" => ('\u{2282}', true),
            "subseteq" => ('\u{2286}', false),
            "supseteq" => ('\u{2286}', true),
            "perp" => ('\u{22a5}', false),
            "parallel" | "Vert" => ('\u{2225}', false),
            "sim" => ('~', false),
            "cong" => ('\u{2245}', false),
            "equiv" => ('\u{2261}', false),
            "mid" => ('\u{2223}', false),
            "nmid" => ('\u{2224}', false),
            "notin" => ('\u{2209}', false),
            "to" => ('\u{2192}', false),
            "Rightarrow" | "implies" => ('\u{21d2}', false),
            "iff" => ('\u{21d4}', false),
            "propto" => ('\u{221d}', false),
            _ => return None,
        };
        self.at += 1;
        Some(sign)
    }

    /// Reads members with relations between them.
    pub(super) fn related(&mut self) -> Parsed {
        let mut members = vec![self.ratio()?];
        let mut relations = Vec::new();
        loop {
            if let Some(relation) = self.relation() {
                relations.push(relation);
                members.push(self.ratio()?);
            } else if let Some((sign, is_swapped)) = self.statement_sign() {
                let left = chain(members, relations);
                let right = self.related()?;
                let (first, second) = if is_swapped { (right, left) } else { (left, right) };
                let mut parts = vec![first, second];
                parts.extend(self.modulus()?);
                return Ok(Ast::Bracket(sign, parts, sign));
            } else {
                return Ok(chain(members, relations));
            }
        }
    }

    /// Reads `\pmod{4}` or `(mod 4)` behind a congruence.
    fn modulus(&mut self) -> Result<Option<Ast>, super::NotUnderstood> {
        if self.take_command("pmod") {
            return self.argument(false).map(Some);
        }
        let is_named = |kind: Option<&Kind>| {
            matches!(kind, Some(Kind::Word(word) | Kind::Text(word)) if word == "mod")
                || kind.is_some_and(|kind| kind.is_command("mod") || kind.is_command("bmod"))
        };
        if !(self.is('(') && is_named(self.kind_at(1))) {
            return Ok(None);
        }
        self.at += 2;
        let modulus = self.expression()?;
        self.expect(')')?;
        Ok(Some(modulus))
    }

    /// Reads a value, or several in proportion.
    fn ratio(&mut self) -> Parsed {
        if let Some(time) = self.clock() {
            return Ok(time);
        }
        let first = self.union()?;
        if !self.is(':') {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.is(':') {
            self.at += 1;
            parts.push(self.union()?);
        }
        Ok(Ast::Ratio(parts))
    }

    /// Takes a quantifier or a negation, and says which.
    pub(super) fn quantifier(&mut self) -> Option<char> {
        let sign = match self.kind() {
            Some(Kind::Command("forall")) => '\u{2200}',
            Some(Kind::Command("exists")) => '\u{2203}',
            Some(Kind::Command("neg")) => '\u{ac}',
            _ => return None,
        };
        self.at += 1;
        Some(sign)
    }
}

fn chain(mut members: Vec<Ast>, relations: Vec<Relation>) -> Ast {
    match members.pop() {
        Some(only) if relations.is_empty() => only,
        last => {
            members.extend(last);
            Ast::Chain(members, relations)
        }
    }
}
