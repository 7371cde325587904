//! Sums of products of atoms, as data.

use std::rc::Rc;

use dashu_int::ops::BitTest;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::charge::bits;
use super::shared::Shared;

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
    Symbol(Rc<str>),
    /// A function of arguments in normal form.
    Call(Rc<str>, Shared<Vec<Poly>>),
    /// A sum under an exponent that keeps it from being multiplied out.
    Sum(Shared<Poly>),
}

impl Atom {
    /// Returns the atom of a name; some names are constants.
    pub fn named(name: &str) -> Self {
        match name {
            "\\pi" => Self::Pi,
            "e" => Self::E,
            "i" => Self::I,
            _ => Self::Symbol(name.into()),
        }
    }

    /// Returns the atom of a function.
    pub fn call(name: &str, arguments: Vec<Poly>) -> Self {
        Self::Call(name.into(), Shared::arguments(arguments))
    }

    /// Returns the atom of a sum.
    pub fn sum(inner: Poly) -> Self {
        Self::Sum(Shared::sum(inner))
    }

    fn weight(&self) -> u64 {
        match self {
            Self::Integer(value) => 1 + (value.bit_len() / 64) as u64,
            Self::Pi | Self::E | Self::I | Self::Symbol(_) => 1,
            Self::Call(_, arguments) => arguments.weight().saturating_add(1),
            Self::Sum(inner) => inner.weight().saturating_add(1),
        }
    }
}

/// Atoms in order, each with its exponent, which is never zero.
pub type Monomial = Vec<(Atom, Poly)>;

/// A rational number and a sum of monomials in their order, with coefficients that are not zero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Poly {
    constant: RBig,
    terms: Vec<(Monomial, RBig)>,
}

impl Poly {
    /// Returns zero.
    pub fn zero() -> Self {
        Self::default()
    }

    /// Returns a rational number.
    pub fn constant(constant: RBig) -> Self {
        Self {
            constant,
            terms: Vec::new(),
        }
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

    /// Returns a function by itself.
    pub fn call(name: &str, arguments: Vec<Self>) -> Self {
        Self::atom(Atom::call(name, arguments))
    }

    /// Returns one term.
    pub fn term(coefficient: RBig, monomial: Monomial) -> Self {
        let mut poly = Self::zero();
        poly.add_term(monomial, coefficient);
        poly
    }

    /// Returns the sum of a number and of terms that are in order, each once and none of them zero.
    pub(super) fn of_ordered(constant: RBig, terms: Vec<(Monomial, RBig)>) -> Self {
        Self { constant, terms }
    }

    /// Returns the terms in their order, that without atoms first.
    pub fn terms(&self) -> impl Iterator<Item = (&[(Atom, Self)], &RBig)> {
        let number = (!self.constant.is_zero()).then_some((&[] as &[_], &self.constant));
        let others = self.terms.iter().map(|(atoms, value)| (atoms.as_slice(), value));
        number.into_iter().chain(others)
    }

    /// Returns the number and the terms that hold atoms.
    pub(super) fn into_parts(self) -> (RBig, Vec<(Monomial, RBig)>) {
        (self.constant, self.terms)
    }

    /// Returns the number of terms.
    pub fn len(&self) -> usize {
        self.terms.len() + usize::from(!self.constant.is_zero())
    }

    /// Returns whether this is zero.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty() && self.constant.is_zero()
    }

    /// Returns the number of parts: of terms, atoms, what is in them, and words of integers.
    pub fn weight(&self) -> u64 {
        self.terms
            .iter()
            .fold(1 + words(&self.constant), |sum, (atoms, value)| {
                sum.saturating_add(2 + words(value)).saturating_add(weight_of(atoms))
            })
    }

    /// Returns the value if this is a rational number.
    pub fn number(&self) -> Option<&RBig> {
        self.terms.is_empty().then_some(&self.constant)
    }

    /// Returns a copy of the value if this is a rational number.
    pub fn as_constant(&self) -> Option<RBig> {
        self.number().cloned()
    }

    /// Returns the value if this is an integer that fits.
    pub fn as_integer(&self) -> Option<i64> {
        let value = self.number()?;
        (*value.denominator() == UBig::ONE)
            .then(|| i64::try_from(value.numerator()).ok())
            .flatten()
    }

    /// Returns the term if there is exactly one.
    pub fn single(&self) -> Option<(&[(Atom, Self)], &RBig)> {
        match self.terms.as_slice() {
            [] if !self.constant.is_zero() => Some((&[], &self.constant)),
            [(atoms, value)] if self.constant.is_zero() => Some((atoms, value)),
            _ => None,
        }
    }

    /// Returns the coefficient of the term that comes last in the order of terms.
    pub fn leading(&self) -> Option<&RBig> {
        let number = (!self.constant.is_zero()).then_some(&self.constant);
        self.terms.last().map(|(_, value)| value).or(number)
    }

    /// Returns whether the leading coefficient is below zero.
    pub fn is_negative(&self) -> bool {
        self.leading().is_some_and(|value| *value < RBig::ZERO)
    }

    /// Returns the coefficient of the term without atoms.
    pub fn constant_term(&self) -> &RBig {
        &self.constant
    }

    /// Adds a term.
    pub fn add_term(&mut self, monomial: Monomial, coefficient: RBig) {
        if monomial.is_empty() {
            self.constant += coefficient;
            return;
        }
        match self.terms.binary_search_by(|(known, _)| known.cmp(&monomial)) {
            Ok(place) => {
                if let Some((_, value)) = self.terms.get_mut(place) {
                    *value += coefficient;
                    if value.is_zero() {
                        self.terms.remove(place);
                    }
                }
            }
            Err(place) if !coefficient.is_zero() => self.terms.insert(place, (monomial, coefficient)),
            Err(_) => {}
        }
    }

    /// Returns the sum.
    pub fn plus(mut self, other: &Self) -> Self {
        if other.terms.len() <= 1 {
            self.constant += &other.constant;
            for (monomial, coefficient) in &other.terms {
                self.add_term(monomial.clone(), coefficient.clone());
            }
            return self;
        }
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let mut rest = other.terms.iter().peekable();
        for (monomial, mut value) in self.terms {
            while let Some((lower, coefficient)) = rest.next_if(|(found, _)| *found < monomial) {
                terms.push((lower.clone(), coefficient.clone()));
            }
            if let Some((_, coefficient)) = rest.next_if(|(found, _)| *found == monomial) {
                value += coefficient;
            }
            if !value.is_zero() {
                terms.push((monomial, value));
            }
        }
        terms.extend(rest.cloned());
        Self::of_ordered(self.constant + &other.constant, terms)
    }

    /// Returns the difference.
    pub fn minus(self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    /// Returns the value with the other sign.
    pub fn negated(&self) -> Self {
        let terms = self.terms.iter().map(|(atoms, value)| (atoms.clone(), -value.clone()));
        Self::of_ordered(-self.constant.clone(), terms.collect())
    }

    /// Returns a rational multiple.
    pub fn scaled(&self, factor: &RBig) -> Self {
        if factor.is_zero() {
            return Self::zero();
        }
        let terms = self.terms.iter().map(|(atoms, value)| (atoms.clone(), value * factor));
        Self::of_ordered(&self.constant * factor, terms.collect())
    }
}

/// Returns the number of parts of a product of atoms.
pub fn weight_of(atoms: &[(Atom, Poly)]) -> u64 {
    atoms.iter().fold(0, |sum, (atom, exponent)| {
        sum.saturating_add(atom.weight()).saturating_add(exponent.weight())
    })
}

fn words(value: &RBig) -> u64 {
    (bits(value) / 64) as u64
}
