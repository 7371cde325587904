//! Sums, products and powers.

use super::{NotUnderstood, Parsed, Parser};
use crate::ast::Ast;
use crate::token::Kind;

/// Most signs behind one operand. Each makes the tree one level deeper, as does each division.
const POSTFIXES: usize = 16;
/// Most divisions in one product.
const DIVISIONS: usize = 64;

/// How a factor joins the product before it.
enum Join {
    Times,
    Over,
    Beside,
}

impl Parser {
    /// Reads a sum.
    pub(super) fn expression(&mut self) -> Parsed {
        self.nested(|parser| {
            let mut terms = vec![parser.signed_term()?];
            while parser.is_sign() {
                terms.push(parser.signed_term()?);
            }
            Ok(match terms.pop() {
                Some(only) if terms.is_empty() => only,
                last => {
                    terms.extend(last);
                    Ast::Sum(terms)
                }
            })
        })
    }

    fn is_sign(&self) -> bool {
        matches!(self.kind(), Some(Kind::Mark('+' | '-') | Kind::Command("pm" | "mp")))
    }

    fn signed_term(&mut self) -> Parsed {
        let mut signs = Vec::new();
        while self.is_sign() {
            signs.extend(self.kind().cloned());
            self.at += 1;
        }
        if signs.len() > 2 {
            return Err(NotUnderstood);
        }
        let mut term = self.term()?;
        for sign in signs.iter().rev() {
            term = match sign {
                Kind::Mark('-') => Ast::Neg(Box::new(term)),
                Kind::Command("pm") => Ast::PlusMinus(Box::new(term), false),
                Kind::Command("mp") => Ast::PlusMinus(Box::new(term), true),
                _ => term,
            };
        }
        Ok(term)
    }

    /// Reads a product; division binds the factor that follows, from left to right.
    pub(super) fn term(&mut self) -> Parsed {
        let mut product = vec![self.factor()?];
        let mut divisions = 0;
        while let Some(join) = self.join(product.last()) {
            let factor = if matches!(join, Join::Beside) {
                self.factor()?
            } else {
                self.signed_factor()?
            };
            // `(n \ge 1)` behind a value says where it holds.
            if matches!((&join, &factor), (Join::Beside, Ast::Chain(..))) {
                self.has_words = true;
                continue;
            }
            match join {
                Join::Over if divisions >= DIVISIONS => return Err(NotUnderstood),
                Join::Over => {
                    divisions += 1;
                    product = vec![Ast::Quotient(Box::new(product_of(product)), Box::new(factor))];
                }
                Join::Times | Join::Beside => product.push(factor),
            }
        }
        Ok(product_of(product))
    }

    fn join(&mut self, last: Option<&Ast>) -> Option<Join> {
        let join = match self.kind()? {
            Kind::Mark('*') | Kind::Command("cdot") => Join::Times,
            Kind::Mark('/') if self.is_rate_here() => return None,
            Kind::Mark('/') | Kind::Command("div") => Join::Over,
            // Two numbers side by side are no product.
            Kind::Number(_) | Kind::Repeating(..) if matches!(last, Some(Ast::Number(_))) => return None,
            _ if self.starts_factor() => return Some(Join::Beside),
            _ => return None,
        };
        self.at += 1;
        Some(join)
    }

    /// Returns whether a factor may start here; units, words and closing marks do not.
    pub(super) fn starts_factor(&self) -> bool {
        match self.kind() {
            // `(mod 4)` belongs to the congruence before it.
            Some(Kind::Mark('(')) if matches!(self.kind_at(1), Some(Kind::Word(word) | Kind::Text(word)) if word == "mod") => {
                false
            }
            Some(Kind::Number(_) | Kind::Repeating(..) | Kind::SetOpen | Kind::Begin | Kind::Mark('(' | '[' | '{')) => {
                true
            }
            Some(Kind::Mark('|') | Kind::Command("lvert")) => self.bars == 0,
            Some(Kind::Word(word)) => self.is_variable(word) && !self.is_unit_here(),
            Some(Kind::Text(word)) => word.chars().count() == 1 && !self.is_unit_here(),
            Some(Kind::Command(name)) => Self::starts_operand(name),
            _ => false,
        }
    }

