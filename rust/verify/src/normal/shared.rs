//! Parts of a normal form that many terms hold at once: cloned by reference, compared by reference first.

use std::cmp::Ordering;
use std::ops::Deref;
use std::rc::Rc;

use super::poly::Poly;

/// A value, how many parts it is made of, and no second copy of it.
#[derive(Debug, Clone)]
pub struct Shared<T>(Rc<(T, u64)>);

impl Shared<Poly> {
    /// Returns a sum to be shared.
    pub fn sum(value: Poly) -> Self {
        let weight = value.weight();
        Self(Rc::new((value, weight)))
    }
}

impl Shared<Vec<Poly>> {
    /// Returns the arguments of a function to be shared.
    pub fn arguments(values: Vec<Poly>) -> Self {
        let weight = values
            .iter()
            .fold(0, |sum: u64, value| sum.saturating_add(value.weight()));
        Self(Rc::new((values, weight)))
    }
}

impl<T> Shared<T> {
    /// Returns the number of parts, counted again wherever they are repeated.
    pub fn weight(&self) -> u64 {
        self.0.1
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || (self.weight() == other.weight() && **self == **other)
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: Ord> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Shared<T> {
    /// Compares the lighter first: most differences are seen without looking inside.
    fn cmp(&self, other: &Self) -> Ordering {
        if Rc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.weight().cmp(&other.weight()).then_with(|| (**self).cmp(&**other))
    }
}
