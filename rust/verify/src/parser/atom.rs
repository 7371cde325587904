//! Operands: numbers, names, brackets, fractions, roots, matrices.

use super::{NotUnderstood, Parsed, Parser};
use crate::ast::Ast;
use crate::commands;
use crate::token::Kind;

/// Letters that stand for sets in blackboard type.
const SETS: [&str; 5] = ["R", "Z", "N", "Q", "C"];

impl Parser {
    /// Reads one operand.
    pub(super) fn operand(&mut self) -> Parsed {
        self.nested(|parser| match parser.kind().cloned() {
            Some(Kind::Number(digits)) => parser.number(&digits),
            Some(Kind::Repeating(fixed, period)) => parser.repeating(&fixed, &period),
            Some(Kind::Word(word) | Kind::Text(word)) => parser.word(&word),
            Some(Kind::Command(name)) => parser.command(name),
            Some(Kind::Mark(open @ ('(' | '['))) => parser.bracket(open),
            Some(Kind::Mark('{')) => parser.group(),
            Some(Kind::Mark('|')) => parser.between_bars("|"),
            Some(Kind::SetOpen) => parser.set(),
            Some(Kind::Begin) => parser.matrix(),
            _ => Err(NotUnderstood),
        })
    }

    /// Returns whether a command may begin an operand.
    pub(super) fn starts_operand(name: &str) -> bool {
        let is_operand = matches!(
            name,
            "frac"
                | "sqrt"
                | "binom"
                | "infty"
                | "mathbb"
                | "emptyset"
                | "lfloor"
                | "lceil"
                | "overline"
                | "bar"
                | "langle"
        );
        is_operand || commands::function(name).is_some() || commands::letter(name).is_some()
    }

    fn command(&mut self, name: &'static str) -> Parsed {
        self.at += 1;
        match name {
            "frac" => Ok(Ast::Quotient(
                Box::new(self.argument(true)?),
                Box::new(self.argument(true)?),
            )),
            "binom" => Ok(Ast::Call(
                "binom".to_owned(),
                vec![self.argument(true)?, self.argument(true)?],
            )),
            "sqrt" => self.root(),
            "infty" => Ok(Ast::Infinity),
            "emptyset" => Ok(Ast::Set(Vec::new())),
            "mathbb" => self.named_set(),
            "lfloor" | "lceil" => self.rounded(name),
            "lvert" => {
                self.at -= 1;
                self.between_bars("lvert")
            }
            "langle" => self.angled(),
            "overline" | "bar" => {
                let Ast::Symbol(inner) = self.argument(true)? else {
                    return Err(NotUnderstood);
                };
                Ok(self.name(format!("\\bar{inner}")))
            }
            _ if commands::function(name).is_some() => self.function(name),
            _ if commands::letter(name).is_some() => self.applied(format!("\\{name}")),
            _ => Err(NotUnderstood),
        }
    }

    /// Reads an argument: a group, or a single operand; `is_digit` takes one digit of a longer number.
    pub(super) fn argument(&mut self, is_digit: bool) -> Parsed {
        if self.is('{') {
            return self.group();
        }
        if is_digit && let Some(first) = self.split_digit() {
            return Self::literal(&first);
        }
        if self.take('-') {
            return Ok(Ast::Neg(Box::new(self.operand()?)));
        }
        self.operand()
    }

    fn root(&mut self) -> Parsed {
        let degree = if self.take('[') {
            let degree = self.expression()?;
            self.expect(']')?;
            degree
        } else {
            Self::literal("2")?
        };
        let radicand = if self.is('(') {
            self.operand()?
        } else {
            self.argument(true)?
        };
        Ok(Ast::Root(Box::new(degree), Box::new(radicand)))
    }

    fn named_set(&mut self) -> Parsed {
        let is_braced = self.take('{');
        let Some(Kind::Word(letter)) = self.kind().cloned() else {
            return Err(NotUnderstood);
        };
        self.at += 1;
        if is_braced {
            self.expect('}')?;
        }
        let is_known = SETS.contains(&letter.as_str());
        if is_known {
            Ok(Ast::NamedSet(letter))
        } else {
            Err(NotUnderstood)
        }
    }

    fn rounded(&mut self, open: &str) -> Parsed {
        let inner = self.expression()?;
        let (close, name) = if open == "lfloor" {
            ("rfloor", "floor")
        } else {
            ("rceil", "ceil")
        };
        if !self.take_command(close) {
            return Err(NotUnderstood);
        }
        Ok(Ast::Call(name.to_owned(), vec![inner]))
    }

    fn between_bars(&mut self, open: &str) -> Parsed {
        self.at += 1;
        self.bars += 1;
        let inner = self.expression();
        self.bars -= 1;
        let is_closed = if open == "|" {
            self.take('|')
        } else {
            self.take_command("rvert") || self.take_command("lvert")
        };
        if is_closed {
            Ok(Ast::Call("abs".to_owned(), vec![inner?]))
        } else {
            Err(NotUnderstood)
        }
    }

    fn angled(&mut self) -> Parsed {
        let items = self.items()?;
        if self.take_command("rangle") {
            Ok(Ast::Bracket('(', items, ')'))
        } else {
            Err(NotUnderstood)
        }
    }

    /// Reads `( .. )`: a single value is a group, several are a tuple or an interval.
    fn bracket(&mut self, open: char) -> Parsed {
        self.at += 1;
        let bars = std::mem::take(&mut self.bars);
        let items = self.items();
        self.bars = bars;
        let mut items = items?;
        let close = if self.take(')') {
            ')'
        } else if self.take(']') {
            ']'
        } else {
            return Err(NotUnderstood);
        };
        let is_group = items.len() == 1 && (open == '(') == (close == ')');
        match items.pop() {
            Some(only) if is_group => Ok(only),
            last => {
                items.extend(last);
                Ok(Ast::Bracket(open, items, close))
            }
        }
    }

    /// Reads `{ .. }`: a group, or a set whose backslashes were lost.
    fn group(&mut self) -> Parsed {
        self.at += 1;
        let bars = std::mem::take(&mut self.bars);
        let items = self.items();
        self.bars = bars;
        let mut items = items?;
        self.expect('}')?;
        match items.pop() {
            Some(only) if items.is_empty() => Ok(only),
            last => {
                items.extend(last);
                Ok(Ast::Set(items))
            }
        }
    }

    fn set(&mut self) -> Parsed {
        self.at += 1;
        if self.kind() == Some(&Kind::SetClose) {
            self.at += 1;
            return Ok(Ast::Set(Vec::new()));
        }
        let items = self.items()?;
        if self.kind() != Some(&Kind::SetClose) {
            return Err(NotUnderstood);
        }
        self.at += 1;
        Ok(Ast::Set(items))
    }

    fn matrix(&mut self) -> Parsed {
        self.at += 1;
        let mut rows = vec![Vec::new()];
        loop {
            match self.kind() {
                Some(Kind::End) => break,
                Some(Kind::Row) => rows.push(Vec::new()),
                Some(Kind::Mark('&')) => {}
                _ => {
                    let entry = self.item()?;
                    rows.last_mut().ok_or(NotUnderstood)?.push(entry);
                    continue;
                }
            }
            self.at += 1;
        }
        self.at += 1;
        rows.retain(|row| !row.is_empty());
        let width = rows.first().map_or(0, Vec::len);
        let is_full = width > 0 && rows.iter().all(|row| row.len() == width);
        if is_full {
            Ok(Ast::Matrix(rows))
        } else {
            Err(NotUnderstood)
        }
    }
}
