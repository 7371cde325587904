//! Operands: numbers, names, brackets, fractions, roots, matrices.

use super::name::MARKS;
use super::{NotUnderstood, Parsed, Parser};
use crate::ast::Ast;
use crate::commands;
use crate::token::Kind;

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
            Some(Kind::BeginSystem) => parser.system(),
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
                | "langle"
                | "angle"
                | "triangle"
                | "sum"
                | "prod"
                | "int"
                | "lim"
        ) || MARKS.contains(&name);
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
            "angle" | "triangle" => self.figure(name),
            "sum" | "prod" | "int" | "lim" => self.operator(name),
            "ldots" => Ok(Ast::Symbol("\\ldots".to_owned())),
            "lfloor" | "lceil" => self.rounded(name),
            "lvert" => {
                self.at -= 1;
                self.between_bars("lvert")
            }
            "langle" => self.angled(),
            _ if MARKS.contains(&name) => self.marked(name),
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
        if !matches!(degree, Ast::Number(_)) {
            let exponent = Ast::Quotient(Box::new(Self::literal("1")?), Box::new(degree));
            return Ok(Ast::Power(Box::new(radicand), Box::new(exponent)));
        }
        Ok(Ast::Root(Box::new(degree), Box::new(radicand)))
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
            Some(Ast::Number(literal)) if is_group && self.is('_') && literal.value.is_int() => {
                self.based(&literal.value.to_string())
            }
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
        let body = self.set_body();
        self.bars = bars;
        let body = match body? {
            Ast::Set(mut items) if items.len() == 1 => items.remove(0),
            body => body,
        };
        if self.take_command("over") {
            let below = self.expression()?;
            self.expect('}')?;
            return Ok(Ast::Quotient(Box::new(body), Box::new(below)));
        }
        self.expect('}')?;
        match body {
            Ast::Symbol(name) => Ok(self.name(name)),
            body => Ok(body),
        }
    }

    fn set(&mut self) -> Parsed {
        self.at += 1;
        match self.kind() {
            Some(Kind::SetClose) => {
                self.at += 1;
                return Ok(Ast::Set(Vec::new()));
            }
            // A brace before rows belongs to the system; it is never closed.
            Some(Kind::Begin | Kind::BeginSystem) => {
                let system = self.system()?;
                self.at += usize::from(self.kind() == Some(&Kind::SetClose));
                return Ok(system);
            }
            _ => {}
        }
        let bars = std::mem::take(&mut self.bars);
        let body = self.set_body();
        self.bars = bars;
        let body = body?;
        if self.kind() != Some(&Kind::SetClose) {
            return Err(NotUnderstood);
        }
        self.at += 1;
        Ok(body)
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
