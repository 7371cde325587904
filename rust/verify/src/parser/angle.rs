//! Degrees with minutes and seconds, minutes and seconds alone, and scales of temperature.

use super::Parser;
use crate::ast::{Ast, Literal};
use crate::token::Kind;
use crate::units::Unit;

impl Parser {
    /// Returns degrees with the minutes and seconds, or the scale of temperature, that follow.
    pub(super) fn degrees(&mut self, mut value: Ast) -> Ast {
        let scale = match self.kind() {
            Some(Kind::Word(scale) | Kind::Text(scale)) => match scale.as_str() {
                "C" => Unit::named("celsius"),
                "F" => Unit::named("fahrenheit"),
                _ => None,
            },
            _ => None,
        };
        if let Some(scale) = scale {
            self.at += 1;
            return Ast::Unit(Box::new(value), scale);
        }
        for width in [1, 2] {
            let Some(Kind::Number(digits)) = self.kind().cloned() else {
                break;
            };
            self.at += 1;
            let literal = Self::literal(&digits);
            if self.primes() != width {
                self.at -= 1;
                break;
            }
            self.take_primes();
            let Ok(Ast::Number(literal)) = literal else { break };
            let parts = dashu_ratio::RBig::from(if width == 1 { 60_u16 } else { 3_600 });
            let part = Ast::Number(Literal {
                value: literal.value / parts,
                decimals: 0,
                significant: 0,
            });
            value = Ast::Mixed(Box::new(value), Box::new(part));
        }
        Ast::Unit(Box::new(value), Unit::degree())
    }

    /// Reads a number with primes as minutes or seconds of arc.
    pub(super) fn small_angle(&mut self, value: Ast) -> Ast {
        let name = if self.primes() == 1 { "arcminute" } else { "arcsecond" };
        self.take_primes();
        match Unit::named(name) {
            Some(unit) => Ast::Unit(Box::new(value), unit),
            None => value,
        }
    }

    /// Returns how many primes come next, as marks or in an exponent.
    fn primes(&self) -> usize {
        match self.kind() {
            Some(Kind::Mark('"')) => 2,
            Some(Kind::Mark('\'')) => 1 + usize::from(self.kind_at(1).is_some_and(|kind| kind.is('\''))),
            Some(Kind::Mark('^')) => self.primes_from(1),
            _ => 0,
        }
    }

    /// Returns how many primes stand in the exponent whose mark was taken.
    pub(super) fn primes_ahead(&self) -> usize {
        self.primes_from(0)
    }

    fn primes_from(&self, ahead: usize) -> usize {
        let is_braced = self.kind_at(ahead).is_some_and(|kind| kind.is('{'));
        let from = ahead + usize::from(is_braced);
        let is_prime = |ahead: usize| self.kind_at(ahead).is_some_and(|kind| kind.is_command("prime"));
        let count = (0..2).take_while(|step| is_prime(from + step)).count();
        let is_closed = !is_braced || self.kind_at(from + count).is_some_and(|kind| kind.is('}'));
        if is_closed { count } else { 0 }
    }

    fn take_primes(&mut self) {
        let count = self.primes();
        self.at += match self.kind() {
            Some(Kind::Mark('^')) => 1 + count + 2 * usize::from(self.kind_at(1).is_some_and(|kind| kind.is('{'))),
            Some(Kind::Mark('"')) => 1,
            _ => count,
        };
    }
}
