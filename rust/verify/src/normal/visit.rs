//! What stands in a normal form, at any depth.

use std::collections::BTreeSet;

use super::poly::{Atom, Poly};

impl Poly {
    /// Visits every atom at any depth with its exponent.
    pub fn each_atom(&self, visit: &mut impl FnMut(&Atom, &Self)) {
        for (atom, exponent) in self.terms().flat_map(|(atoms, _)| atoms) {
            visit(atom, exponent);
            match atom {
                Atom::Call(_, arguments) => arguments.iter().for_each(|argument| argument.each_atom(visit)),
                Atom::Sum(inner) => inner.each_atom(visit),
                _ => {}
            }
            exponent.each_atom(visit);
        }
    }

    /// Returns the names, each once, in order.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.each_atom(&mut |atom, _| {
            if let Atom::Symbol(name) = atom {
                names.insert(name.to_string());
            }
        });
        names
    }

    /// Returns whether a name stands in it.
    pub fn has_names(&self) -> bool {
        self.any_atom(&|atom, _| matches!(atom, Atom::Symbol(_)))
    }

    /// Returns whether any atom, at any depth, is one of these.
    pub fn any_atom(&self, test: &impl Fn(&Atom, &Self) -> bool) -> bool {
        self.terms().flat_map(|(atoms, _)| atoms).any(|(atom, exponent)| {
            let is_inside = match atom {
                Atom::Call(_, arguments) => arguments.iter().any(|argument| argument.any_atom(test)),
                Atom::Sum(inner) => inner.any_atom(test),
                _ => false,
            };
            is_inside || test(atom, exponent) || exponent.any_atom(test)
        })
    }
}
