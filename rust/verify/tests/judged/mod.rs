//! Bare answers judged under a profile, for the tests of reading and of the rules.

#![allow(dead_code)]

use twogrpo_verify::{Mode, Options, Profile, Status, verify};

pub const fn options(profile: Profile, mode: Mode) -> Options {
    Options {
        profile,
        mode,
        has_forms: false,
    }
}

pub fn status(pred: &str, gold: &str, profile: Profile) -> Status {
    verify(pred, &[gold], options(profile, Mode::Answer)).status
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
