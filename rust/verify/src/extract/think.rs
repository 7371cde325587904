//! Where the visible part of a response begins.

/// Returns the byte after the last closing tag of thoughts; none if a thought is left open and that hides the response.
pub fn visible_from(response: &str, tag: &str, is_strict: bool) -> Option<usize> {
    if tag.is_empty() {
        return Some(0);
    }
    let close = format!("</{tag}>");
    let start = response.rfind(&close).map_or(0, |at| at + close.len());
    let is_open = || response.get(start..).unwrap_or_default().contains(&format!("<{tag}>"));
    (!(is_strict && is_open())).then_some(start)
}
