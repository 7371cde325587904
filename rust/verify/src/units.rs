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
    /// Returns the unit of a name, in the singular or plural, with a prefix or without.
    pub fn named(name: &str) -> Option<Self> {
        Self::singular(name)
            .or_else(|| Self::singular(name.strip_suffix("es")?).filter(|_| name.len() > 4))
            .or_else(|| Self::singular(name.strip_suffix('s')?).filter(|_| name.len() > 4))
    }

    fn singular(name: &str) -> Option<Self> {
        if let Some(row) = TABLE.iter().find(|(names, ..)| names.contains(&name)) {
            return Some(Self::of(row, 0));
        }
        PREFIXES.iter().find_map(|(letter, word, exponent)| {
            let (after_letter, after_word) = (name.strip_prefix(letter), name.strip_prefix(word));
            if after_letter.is_none() && after_word.is_none() {
                return None;
            }
            let takes = |(names, .., prefixes): &&Row| {
                let short = names.first().copied();
                *prefixes == Metric
                    && (after_letter.is_some_and(|rest| short == Some(rest))
                        || after_word.is_some_and(|rest| names.contains(&rest) && short != Some(rest)))
            };
            Some(Self::of(TABLE.iter().find(takes)?, *exponent))
        })
    }

    /// Returns the unit of a row under a prefix.
    fn of((_, dimensions, numerator, denominator, _): &Row, exponent: i32) -> Self {
        let ten = UBig::from(10_u8).pow(usize::try_from(exponent.unsigned_abs()).unwrap_or(0));
        let (over, under) = (UBig::from(*numerator), UBig::from(*denominator));
        let (over, under) = if exponent < 0 {
            (over, under * ten)
        } else {
            (over * ten, under)
        };
        Self {
            dimensions: dimensions.iter().copied().collect(),
            factor: RBig::from_parts(IBig::from(over), under),
            is_glued: false,
        }
    }

    /// Returns the degree of arc.
    pub fn degree() -> Self {
        Self {
            dimensions: BTreeMap::from([("angle", 1)]),
            factor: RBig::ONE,
            is_glued: false,
        }
    }

    /// Returns the second that times of day are counted in; no stretch of time equals one.
    pub fn time_of_day() -> Self {
        Self {
            dimensions: BTreeMap::from([("time of day", 1)]),
            ..Self::degree()
        }
    }

    /// Returns whether this is the second that times of day are counted in.
    pub fn is_time_of_day(&self) -> bool {
        self.dimensions.contains_key("time of day")
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

    /// Returns whether this is a smaller unit of the same dimensions.
    pub fn is_part_of(&self, other: &Self) -> bool {
        self.is_convertible(other) && self.factor < other.factor
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

/// Dimension by dimension, the power of each: length, mass, time and what else has a unit of its own.
type Dimensions = &'static [(&'static str, i32)];

/// A row: names, dimensions, the factor to base units as a fraction, and the prefixes that its names take.
type Row = (&'static [&'static str], Dimensions, u64, u64, Prefixes);

/// Which prefixes the names of a unit take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefixes {
    /// None.
    No,
    /// The first name takes letters (`km`), the others words (`kilometer`).
    Metric,
}

/// Prefix as a letter and as a word, and the power of ten that it stands for.
const PREFIXES: &[(&str, &str, i32)] = &[
    ("T", "tera", 12),
    ("G", "giga", 9),
    ("M", "mega", 6),
    ("k", "kilo", 3),
    ("d", "deci", -1),
    ("c", "centi", -2),
    ("m", "milli", -3),
    ("\u{3bc}", "micro", -6),
    ("n", "nano", -9),
    ("p", "pico", -12),
    ("f", "femto", -15),
];

const LENGTH: Dimensions = &[("length", 1)];
const VOLUME: Dimensions = &[("length", 3)];
const MASS: Dimensions = &[("mass", 1)];
const TIME: Dimensions = &[("time", 1)];
const MONTH: Dimensions = &[("month", 1)];
const POUND: Dimensions = &[("pound", 1)];
const ENERGY: Dimensions = &[("mass", 1), ("length", 2), ("time", -2)];
const POWER: Dimensions = &[("mass", 1), ("length", 2), ("time", -3)];
const PRESSURE: Dimensions = &[("mass", 1), ("length", -1), ("time", -2)];
const CHARGE: Dimensions = &[("current", 1), ("time", 1)];
const ANGLE: Dimensions = &[("angle", 1)];

use Prefixes::{Metric, No};

