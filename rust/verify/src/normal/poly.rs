//! Sums of products of atoms, as data.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// What cannot be taken apart any further.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// An integer above 1 under an exponent that is no integer, prime as far as trial division can tell.
    Integer(UBig),
    /// The circle's number.
    Pi,
    /// Euler's number.
    E,
    /// The imaginary unit.
    I,
    /// A name.
    Symbol(String),
    /// A function of arguments in normal form.
    Call(String, Vec<Poly>),
    /// A sum under an exponent that keeps it from being multiplied out.
    Sum(Poly),
}

impl Atom {
    /// Returns the atom of a name; some names are constants.
    pub fn named(name: &str) -> Self {
        match name {
            "\\pi" => Self::Pi,
            "e" => Self::E,
            "i" => Self::I,
            _ => Self::Symbol(name.to_owned()),
        }
    }
}

/// Atoms in order, each with its exponent, which is never zero.
pub type Monomial = Vec<(Atom, Poly)>;

/// A sum of monomials with coefficients, none of them zero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Poly {
    terms: BTreeMap<Monomial, RBig>,
}

impl Poly {
    /// Returns zero.
    pub fn zero() -> Self {
        Self::default()
    }

    /// Returns a rational number.
    pub fn constant(value: RBig) -> Self {
        Self::term(value, Vec::new())
    }

    /// Returns a small integer.
    pub fn integer(value: i64) -> Self {
        Self::constant(RBig::from(IBig::from(value)))
    }

    /// Returns an atom by itself.
    pub fn atom(atom: Atom) -> Self {
        Self::term(RBig::ONE, vec![(atom, Self::integer(1))])
    }

    /// Returns a name by itself.
    pub fn named(name: &str) -> Self {
        Self::atom(Atom::named(name))
    }

    /// Returns one term.
    pub fn term(coefficient: RBig, monomial: Monomial) -> Self {
        let mut poly = Self::zero();
        poly.add_term(monomial, coefficient);
        poly
    }

    /// Returns the terms in their order.
    pub fn terms(&self) -> impl Iterator<Item = (&Monomial, &RBig)> {
        self.terms.iter()
    }

    /// Returns the number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Returns whether this is zero.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns the value if this is a rational number.
    pub fn as_constant(&self) -> Option<RBig> {
        match self.single() {
            Some((monomial, value)) if monomial.is_empty() => Some(value.clone()),
            None if self.is_zero() => Some(RBig::ZERO),
            _ => None,
        }
    }

    /// Returns the value if this is an integer that fits.
    pub fn as_integer(&self) -> Option<i64> {
        let value = self.as_constant()?;
        (*value.denominator() == UBig::ONE)
            .then(|| i64::try_from(value.numerator()).ok())
            .flatten()
    }

    /// Returns the term if there is exactly one.
    pub fn single(&self) -> Option<(&Monomial, &RBig)> {
        if self.terms.len() == 1 {
            self.terms.iter().next()
        } else {
            None
        }
    }

    /// Returns the term that comes first in the order of terms.
    pub fn leading(&self) -> Option<&RBig> {
        self.terms.values().next_back()
    }

    /// Returns the coefficient of the term without atoms.
    pub fn constant_term(&self) -> RBig {
        self.terms.get(&Vec::new()).cloned().unwrap_or(RBig::ZERO)
    }

    /// Adds a term.
    pub fn add_term(&mut self, monomial: Monomial, coefficient: RBig) {
        match self.terms.entry(monomial) {
            Entry::Vacant(place) => {
                if !coefficient.is_zero() {
                    place.insert(coefficient);
                }
            }
            Entry::Occupied(mut place) => {
                *place.get_mut() += coefficient;
                if place.get().is_zero() {
                    place.remove();
                }
            }
        }
    }

    /// Returns the sum.
    pub fn plus(mut self, other: &Self) -> Self {
        for (monomial, coefficient) in &other.terms {
            self.add_term(monomial.clone(), coefficient.clone());
        }
        self
    }

    /// Returns the difference.
    pub fn minus(self, other: &Self) -> Self {
        self.plus(&other.scaled(&-RBig::ONE))
    }

    /// Returns a rational multiple; the factor is not zero.
    pub fn scaled(&self, factor: &RBig) -> Self {
        let terms = self
            .terms
            .iter()
            .map(|(monomial, value)| (monomial.clone(), value * factor));
        Self {
            terms: terms.filter(|(_, value)| !value.is_zero()).collect(),
        }
    }

    /// Visits every atom at any depth.
    pub fn each_atom(&self, visit: &mut impl FnMut(&Atom)) {
        for (atom, exponent) in self.terms.keys().flatten() {
            visit(atom);
            match atom {
                Atom::Call(_, arguments) => arguments.iter().for_each(|argument| argument.each_atom(visit)),
                Atom::Sum(inner) => inner.each_atom(visit),
                _ => {}
            }
            exponent.each_atom(visit);
        }
    }

    /// Returns whether any atom, at any depth, is one of these.
    pub fn any_atom(&self, test: &impl Fn(&Atom, &Self) -> bool) -> bool {
        self.terms.keys().flatten().any(|(atom, exponent)| {
            let is_inside = match atom {
                Atom::Call(_, arguments) => arguments.iter().any(|argument| argument.any_atom(test)),
                Atom::Sum(inner) => inner.any_atom(test),
                _ => false,
            };
            is_inside || test(atom, exponent) || exponent.any_atom(test)
        })
    }
}

impl fmt::Display for Poly {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return write!(out, "0");
        }
        for (index, (monomial, value)) in self.terms.iter().enumerate() {
            if index > 0 {
                write!(out, " + ")?;
            }
            if monomial.is_empty() || !value.is_one() {
                write!(out, "{value}")?;
            }
            for (place, (atom, exponent)) in monomial.iter().enumerate() {
                let separator = if place > 0 || !value.is_one() { "*" } else { "" };
                write!(out, "{separator}{atom}")?;
                match exponent.as_integer() {
                    Some(1) => {}
                    Some(power) if power >= 0 => write!(out, "^{power}")?,
                    _ => write!(out, "^({exponent})")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(out, "{value}"),
            Self::Pi => write!(out, "pi"),
            Self::E => write!(out, "e"),
            Self::I => write!(out, "i"),
            Self::Symbol(name) => write!(out, "{name}"),
            Self::Sum(inner) => write!(out, "({inner})"),
            Self::Call(name, arguments) => {
                let listed: Vec<String> = arguments.iter().map(ToString::to_string).collect();
                write!(out, "{name}({})", listed.join(", "))
            }
        }
    }
}
