//! What must hold for every input: run by the property tests, by the replay of the hostile files, and by the fuzz targets.

use twogrpo_verify::{Mode, Options, Profile, Status, Verdict, kind, verify};

/// Steps of one row.
const BUDGET: u64 = 100_000;

/// Panics unless any bytes, read as a response, are judged: within the budget, twice alike, and never as a failure.
pub fn any_bytes(bytes: &[u8]) {
    let response = String::from_utf8_lossy(bytes);
    kind(&response);
    for profile in Profile::ALL {
        for mode in [Mode::Answer, Mode::Response, Mode::Text] {
            let verdict = judged(&response, "42", profile, mode);
            assert!(verdict.reward().is_some(), "{profile:?}: {verdict:?}");
            assert!(verdict.fuel <= BUDGET, "{profile:?}: {verdict:?}");
            assert_eq!(verdict, judged(&response, "42", profile, mode), "{profile:?}");
            // Only the profile that merges boxes extracts more than one span.
            let held = verdict.span.and_then(|span| response.get(span).map(str::to_owned));
            assert!(
                held == verdict.extracted || profile == Profile::MathVerify,
                "{profile:?}"
            );
        }
    }
}

/// Panics unless two answers, the lines before and after the first line break, are judged as consistently as the rules
/// promise.
pub fn two_answers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (left, right) = text.split_once('\n').unwrap_or((&text, ""));
    for profile in Profile::ALL {
        for (pred, gold) in [(left, right), (right, left), (left, left)] {
            let verdict = judged(pred, gold, profile, Mode::Answer);
            assert!(verdict.fuel <= BUDGET, "{profile:?}: {verdict:?}");
            assert_ne!(verdict.status, Status::Error, "{profile:?}");
        }
    }
    let rewarded = judged(left, right, Profile::Rl, Mode::Answer);
    let evaluated = judged(left, right, Profile::Eval, Mode::Answer);
    let is_short = [Status::Limit, Status::Unknown].contains(&evaluated.status);
    assert!(
        !rewarded.is_correct() || evaluated.is_correct() || is_short,
        "{rewarded:?} {evaluated:?}"
    );
}

/// Returns the verdict without normal forms.
pub fn judged(pred: &str, gold: &str, profile: Profile, mode: Mode) -> Verdict {
    let options = Options {
        profile,
        mode,
        has_forms: false,
    };
    verify(pred, &[gold], options)
}
