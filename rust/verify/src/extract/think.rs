//! Where the visible part of a response begins.

use memchr::memrchr_iter;

/// Returns the byte after the last closing tag of thoughts; none if a thought is left open and that hides the response.
pub fn visible_from(response: &str, tag: &str, is_strict: bool) -> Option<usize> {
    if tag.is_empty() {
        return Some(0);
    }
    let (mut start, mut is_open) = (0, false);
    // From the end: whatever stands before the last closing tag is not looked at.
    for at in memrchr_iter(b'<', response.as_bytes()) {
        let after = response.get(at + 1..).unwrap_or_default();
        if after.strip_prefix('/').is_some_and(|after| is_tag(after, tag)) {
            start = at + "</>".len() + tag.len();
            break;
        }
        is_open |= is_tag(after, tag);
    }
    (!(is_strict && is_open)).then_some(start)
}

fn is_tag(text: &str, tag: &str) -> bool {
    text.strip_prefix(tag).is_some_and(|rest| rest.starts_with('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_last_closing_tag_is_visible() {
        assert_eq!(visible_from("<think>a</think>b</think>c", "think", true), Some(25));
        assert_eq!(visible_from("a < b", "think", true), Some(0));
    }

    #[test]
    fn an_open_thought_hides_the_response_only_when_strict() {
        for response in ["<think>a", "<think>a</think>b<think>c"] {
            assert_eq!(visible_from(response, "think", true), None, "{response}");
        }
        assert_eq!(visible_from("<think>a", "think", false), Some(0));
        assert_eq!(visible_from("<thinking>a", "think", true), Some(0));
    }
}
