//! Where the visible part of a response begins.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Returns the byte after the last `</think>`; none if a thought is left open and that hides the response.
pub fn visible_from(response: &str, is_strict: bool) -> Option<usize> {
    let start = response.rfind(CLOSE).map_or(0, |at| at + CLOSE.len());
    let is_open = response.get(start..).unwrap_or_default().contains(OPEN);
    (!(is_strict && is_open)).then_some(start)
}
