//! Where the answer is found in prose, and in a gold that is prose too.

mod judged;

use judged::options;
use twogrpo_verify::{Mode, Profile, Status, verify};

fn text_status(text: &str, gold: &str, profile: Profile) -> Status {
    let options = options(profile, Mode::Text);
    verify(text, &[gold], options).status
}

#[test]
fn prose_on_both_sides_is_searched() {
    let pairs = [
        ("so \\boxed{32349}", "So the answer is: \\[ \\boxed{32349} \\]"),
        ("so \\boxed{40}", "work 7\n#### 40"),
        ("so \\boxed{40}", "First $a = 1$, then $b = 40$. The answer is $40$."),
        ("so \\boxed{\\frac12}", "hence \\(0.5\\)"),
        ("so \\boxed{7}", "7"),
        ("so \\boxed{[2,3]}", "x \\in [2,3]"),
        ("so \\boxed{\\text{Tuesday}}", "Tuesday"),
        // Understood as it stands, and more than its last formula or box.
        ("so \\boxed{125\\text{ cm}}", "125 $\\text{cm}$"),
        ("so \\boxed{-2,1}", "\\(\\boxed{1}\\) and \\(\\boxed{-2}\\)."),
    ];
    for (text, gold) in pairs {
        for profile in [Profile::Rl, Profile::Eval] {
            assert_eq!(text_status(text, gold, profile), Status::Match, "{text} against {gold}");
        }
    }
}

#[test]
fn a_searched_gold_is_not_its_parts() {
    let pairs = [
        ("so \\boxed{1}", "$1$ and $2$"),
        ("so \\boxed{7}", "work 7\n#### 40"),
        ("so \\boxed{2}", "\\boxed{1} and \\boxed{2}"),
        ("so \\boxed{125\\text{ km}}", "125 $\\text{cm}$"),
    ];
    for (text, gold) in pairs {
        for profile in [Profile::Rl, Profile::Eval] {
            assert_eq!(
                text_status(text, gold, profile),
                Status::Mismatch,
                "{text} against {gold}"
            );
        }
    }
}

#[test]
fn a_text_without_words_is_its_own_answer() {
    let pairs = [
        ("\\frac{10}{9}", "10/9"),
        ("1, 2", "$1, 2$"),
        ("W(x)=1orW(x)=-1", "W(n) = 1 \\text{ and } W(n) = -1"),
        ("so $ \\frac{1}{2} \\$ = \\frac{10}{9} $", "10/9"),
    ];
    for (text, gold) in pairs {
        assert_eq!(text_status(text, gold, Profile::Eval), Status::Match, "{text}");
        assert_eq!(text_status(text, gold, Profile::Rl), Status::NoAnswer, "{text}");
    }
}

#[test]
fn a_closing_sentence_outranks_the_boxes_before_it() {
    let text = "\\boxed{255} and on. The final answer is $10,455$. I hope it is correct.";
    assert_eq!(text_status(text, "10455", Profile::Eval), Status::Match);
    assert_eq!(text_status(text, "255", Profile::Rl), Status::Match);
    let further = format!("{text} Next: \\boxed{{3}}");
    assert_eq!(text_status(&further, "3", Profile::Eval), Status::Match);
}

#[test]
fn for_rewards_a_text_needs_its_box() {
    assert_eq!(text_status("it is 40", "#### 40", Profile::Rl), Status::NoAnswer);
    assert_eq!(text_status("it is 40", "#### 40", Profile::Eval), Status::Match);
}

#[test]
fn without_a_gold_answer_nothing_is_judged() {
    for golds in [&[][..], &[" "], &["", "\n"]] {
        for text in ["no answer", "\\boxed{1}", "\\boxed{"] {
            let options = options(Profile::Rl, Mode::Response);
            assert_eq!(verify(text, golds, options).reward(), None, "{text} against {golds:?}");
        }
    }
}
