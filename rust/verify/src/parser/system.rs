//! Systems of equations, functions by cases, and aligned lines.

use super::{NotUnderstood, Parsed, Parser};
use crate::ast::Ast;
use crate::token::Kind;

/// Words before the condition of a case.
const CASE_WORDS: [&str; 9] = [
    "if",
    "when",
    "for",
    "where",
    "as",
    "otherwise",
    "else",
    "elsewhere",
    "other",
];

impl Parser {
    /// Reads rows up to the end of the environment: equations are a list, values with conditions are cases.
    pub(super) fn system(&mut self) -> Parsed {
        self.at += 1;
        let mut rows = Vec::new();
        let mut has_cases = false;
        loop {
            match self.kind() {
                Some(Kind::End) => break,
                Some(Kind::Row | Kind::Mark(',' | ';' | '&' | '.')) => self.at += 1,
                Some(_) => {
                    let row = self.case()?;
                    has_cases |= matches!(row, Ast::Bracket('{', ..));
                    rows.push(row);
                }
                None => return Err(NotUnderstood),
            }
        }
        self.at += 1;
        Ok(match (rows.pop(), has_cases) {
            (Some(only), _) if rows.is_empty() => only,
            (last, has_cases) => {
                rows.extend(last);
                if has_cases { Ast::Set(rows) } else { Ast::List(rows) }
            }
        })
    }

    /// Reads a row: a value with its condition, or an equation.
    fn case(&mut self) -> Parsed {
        let value = self.nested(Self::related)?;
        while self.is(',') || self.is('&') || self.is(';') {
            self.at += 1;
        }
        let is_open = self.take('(');
        let mut condition = None;
        while let Some(Kind::Text(word) | Kind::Word(word)) = self.kind().cloned() {
            if !CASE_WORDS.contains(&word.as_str()) {
                break;
            }
            if matches!(word.as_str(), "otherwise" | "else" | "elsewhere" | "other") {
                condition = Some(Ast::Text("otherwise".to_owned()));
            }
            self.at += 1;
        }
        if !matches!(self.kind(), None | Some(Kind::Row | Kind::End | Kind::Mark('.'))) {
            let (conditions, joints) = self.joined()?;
            condition = Some(super::condition::listed(conditions, &joints));
        }
        if is_open {
            self.expect(')')?;
            while self.is(',') || self.is(';') {
                self.at += 1;
            }
        }
        Ok(match condition {
            Some(condition) => Ast::Bracket('{', vec![value, condition], '{'),
            None => value,
        })
    }
}
