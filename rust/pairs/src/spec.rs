//! Which pairs are wanted.

use std::str::FromStr;

use crate::error::PairsError;

/// How a pair is chosen among those that the request allows; ties are broken by a hash of seed and pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// One drawn at random; at group size 2 the only one there is.
    #[default]
    OneRandom,
    /// Every one.
    All,
    /// The widest margin, and of equal ones that with the best chosen rollout.
    BestWorst,
    /// The best chosen rollout against one drawn at random.
    BestRandom,
    /// The best chosen rollout against the one whose reward is nearest to two standard deviations below the mean.
    SweetSpot,
    /// The smallest margin.
    Hardest,
    /// The smallest difference of lengths.
    NearestLength,
}

impl Strategy {
    const NAMED: [(&'static str, Self); 7] = [
        ("one_random", Self::OneRandom),
        ("all", Self::All),
        ("best_worst", Self::BestWorst),
        ("best_random", Self::BestRandom),
        ("sweet_spot", Self::SweetSpot),
        ("hardest", Self::Hardest),
        ("nearest_length", Self::NearestLength),
    ];
}

impl FromStr for Strategy {
    type Err = PairsError;

    fn from_str(name: &str) -> Result<Self, PairsError> {
        named("pairs.strategy", &Self::NAMED, name)
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

impl CutResponses {
    const NAMED: [(&'static str, Self); 3] = [
        ("include", Self::Include),
        ("exclude", Self::Exclude),
        ("only_rejected", Self::OnlyRejected),
    ];
}

impl FromStr for CutResponses {
    type Err = PairsError;

    fn from_str(name: &str) -> Result<Self, PairsError> {
        named("pairs.cut_responses", &Self::NAMED, name)
    }
}

fn named<T: Copy>(key: &'static str, names: &[(&'static str, T)], found: &str) -> Result<T, PairsError> {
    let option = names.iter().find(|(name, _)| *name == found);
    option.map(|(_, value)| *value).ok_or_else(|| {
        let expected: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        PairsError::UnknownName {
            key,
            found: found.to_owned(),
            expected: expected.join(", "),
        }
    })
}

/// A request for pairs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PairSpec {
    /// How pairs are chosen within a group.
    pub strategy: Strategy,
    /// Rewards of a pair differ by more than this, at least 0: ties never pair.
    pub margin: f64,
    /// Whether a rollout may pair with those of earlier draws of its prompt.
    pub cross_step: bool,
    /// Most policy versions between the two rollouts of a pair; unknown ones then never pair.
    pub max_staleness: Option<u32>,
    /// Whether both rollouts of a pair are of one model; unknown ones then never pair.
    pub same_model: bool,
    /// Whether responses of equal token ids count once.
    pub dedupe: bool,
    /// Most pairs of one prompt over all its groups; by default 4 where groups have more than two members, and for all
    /// pairs across steps.
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