/// The units. A new one is one more row here.
const TABLE: &[Row] = &[
    (&["m", "meter", "metre"], LENGTH, 1, 1, Metric),
    (&["in", "inch"], LENGTH, 254, 10_000, No),
    (&["ft", "foot", "feet"], LENGTH, 3_048, 10_000, No),
    (&["yd", "yard"], LENGTH, 9_144, 10_000, No),
    (&["mi", "mile"], LENGTH, 1_609_344, 1_000, No),
    (&["angstrom", "\u{c5}"], LENGTH, 1, 10_000_000_000, No),
    (&["g", "gram", "gramme"], MASS, 1, 1_000, Metric),
    (&["ton", "tonne"], MASS, 1_000, 1, No),
    (&["lb", "lbs", "pound"], POUND, 1, 1, No),
    (&["oz", "ounce"], &[("ounce", 1)], 1, 1, No),
    (&["s", "second"], TIME, 1, 1, Metric),
    (&["sec"], TIME, 1, 1, No),
    (&["min", "minute"], TIME, 60, 1, No),
    (&["h", "hr", "hrs", "hour"], TIME, 3_600, 1, No),
    (&["day"], TIME, 86_400, 1, No),
    (&["week"], TIME, 604_800, 1, No),
    (&["month"], MONTH, 1, 1, No),
    (&["year", "yr"], MONTH, 12, 1, No),
    (&["L", "liter", "litre"], VOLUME, 1, 1_000, Metric),
    (&["l"], VOLUME, 1, 1_000, Metric),
    (&["cc"], VOLUME, 1, 1_000_000, No),
    (&["gallon", "gal"], &[("gallon", 1)], 1, 1, No),
    (&["quart", "qt"], &[("gallon", 1)], 1, 4, No),
    (&["pint"], &[("gallon", 1)], 1, 8, No),
    (&["cup"], &[("gallon", 1)], 1, 16, No),
    (&["degree", "deg"], ANGLE, 1, 1, No),
    (&["arcminute", "arcmin"], ANGLE, 1, 60, No),
    (&["arcsecond", "arcsec"], ANGLE, 1, 3_600, No),
    (&["rad", "radian"], &[("radian", 1)], 1, 1, Metric),
    (&["celsius", "Celsius"], &[("celsius", 1)], 1, 1, No),
    (&["fahrenheit", "Fahrenheit"], &[("fahrenheit", 1)], 1, 1, No),
    (&["K", "kelvin", "Kelvin"], &[("kelvin", 1)], 1, 1, Metric),
    (&["dollar", "USD"], &[("money", 1)], 1, 1, No),
    (&["cent"], &[("money", 1)], 1, 100, No),
    (&["euro"], &[("euro", 1)], 1, 1, No),
    (&["yuan"], &[("yuan", 1)], 1, 1, No),
    (&["ruble", "rouble"], &[("ruble", 1)], 1, 1, No),
    (&["rupee", "Rs"], &[("rupee", 1)], 1, 1, No),
    (
        &["N", "newton", "Newton"],
        &[("mass", 1), ("length", 1), ("time", -2)],
        1,
        1,
        Metric,
    ),
    (&["J", "joule", "Joule"], ENERGY, 1, 1, Metric),
    (&["cal", "calorie"], ENERGY, 4_184, 1_000, Metric),
    (&["Wh"], ENERGY, 3_600, 1, Metric),
    (&["eV", "electronvolt"], &[("electronvolt", 1)], 1, 1, Metric),
    (&["W", "watt", "Watt"], POWER, 1, 1, Metric),
    (&["Pa", "pascal", "Pascal"], PRESSURE, 1, 1, Metric),
    (&["bar"], PRESSURE, 100_000, 1, Metric),
    (&["atm", "atmosphere"], PRESSURE, 101_325, 1, No),
    (&["V", "volt", "Volt"], &[("voltage", 1)], 1, 1, Metric),
    (&["A", "ampere", "amp", "Ampere"], &[("current", 1)], 1, 1, Metric),
    (&["C", "coulomb", "Coulomb"], CHARGE, 1, 1, Metric),
    (&["F", "farad"], &[("capacitance", 1)], 1, 1, Metric),
    (&["T", "tesla", "Tesla"], &[("magnetic", 1)], 1, 1, Metric),
    (&["ohm", "Ohm"], &[("resistance", 1)], 1, 1, Metric),
    (&["Hz", "hertz", "Hertz"], &[("time", -1)], 1, 1, Metric),
    (&["mol", "mole"], &[("amount", 1)], 1, 1, Metric),
    (&["M", "molar"], &[("amount", 1), ("length", -3)], 1_000, 1, Metric),
    (&["mph"], &[("length", 1), ("time", -1)], 1_609_344, 3_600_000, No),
    (&["kph", "kmh"], &[("length", 1), ("time", -1)], 1_000, 3_600, No),
    (&["ppm"], &[("ppm", 1)], 1, 1, No),
    (&["dB", "decibel"], &[("decibel", 1)], 1, 1, No),
    (&["unit"], &[("unit", 1)], 1, 1, No),
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
