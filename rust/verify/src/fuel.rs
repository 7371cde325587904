//! The step budget of one row: charged before the work is done, so that a verdict is the same on every machine.

use crate::limits;

/// The budget, or a hard limit, is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

/// Steps left and steps spent.
#[derive(Debug)]
pub struct Fuel {
    budget: u64,
    spent: u64,
}

impl Default for Fuel {
    fn default() -> Self {
        Self::with_budget(limits::FUEL)
    }
}

impl Fuel {
    /// Returns a tank of so many steps.
    pub const fn with_budget(budget: u64) -> Self {
        Self { budget, spent: 0 }
    }

    /// Charges some steps for the work that follows.
    pub const fn spend(&mut self, steps: u64) -> Result<(), Exhausted> {
        match self.spent.checked_add(steps) {
            Some(spent) if spent <= self.budget => {
                self.spent = spent;
                Ok(())
            }
            _ => Err(Exhausted),
        }
    }

    /// Returns the steps spent.
    pub const fn spent(&self) -> u64 {
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_charge_costs_nothing() {
        let mut fuel = Fuel::with_budget(10);
        assert_eq!(fuel.spend(8), Ok(()));
        assert_eq!(fuel.spend(3), Err(Exhausted));
        assert_eq!(fuel.spend(2), Ok(()));
        assert_eq!(fuel.spent(), 10);
    }

    #[test]
    fn an_overflowing_charge_is_refused() {
        let mut fuel = Fuel::default();
        assert_eq!(fuel.spend(1), Ok(()));
        assert_eq!(fuel.spend(u64::MAX), Err(Exhausted));
    }
}
