//! Every hostile answer of the folder beside this file is refused or judged within the budget; its README says how.
#![allow(clippy::unwrap_used)]

mod laws;

use std::fs;
use std::path::{Path, PathBuf};

use laws::{any_bytes, judged, two_answers};
use twogrpo_verify::{Mode, Profile, Status};

/// One hostile file: its first line is the gold answer, the rest the answer.
struct Attack {
    path: PathBuf,
    gold: String,
    answer: String,
}

fn attacks() -> Vec<Attack> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let (gold, answer) = text.split_once('\n').unwrap();
            Attack {
                gold: gold.to_owned(),
                answer: answer.to_owned(),
                path,
            }
        })
        .collect()
}

#[test]
fn the_folder_is_there() {
    assert!(attacks().len() > 100);
}

#[test]
fn every_attack_ends_within_the_budget() {
    for attack in attacks() {
        two_answers(format!("{}\n{}", attack.answer, attack.gold).as_bytes());
    }
}

#[test]
fn every_attack_is_judged_as_a_response() {
    for attack in attacks() {
        any_bytes(format!("So it is $\\boxed{{{}}}$.", attack.answer).as_bytes());
    }
}

#[test]
fn no_attack_on_forty_two_earns_a_reward() {
    for attack in attacks().into_iter().filter(|attack| attack.gold == "42") {
        let verdict = judged(&attack.answer, &attack.gold, Profile::Rl, Mode::Answer);
        let is_allowed = verdict.reward() == Some(0.0) || is_really_forty_two(&attack.answer);
        assert!(is_allowed, "{}: {verdict:?}", attack.path.display());
    }
}

/// Returns whether nothing but white space stands around the right answer.
fn is_really_forty_two(answer: &str) -> bool {
    answer.replace('\u{200b}', "").trim() == "42"
}

#[test]
fn a_million_characters_of_anything_are_read_once() {
    for piece in [
        "\\boxed{",
        "$",
        "<think>",
        "answer is ",
        "}{",
        "(A)",
        "#### ",
        "\\text{",
        "\u{221a}",
        "9",
    ] {
        let response = piece.repeat(1_000_000 / piece.len());
        for profile in Profile::ALL {
            let verdict = judged(&response, "42", profile, Mode::Response);
            assert_eq!(verdict.reward(), Some(0.0), "{piece}: {:?}", verdict.status);
        }
    }
}

#[test]
fn sentences_behind_a_formula_are_read_once() {
    for piece in [
        " is ",
        " is 5",
        " is indeed ",
        " is 5,",
        " is 5 cm",
        "I hope it is correct",
    ] {
        let response = format!("$1$ {}", piece.repeat(1_000_000 / piece.len()));
        for profile in [Profile::Rl, Profile::Eval] {
            assert_eq!(
                judged(&response, "42", profile, Mode::Response).reward(),
                Some(0.0),
                "{piece}"
            );
        }
    }
}

#[test]
fn boxes_in_boxes_are_read_once() {
    for opening in ["\\boxed{", "\\boxed{x", "\\boxed{ "] {
        let depth = 100_000;
        let response = format!("{}42{}", opening.repeat(depth), "}".repeat(depth));
        for profile in Profile::ALL {
            let verdict = judged(&response, "42", profile, Mode::Response);
            let is_alone = opening.trim_end().ends_with('{');
            assert_eq!(
                verdict.reward() == Some(1.0),
                is_alone,
                "{opening}: {:?}",
                verdict.status
            );
        }
    }
}

#[test]
fn a_response_over_the_limit_is_refused_unread() {
    let response = format!("{}\\boxed{{42}}", "x".repeat(8 << 20));
    assert_eq!(
        judged(&response, "42", Profile::Rl, Mode::Response).status,
        Status::Limit
    );
}
