//! Bare answers judged under a profile, for the tests of reading and of the rules.

use twogrpo_verify::{Mode, Options, Profile, Status, verify};

pub fn status(pred: &str, gold: &str, profile: Profile) -> Status {
    verify(
        pred,
        &[gold],
        Options {
            profile,
            mode: Mode::Answer,
            has_forms: false,
        },
    )
    .status
}

#[track_caller]
pub fn accepts(profile: Profile, pairs: &[(&str, &str)]) {
    for (pred, gold) in pairs {
        assert_eq!(status(pred, gold, profile), Status::Match, "{pred} against {gold}");
    }
}

#[track_caller]
pub fn refuses(profile: Profile, pairs: &[(&str, &str)]) {
    for (pred, gold) in pairs {
        let found = status(pred, gold, profile);
        assert!(
            !matches!(found, Status::Match | Status::UnparsableGold | Status::Error),
            "{pred} against {gold}: {found:?}"
        );
    }
}
