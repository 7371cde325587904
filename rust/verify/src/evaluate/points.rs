//! Values for the names of an expression, chosen by a hash, so that no answer can be fitted to them beforehand.

use std::collections::{BTreeMap, BTreeSet};

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use crate::normal::{Atom, Poly};

/// Most names of an expression that is evaluated.
const NAMES: usize = 12;
/// Values are multiples of one over this prime, between 1/4 and 5/2.
const GRAIN: u64 = 65_521;

/// One value for each name: real part and imaginary part.
pub type Point = BTreeMap<String, (RBig, RBig)>;

/// What the real and the imaginary part of a point look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Positive,
    Negative,
    Complex,
    Mixed,
}

/// The points at which a difference is evaluated.
pub struct Points {
    names: Vec<String>,
    seed: u64,
}

impl Points {
    /// Returns the points of an expression; none if it has too many names.
    pub fn of(difference: &Poly) -> Option<Self> {
        let mut names = BTreeSet::new();
        difference.each_atom(&mut |atom| {
            match atom {
                Atom::Symbol(name) => names.insert(name.clone()),
                // What a plain `log` leaves open is a name like any other.
                Atom::Call(name, arguments) if arguments.is_empty() => names.insert(name.clone()),
                _ => false,
            };
        });
        let names: Vec<String> = names.into_iter().collect();
        let seed = hash(difference.to_string().as_bytes());
        (names.len() <= NAMES).then_some(Self { names, seed })
    }

    /// Returns the points: a single one without values where there are no names.
    pub fn each(&self) -> impl Iterator<Item = Point> + '_ {
        const KINDS: [Kind; 4] = [Kind::Positive, Kind::Negative, Kind::Complex, Kind::Mixed];
        let count = if self.names.is_empty() { 1 } else { KINDS.len() };
        KINDS
            .into_iter()
            .take(count)
            .enumerate()
            .map(|(place, kind)| self.point(place, kind))
    }

    fn point(&self, place: usize, kind: Kind) -> Point {
        let values = self.names.iter().enumerate().map(|(index, name)| {
            let draw = |part: u64| {
                let words = [self.seed, place as u64, index as u64, part];
                hash(&words.map(u64::to_le_bytes).concat())
            };
            let is_negative = kind == Kind::Negative || (kind == Kind::Mixed && (draw(2) % 2 == 0) == (index % 2 == 0));
            let height = if kind == Kind::Complex {
                fraction(draw(1), draw(3) % 2 == 0)
            } else {
                RBig::ZERO
            };
            (name.clone(), (fraction(draw(0), is_negative), height))
        });
        values.collect()
    }
}

fn fraction(draw: u64, is_negative: bool) -> RBig {
    let over = IBig::from(GRAIN / 4 + draw % (GRAIN * 9 / 4));
    RBig::from_parts(if is_negative { -over } else { over }, UBig::from(GRAIN))
}

/// Returns FNV-1a with a final mix: small, fixed for ever, and spread well enough to choose points.
fn hash(bytes: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    state ^= state >> 32;
    state = state.wrapping_mul(0xd6e8_feb8_6659_fd93);
    state ^ (state >> 32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn points(poly: &Poly) -> Vec<Point> {
        Points::of(poly).unwrap().each().collect()
    }

    #[test]
    fn a_constant_has_one_point() {
        assert_eq!(points(&Poly::named("\\pi")), vec![Point::new()]);
    }

    #[test]
    fn names_take_positive_negative_and_complex_values() {
        let found = points(&Poly::named("x"));
        assert_eq!(found.len(), 4);
        assert!(found[0]["x"].0 > RBig::ZERO);
        assert!(found[1]["x"].0 < RBig::ZERO);
        assert!(found[2]["x"].1 != RBig::ZERO);
    }

    #[test]
    fn another_expression_has_other_points() {
        let (x, more) = (Poly::named("x"), Poly::named("x").plus(&Poly::integer(1)));
        assert_ne!(points(&x), points(&more));
        assert_eq!(points(&x), points(&x));
    }
}
