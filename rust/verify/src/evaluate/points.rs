//! Values for the names of an expression, chosen by a hash, so that no answer can be fitted to them beforehand.

use std::collections::{BTreeMap, BTreeSet};

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use crate::normal::{Atom, Poly};

/// Most names of an expression that is evaluated.
const NAMES: usize = 12;
/// Values are multiples of one over this prime, between 1/4 and 5/2.
const GRAIN: u64 = 65_521;

/// Largest integer that stands for a name.
const LARGEST: u64 = 12;

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
    names: Vec<Name>,
    is_real: bool,
    seed: u64,
}

/// A name and whether it stands for an integer.
struct Name {
    name: String,
    is_integer: bool,
}

impl Points {
    /// Returns the points of an expression; none if it has too many names.
    ///
    /// Names in a factorial stand for positive integers. Where an absolute value or an integer part is taken, all
    /// names are real.
    pub fn of(difference: &Poly) -> Option<Self> {
        let (mut names, mut counts, mut is_real) = (BTreeSet::new(), BTreeSet::new(), false);
        difference.each_atom(&mut |atom, _| match atom {
            Atom::Symbol(name) => {
                names.insert(name.to_string());
            }
            Atom::Call(name, arguments) => match &**name {
                // A function without arguments is a name like any other.
                name if arguments.is_empty() => {
                    names.insert(name.to_owned());
                }
                "factorial" | "double factorial" | "binom" => {
                    counts.extend(arguments.iter().flat_map(Poly::names));
                }
                "abs" | "floor" => is_real = true,
                _ => {}
            },
            _ => {}
        });
        let seed = hash(difference.to_string().as_bytes());
        let is_integer = |name: &String| counts.contains(name);
        let names: Vec<Name> = names
            .into_iter()
            .map(|name| Name {
                is_integer: is_integer(&name),
                name,
            })
            .collect();
        (names.len() <= NAMES).then_some(Self { names, is_real, seed })
    }

    /// Returns the points: a single one without values where there are no names.
    pub fn each(&self) -> impl Iterator<Item = Point> + '_ {
        const KINDS: [Kind; 4] = [Kind::Positive, Kind::Negative, Kind::Complex, Kind::Mixed];
        let count = if self.names.is_empty() { 1 } else { KINDS.len() };
        KINDS.into_iter().take(count).enumerate().map(|(place, kind)| {
            let is_complex = kind == Kind::Complex && !self.is_real;
            self.point(
                place,
                if is_complex || kind != Kind::Complex {
                    kind
                } else {
                    Kind::Mixed
                },
            )
        })
    }

    fn point(&self, place: usize, kind: Kind) -> Point {
        let values = self.names.iter().enumerate().map(|(index, name)| {
            let draw = |part: u64| {
                let words = [self.seed, place as u64, index as u64, part];
                hash(&words.map(u64::to_le_bytes).concat())
            };
            let value = if name.is_integer {
                (RBig::from(UBig::from(1 + draw(0) % LARGEST)), RBig::ZERO)
            } else {
                drawn(kind, index, draw)
            };
            (name.name.clone(), value)
        });
        values.collect()
    }
}

/// Returns a value of one kind: its real and its imaginary part.
fn drawn(kind: Kind, index: usize, draw: impl Fn(u64) -> u64) -> (RBig, RBig) {
    let is_negative =
        kind == Kind::Negative || (kind == Kind::Mixed && draw(2).is_multiple_of(2) == index.is_multiple_of(2));
    let height = if kind == Kind::Complex {
        fraction(draw(1), draw(3).is_multiple_of(2))
    } else {
        RBig::ZERO
    };
    (fraction(draw(0), is_negative), height)
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
