//! Which pairs are wanted.

use std::str::FromStr;

use crate::error::PairsError;

/// How pairs are chosen within a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// One decided pair a group, drawn at random; at group size 2 the only one there is.
    #[default]
    OneRandom,
    /// Every decided pair.
    All,
    /// The best rollout against the worst.
    BestWorst,
}

impl FromStr for Strategy {
    type Err = PairsError;

    fn from_str(name: &str) -> Result<Self, PairsError> {
        match name {
            "one_random" => Ok(Self::OneRandom),
            "all" => Ok(Self::All),
            "best_worst" => Ok(Self::BestWorst),
            _ => Err(PairsError::UnknownName {
                key: "pairs.strategy",
                found: name.to_owned(),
                expected: "one_random, all, best_worst",
            }),
        }
    }
}

/// What becomes of responses that were cut at the token limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CutResponses {
    /// They pair like any other.
    #[default]
    Include,
    /// They pair with nothing.
    Exclude,
    /// They are never chosen.
    OnlyRejected,
}

impl FromStr for CutResponses {
    type Err = PairsError;

    fn from_str(name: &str) -> Result<Self, PairsError> {
        match name {
            "include" => Ok(Self::Include),
            "exclude" => Ok(Self::Exclude),
            "only_rejected" => Ok(Self::OnlyRejected),
            _ => Err(PairsError::UnknownName {
                key: "pairs.cut_responses",
                found: name.to_owned(),
                expected: "include, exclude, only_rejected",
            }),
        }
    }
}

/// A request for pairs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PairSpec {
    /// How pairs are chosen within a group.
    pub strategy: Strategy,
    /// Rewards of a pair differ by more than this, at least 0: ties never pair.
    pub margin: f64,
    /// Most pairs of one prompt over all its groups; by default 4 where groups have more than two members.
    pub max_per_prompt: Option<usize>,
    /// Most pairs that one rollout stands in.
    pub max_per_rollout: Option<usize>,
    /// What becomes of cut responses.
    pub cut_responses: CutResponses,
    /// Longer response over shorter one, at most.
    pub length_ratio_max: Option<f64>,
    /// Seed of every random choice and of the order.
    pub seed: u64,
}

impl PairSpec {
    /// Checks the ranges of the numbers.
    pub fn validate(&self) -> Result<(), PairsError> {
        let out_of_range = |key, found: String, expected| Err(PairsError::OutOfRange { key, found, expected });
        if !(self.margin.is_finite() && self.margin >= 0.0) {
            return out_of_range("pairs.margin", self.margin.to_string(), "a finite number of at least 0");
        }
        for (key, limit) in [
            ("pairs.max_per_prompt", self.max_per_prompt),
            ("pairs.max_per_rollout", self.max_per_rollout),
        ] {
            if limit == Some(0) {
                return out_of_range(key, "0".to_owned(), "at least 1");
            }
        }
        match self.length_ratio_max {
            Some(ratio) if !(ratio.is_finite() && ratio >= 1.0) => out_of_range(
                "pairs.length_ratio_max",
                ratio.to_string(),
                "a finite number of at least 1",
            ),
            _ => Ok(()),
        }
    }
}
