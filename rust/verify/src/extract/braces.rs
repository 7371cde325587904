//! Every box of a text, by one pass of brace matching.

use std::ops::Range;

use memchr::{memchr3, memmem};

const COMMANDS: [&str; 2] = ["\\boxed", "\\fbox"];
/// What both commands hold.
const KEY: &str = "box";

/// The content of one box; `end` is none as long as it is open.
pub struct Found {
    pub start: usize,
    pub end: Option<usize>,
}

impl Found {
    /// Returns the span of a box that is closed.
    pub fn span(&self) -> Option<Range<usize>> {
        self.end.map(|end| self.start..end)
    }
}

/// Returns every box in the order in which they open.
///
/// When lenient, `\\\\boxed` is a box as well: a backslash that was escaped once too often.
pub fn scan(text: &str, is_lenient: bool) -> Vec<Found> {
    let bytes = text.as_bytes();
    let mut keys = memmem::find_iter(bytes, KEY);
    let mut boxes: Vec<Found> = Vec::new();
    // The boxes that are open, each with the number of braces around its content.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        // Outside of every box nothing counts but the next command.
        let next = if open.is_empty() {
            keys.find_map(|key| command_around(text, key, at, is_lenient))
        } else {
            bytes
                .get(at..)
                .and_then(|rest| memchr3(b'{', b'}', b'\\', rest))
                .map(|ahead| at + ahead)
        };
        let Some(next) = next else { return boxes };
        at = next;
        match bytes.get(at) {
            Some(b'{') => depth += 1,
            Some(b'}') => {
                if let Some((_, index)) = open.pop_if(|(level, _)| *level == depth)
                    && let Some(found) = boxes.get_mut(index)
                {
                    found.end = Some(at);
                }
                depth = depth.saturating_sub(1);
            }
            _ => {
                let Some(end) = command_at(text, at, is_lenient) else {
                    at += 1 + text
                        .get(at + 1..)
                        .and_then(|rest| rest.chars().next())
                        .map_or(0, char::len_utf8);
                    continue;
                };
                at = enter(text, end, &mut boxes);
                if boxes
                    .last()
                    .is_some_and(|found| found.end.is_none() && found.start == at)
                {
                    depth += 1;
                    open.push((depth, boxes.len() - 1));
                }
                continue;
            }
        }
        at += 1;
    }
}

/// Returns where the command begins that holds these letters, if it is one that begins after `from`.
fn command_around(text: &str, key: usize, from: usize, is_lenient: bool) -> Option<usize> {
    let head = text.get(from..key)?;
    let before = head.strip_suffix('\\').or_else(|| head.strip_suffix("\\f"))?;
    let start = from + before.len();
    let escapes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let is_escaped = escapes % 2 == 1 && !is_lenient;
    (!is_escaped && command(text.get(start..)?).is_some()).then_some(start)
}

/// Returns the end of the box command at a backslash.
fn command_at(text: &str, at: usize, is_lenient: bool) -> Option<usize> {
    let rest = text.get(at..)?;
    let end = |rest: &str| command(rest).map(str::len);
    let doubled = || end(rest.strip_prefix('\\')?).map(|length| at + 1 + length);
    end(rest)
        .map(|length| at + length)
        .or_else(|| is_lenient.then(doubled).flatten())
}

/// Returns the box command that a text starts with.
pub fn command(rest: &str) -> Option<&'static str> {
    COMMANDS.into_iter().find(|command| {
        let after = rest.strip_prefix(command).map(|after| after.chars().next());
        after.is_some_and(|next| !next.is_some_and(|next| next.is_ascii_alphabetic()))
    })
}

/// Notes the box whose command ends at `at`; returns where the scan goes on.
fn enter(text: &str, at: usize, boxes: &mut Vec<Found>) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let inner = at + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    if text.get(inner..).is_some_and(|rest| rest.starts_with('{')) {
        boxes.push(Found {
            start: inner + 1,
            end: None,
        });
        return inner + 1;
    }
    let end = end_of_word(text, inner);
    if end > inner {
        boxes.push(Found {
            start: inner,
            end: Some(end),
        });
    }
    end
}

/// Returns the end of an argument without braces.
fn end_of_word(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let is_end = |c: char| c.is_whitespace() || matches!(c, '$' | '{' | '}' | '\\' | ',' | ';');
    let word = rest.split(is_end).next().unwrap_or_default();
    start + word.trim_end_matches(['.', ')', ']', '*']).len()
}
