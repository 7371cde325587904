//! Units of measurement: names, dimensions, factors.

use std::collections::BTreeMap;
use std::fmt;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// A unit: powers of base dimensions and a factor to their base units.
#[derive(Debug, Clone)]
pub struct Unit {
    dimensions: BTreeMap<&'static str, i32>,
    /// How many base units one of it is.
    pub factor: RBig,
    /// Whether its letters stand directly behind the number, where they may be names as well: `10cm`.
    pub is_glued: bool,
}

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        self.dimensions == other.dimensions && self.factor == other.factor
    }
}

impl Unit {
    /// Returns the unit of a name, in the singular or plural.
    pub fn named(name: &str) -> Option<Self> {
        let find = |name: &str| TABLE.iter().find(|(names, ..)| names.contains(&name));
        let row = find(name)
            .or_else(|| find(name.strip_suffix("es")?).filter(|_| name.len() > 4))
            .or_else(|| find(name.strip_suffix('s')?).filter(|_| name.len() > 4));
        let (_, dimension, numerator, denominator) = row?;
        let factor = RBig::from_parts(IBig::from(*numerator), UBig::from(*denominator));
        Some(Self {
            dimensions: BTreeMap::from([(*dimension, 1)]),
            factor,
            is_glued: false,
        })
    }

    /// Returns the degree of arc.
    pub fn degree() -> Self {
        Self {
            dimensions: BTreeMap::from([("angle", 1)]),
            factor: RBig::ONE,
            is_glued: false,
        }
    }

    /// Returns whether this is the degree of arc.
    pub fn is_degree(&self) -> bool {
        *self == Self::degree()
    }

    /// Returns a power of the unit; none if it is out of all proportion.
    pub fn power(&self, exponent: i32) -> Option<Self> {
        (exponent.abs() <= 9).then(|| Self {
            dimensions: self
                .dimensions
                .iter()
                .map(|(name, power)| (*name, power * exponent))
                .collect(),
            factor: self.factor.pow(isize::try_from(exponent).unwrap_or(1)),
            is_glued: self.is_glued,
        })
    }

    /// Returns the product of two units.
    pub fn times(mut self, other: &Self) -> Self {
        for (name, power) in &other.dimensions {
            *self.dimensions.entry(name).or_default() += power;
        }
        self.dimensions.retain(|_, power| *power != 0);
        self.factor *= &other.factor;
        self
    }

    /// Returns whether values in both units can be compared.
    pub fn is_convertible(&self, other: &Self) -> bool {
        self.dimensions == other.dimensions
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let powers: Vec<String> = self
            .dimensions
            .iter()
            .map(|(name, power)| format!("{name}^{power}"))
            .collect();
        write!(out, "[{} {}]", self.factor, powers.join(" "))
    }
}

type Row = (&'static [&'static str], &'static str, u64, u64);

/// Names, dimension, and the factor as a fraction.
const TABLE: &[Row] = &[
    (&["m", "meter", "metre"], "length", 1, 1),
    (&["mm", "millimeter", "millimetre"], "length", 1, 1_000),
    (&["cm", "centimeter", "centimetre"], "length", 1, 100),
    (&["dm", "decimeter"], "length", 1, 10),
    (&["km", "kilometer", "kilometre"], "length", 1_000, 1),
    (&["nm", "nanometer"], "length", 1, 1_000_000_000),
    (&["in", "inch"], "length", 254, 10_000),
    (&["ft", "foot", "feet"], "length", 3_048, 10_000),
    (&["yd", "yard"], "length", 9_144, 10_000),
    (&["mi", "mile"], "length", 1_609_344, 1_000),
    (&["g", "gram"], "mass", 1, 1_000),
    (&["mg", "milligram"], "mass", 1, 1_000_000),
    (&["kg", "kilogram"], "mass", 1, 1),
    (&["lb", "lbs", "pound"], "pound", 1, 1),
    (&["oz", "ounce"], "ounce", 1, 1),
    (&["ton", "tonne"], "mass", 1_000, 1),
    (&["s", "sec", "second"], "time", 1, 1),
    (&["ms", "millisecond"], "time", 1, 1_000),
    (&["min", "minute"], "time", 60, 1),
    (&["h", "hr", "hrs", "hour"], "time", 3_600, 1),
    (&["day"], "time", 86_400, 1),
    (&["week"], "time", 604_800, 1),
    (&["month"], "month", 1, 1),
    (&["year", "yr"], "month", 12, 1),
    (&["L", "liter", "litre"], "volume", 1, 1),
    (&["mL", "ml", "milliliter"], "volume", 1, 1_000),
    (&["gallon", "gal"], "gallon", 1, 1),
    (&["quart"], "gallon", 1, 4),
    (&["pint"], "gallon", 1, 8),
    (&["cup"], "gallon", 1, 16),
    (&["degree", "deg"], "angle", 1, 1),
    (&["radian", "rad"], "radian", 1, 1),
    (&["dollar", "USD"], "money", 1, 1),
    (&["cent"], "money", 1, 100),
    (&["euro"], "euro", 1, 1),
    (&["yuan"], "yuan", 1, 1),
    (&["N", "newton"], "force", 1, 1),
    (&["J", "joule"], "energy", 1, 1),
    (&["kJ"], "energy", 1_000, 1),
    (&["eV"], "electronvolt", 1, 1),
    (&["W", "watt"], "power", 1, 1),
    (&["V", "volt"], "voltage", 1, 1),
    (&["A", "amp", "ampere"], "current", 1, 1),
    (&["K", "kelvin"], "kelvin", 1, 1),
    (&["Pa", "pascal"], "pressure", 1, 1),
    (&["Hz", "hertz"], "frequency", 1, 1),
    (&["mol", "mole"], "amount", 1, 1),
    (&["mph"], "speed", 1, 1),
    (&["unit"], "unit", 1, 1),
    (&["percent"], "percent", 1, 1),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn plurals_are_the_same_unit() {
        assert_eq!(Unit::named("inches"), Unit::named("inch"));
        assert_eq!(Unit::named("hours"), Unit::named("hour"));
        assert_eq!(Unit::named("as"), None);
    }

    #[test]
    fn powers_multiply_dimension_and_factor() {
        let area = Unit::named("cm").unwrap().power(2).unwrap();
        assert!(area.is_convertible(&Unit::named("m").unwrap().power(2).unwrap()));
        assert!(!area.is_convertible(&Unit::named("m").unwrap()));
        assert_eq!(area.factor, RBig::from_parts(1.into(), 10_000_u32.into()));
    }

    #[test]
    fn a_unit_over_itself_has_no_dimension() {
        let second = Unit::named("s").unwrap();
        assert!(second.clone().times(&second.power(-1).unwrap()).dimensions.is_empty());
    }
}
