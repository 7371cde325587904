//! Profiles: how an answer is found and how two answers are compared, as two independent axes.

use std::str::FromStr;

use crate::extract::ExtractionRule;

/// How a candidate answer is looked for in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extraction {
    /// Only the format that was asked for.
    Strict,
    /// Everything that reads as a final answer, the best first.
    Lenient,
    /// As lenient, and boxes side by side are one list.
    Merged,
}

impl Extraction {
    /// Returns the rules in the order in which they are tried.
    pub const fn rules(self) -> &'static [ExtractionRule] {
        match self {
            Self::Strict => &[ExtractionRule::Boxed],
            Self::Lenient | Self::Merged => &ExtractionRule::ALL,
        }
    }
}

/// How strictly two answers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equality {
    /// Precision first: nothing that a trained policy could exploit.
    Rl,
    /// What a fair human reader of a model's answer accepts.
    Eval,
    /// The same value in the same form.
    Strict,
    /// The same text after white space, delimiters and spelling of commands.
    Text,
}

/// A named pair of the two axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// For rewards.
    Rl,
    /// For scoring models whose format was not trained.
    Eval,
    /// For identity tests and data sets without tolerance.
    Strict,
    /// For comparison as text.
    String,
    /// For comparability with published scores of math-verify.
    MathVerify,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] = [Self::Rl, Self::Eval, Self::Strict, Self::String, Self::MathVerify];

    /// Returns the name that users write.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rl => "rl",
            Self::Eval => "eval",
            Self::Strict => "strict",
            Self::String => "string",
            Self::MathVerify => "math_verify",
        }
    }

    /// Returns how answers are found.
    pub const fn extraction(self) -> Extraction {
        match self {
            Self::Rl | Self::Strict | Self::String => Extraction::Strict,
            Self::Eval => Extraction::Lenient,
            Self::MathVerify => Extraction::Merged,
        }
    }

    /// Returns how answers are compared.
    pub const fn equality(self) -> Equality {
        match self {
            Self::Rl => Equality::Rl,
            Self::Eval | Self::MathVerify => Equality::Eval,
            Self::Strict => Equality::Strict,
            Self::String => Equality::Text,
        }
    }

    /// Returns whether a comma may stand for a decimal point, as in `1000,99`.
    pub const fn has_decimal_commas(self) -> bool {
        matches!(self, Self::MathVerify)
    }
}

/// A name that is none of the profiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile={0:?} is unknown; use one of rl, eval, strict, string, math_verify")]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == name);
        found.ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for profile in Profile::ALL {
            assert_eq!(profile.name().parse::<Profile>().unwrap(), profile);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_all_five() {
        let message = "lenient".parse::<Profile>().unwrap_err().to_string();
        for profile in Profile::ALL {
            assert!(message.contains(profile.name()), "{message}");
        }
    }
}