    /// Reads a factor that may carry a sign of its own, as in `3 \cdot -2`.
    fn signed_factor(&mut self) -> Parsed {
        if self.take('-') {
            return Ok(Ast::Neg(Box::new(self.factor()?)));
        }
        self.take('+');
        self.factor()
    }

    /// Reads an operand with its exponents, factorials, percent and degree signs.
    pub(super) fn factor(&mut self) -> Parsed {
        let mut operand = self.operand()?;
        for _ in 0..POSTFIXES {
            operand = match self.kind() {
                Some(Kind::Mark('^')) => self.power(operand)?,
                Some(Kind::Mark('!')) if !self.kind_at(1).is_some_and(|next| next.is('=')) => {
                    self.at += 1;
                    Ast::Call("factorial".to_owned(), vec![operand])
                }
                Some(Kind::Mark('%')) => {
                    self.at += 1;
                    Ast::Percent(Box::new(operand))
                }
                Some(Kind::Command("circ")) => {
                    self.at += 1;
                    self.degrees(operand)
                }
                Some(Kind::Text(word) | Kind::Word(word)) if matches!(word.as_str(), "percent" | "pct") => {
                    self.at += 1;
                    Ast::Percent(Box::new(operand))
                }
                Some(Kind::Mark('\'' | '"')) if matches!(operand, Ast::Number(_)) => self.small_angle(operand),
                _ => return Ok(operand),
            };
        }
        Err(NotUnderstood)
    }

    fn power(&mut self, base: Ast) -> Parsed {
        self.at += 1;
        if self.take_degree() {
            return Ok(self.degrees(base));
        }
        if matches!(base, Ast::Number(_)) && self.primes_ahead() > 0 {
            self.at -= 1;
            return Ok(self.small_angle(base));
        }
        if let Some(mark) = self.starred() {
            return Ok(Ast::Power(Box::new(base), Box::new(Ast::Symbol(mark.to_string()))));
        }
        if self.take_empty_group() {
            return Ok(base);
        }
        let mut exponent = self.argument(false)?;
        if self.is('^') {
            exponent = self.nested(|parser| parser.power(exponent))?;
        }
        Ok(Ast::Power(Box::new(base), Box::new(exponent)))
    }

    /// Takes `*`, `+` or `-` alone in an exponent, as in `T^*` and `\mathbb{Z}^{+}`.
    fn starred(&mut self) -> Option<char> {
        let marks = ['*', '+', '-'];
        let found = |kind: Option<&Kind>| marks.into_iter().find(|mark| kind.is_some_and(|kind| kind.is(*mark)));
        if self.is('{') && self.kind_at(2).is_some_and(|kind| kind.is('}')) {
            let mark = found(self.kind_at(1))?;
            self.at += 3;
            return Some(mark);
        }
        let mark = if self.is('*') || self.is_command("cdot") {
            '*'
        } else {
            return None;
        };
        self.at += 1;
        Some(mark)
    }

    fn take_degree(&mut self) -> bool {
        let is_braced = self.is('{') && self.kind_at(2).is_some_and(|kind| kind.is('}'));
        let mark = if is_braced { self.kind_at(1) } else { self.kind() };
        let is_degree = mark.is_some_and(|kind| kind.is_command("circ"));
        self.at += if is_degree { if is_braced { 3 } else { 1 } } else { 0 };
        is_degree
    }

    fn take_empty_group(&mut self) -> bool {
        let is_empty = self.is('{') && self.kind_at(1).is_some_and(|kind| kind.is('}'));
        self.at += if is_empty { 2 } else { 0 };
        is_empty
    }
}

fn product_of(mut factors: Vec<Ast>) -> Ast {
    match factors.pop() {
        Some(only) if factors.is_empty() => only,
        last => {
            factors.extend(last);
            Ast::Product(factors)
        }
    }
}
