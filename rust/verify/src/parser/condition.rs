//! Sets by their conditions, and conditions joined by `and` and `or`.

use super::{NotUnderstood, Parser};
use crate::ast::{Ast, Relation};
use crate::token::Kind;

/// Stands where a set-builder says "such that"; nothing else reads it.
const SUCH_THAT: Kind = Kind::Mark('\u{1}');

/// What joins values or conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// A comma or a semicolon.
    Comma,
    /// `and`.
    And,
    /// `or`.
    Or,
}

impl Parser {
    /// Reads a set after its opening brace: its members, or a name and its conditions.
    pub(super) fn set_body(&mut self) -> Result<Ast, NotUnderstood> {
        let Some(bar) = self.such_that() else {
            return Ok(Ast::Set(self.items()?));
        };
        if let Some(token) = self.tokens.get_mut(bar) {
            token.kind = SUCH_THAT;
        }
        let element = self.item()?;
        if self.kind() != Some(&SUCH_THAT) {
            return Err(NotUnderstood);
        }
        self.at += 1;
        let (conditions, joints) = self.joined()?;
        Ok(builder(element, conditions, &joints))
    }

    /// Returns where `|`, `\\mid` or a colon divides the set that is open here.
    fn such_that(&self) -> Option<usize> {
        let mut depth = 0_usize;
        for at in self.at..self.tokens.len() {
            let kind = &self.tokens.get(at)?.kind;
            match kind {
                Kind::Mark('(' | '[' | '{') | Kind::SetOpen => depth += 1,
                Kind::Mark(')' | ']' | '}') | Kind::SetClose if depth == 0 => return None,
                Kind::Mark(')' | ']' | '}') | Kind::SetClose => depth -= 1,
                Kind::Mark('|' | ':') | Kind::Command("mid" | "lvert") if depth == 0 && at > self.at => {
                    let before = self.tokens.get(at - 1).map(|token| &token.kind);
                    let ends_name = matches!(
                        before,
                        Some(Kind::Word(_) | Kind::Command(_) | Kind::Mark(')' | '}' | '\''))
                    );
                    return (ends_name && self.has_relation_from(at)).then_some(at);
                }
                _ => {}
            }
        }
        None
    }

    /// Returns whether a relation follows before the set closes.
    fn has_relation_from(&self, at: usize) -> bool {
        let mut depth = 0_usize;
        for token in self.tokens.get(at..).unwrap_or_default() {
            match &token.kind {
                Kind::Mark('(' | '[' | '{') | Kind::SetOpen => depth += 1,
                Kind::Mark(')' | ']' | '}') | Kind::SetClose if depth == 0 => return false,
                Kind::Mark(')' | ']' | '}') | Kind::SetClose => depth -= 1,
                Kind::Mark('=' | '<' | '>')
                | Kind::Command("le" | "ge" | "ne" | "in" | "lt" | "gt" | "notin" | "equiv") => {
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// Returns whether a name and a bar begin the answer: a set-builder whose braces were lost.
    pub(super) fn is_bare_builder(&self) -> bool {
        let bars = self
            .tokens
            .iter()
            .filter(|token| token.kind.is('|') || token.kind.is_command("mid"))
            .count();
        bars == 1
            && matches!(self.kind(), Some(Kind::Word(_)))
            && (self
                .kind_at(1)
                .is_some_and(|kind| kind.is('|') || kind.is_command("mid")))
            && self
                .tokens
                .iter()
                .any(|token| matches!(token.kind, Kind::Mark('<' | '>') | Kind::Command("le" | "ge" | "ne")))
    }

    /// Reads items and what joins them.
    pub(super) fn joined(&mut self) -> Result<(Vec<Ast>, Vec<Joint>), NotUnderstood> {
        let mut items = vec![self.item()?];
        let mut joints = Vec::new();
        while let Some(joint) = self.separator() {
            if matches!(
                self.kind(),
                None | Some(Kind::SetClose | Kind::Row | Kind::End | Kind::Mark('}' | '&'))
            ) {
                break;
            }
            joints.push(joint);
            items.push(self.item()?);
        }
        Ok((items, joints))
    }
}

/// Returns items as one answer: conditions joined by words say what they say, anything else is a list.
pub fn listed(mut items: Vec<Ast>, joints: &[Joint]) -> Ast {
    if joints.is_empty()
        && let Some(only) = items.pop()
    {
        return only;
    }
    if items.iter().all(is_condition) && items.iter().any(is_bound) {
        if joints.iter().all(|joint| *joint != Joint::And) && joints.contains(&Joint::Or) {
            return Ast::Union(items);
        }
        if joints.iter().all(|joint| *joint != Joint::Or)
            && joints.contains(&Joint::And)
            && let Some(one) = intersection(&items)
        {
            return one;
        }
    }
    Ast::List(items)
}

/// Returns the set of a name under conditions; of anything but a real number, element and conditions as they stand.
fn builder(element: Ast, conditions: Vec<Ast>, joints: &[Joint]) -> Ast {
    let is_real = match &element {
        Ast::Symbol(_) => true,
        Ast::Chain(members, relations) => {
            matches!(members.as_slice(), [Ast::Symbol(_), Ast::NamedSet(set)] if set == "R")
                && **relations == [Relation::In]
        }
        _ => false,
    };
    let is_membership = |ast: &Ast| matches!(ast, Ast::Chain(members, relations) if **relations == [Relation::In] && matches!(members.last(), Some(Ast::NamedSet(set)) if set == "R"));
    let real = conditions.iter().filter(|condition| is_membership(condition)).count();
    // A condition on another name leaves the element free.
    let name = element.parts().first().map_or(&element, |first| *first).clone();
    let binds = |condition: &Ast| is_condition(condition) && mentions(condition, &name);
    if is_real && real < conditions.len() && conditions.iter().all(binds) {
        let kept: Vec<Ast> = conditions
            .iter()
            .filter(|condition| !is_membership(condition))
            .cloned()
            .collect();
        // Conditions side by side hold together.
        let joints: Vec<Joint> = joints
            .iter()
            .map(|joint| if *joint == Joint::Comma { Joint::And } else { *joint })
            .collect();
        let joints = if real == 0 {
            joints
        } else {
            vec![Joint::And; kept.len() - 1]
        };
        return match listed(kept, &joints) {
            Ast::List(parts) => Ast::Bracket('{', parts, '}'),
            set => set,
        };
    }
    let mut parts = vec![element];
    parts.extend(conditions);
    Ast::Bracket('{', parts, '}')
}

fn mentions(ast: &Ast, name: &Ast) -> bool {
    ast == name || ast.parts().into_iter().any(|part| mentions(part, name))
}

/// Returns whether this restricts a value.
fn is_condition(ast: &Ast) -> bool {
    matches!(ast, Ast::Chain(_, relations) if relations.iter().all(|relation| *relation != Relation::Approximate))
}

/// Returns whether this is more than an equation.
fn is_bound(ast: &Ast) -> bool {
    matches!(ast, Ast::Chain(_, relations) if relations.iter().any(|relation| *relation != Relation::Equal))
}

/// Returns what holds under all of these conditions on one name, where that is an interval with or without points.
fn intersection(conditions: &[Ast]) -> Option<Ast> {
    let mut holes = Vec::new();
    let mut bounds = Vec::new();
    for condition in conditions {
        let Ast::Chain(members, relations) = condition else {
            return None;
        };
        match (members.as_slice(), relations.as_slice()) {
            ([_, value], [Relation::NotEqual]) => holes.push(value.clone()),
            _ => bounds.push((members, relations)),
        }
    }
    let inside = match bounds.as_slice() {
        [] => Ast::NamedSet("R".to_owned()),
        [(members, relations)] => Ast::Chain((*members).clone(), (*relations).clone()),
        [first, second] => between(*first, *second)?,
        _ => return None,
    };
    Some(if holes.is_empty() {
        inside
    } else {
        Ast::Difference(Box::new(inside), Box::new(Ast::Set(holes)))
    })
}

/// Returns `a < x < b` of `x > a` and `x < b`.
fn between(first: (&Vec<Ast>, &Vec<Relation>), second: (&Vec<Ast>, &Vec<Relation>)) -> Option<Ast> {
    let (name, low, from) = lower(first).or_else(|| lower(second))?;
    let (other, high, to) = upper(first).or_else(|| upper(second))?;
    (name == other).then(|| Ast::Chain(vec![low.clone(), name.clone(), high.clone()], vec![from, to]))
}

/// Returns the name, the bound and the relation of `x > a`, read from below.
fn lower<'a>((members, relations): (&'a Vec<Ast>, &Vec<Relation>)) -> Option<(&'a Ast, &'a Ast, Relation)> {
    match (members.as_slice(), relations.as_slice()) {
        ([name @ Ast::Symbol(_), bound], [Relation::Greater]) => Some((name, bound, Relation::Less)),
        ([name @ Ast::Symbol(_), bound], [Relation::GreaterEqual]) => Some((name, bound, Relation::LessEqual)),
        ([bound, name @ Ast::Symbol(_)], [relation @ (Relation::Less | Relation::LessEqual)]) => {
            Some((name, bound, *relation))
        }
        _ => None,
    }
}

/// Returns the name, the bound and the relation of `x < b`.
fn upper<'a>((members, relations): (&'a Vec<Ast>, &Vec<Relation>)) -> Option<(&'a Ast, &'a Ast, Relation)> {
    match (members.as_slice(), relations.as_slice()) {
        ([name @ Ast::Symbol(_), bound], [relation @ (Relation::Less | Relation::LessEqual)]) => {
            Some((name, bound, *relation))
        }
        ([bound, name @ Ast::Symbol(_)], [Relation::Greater]) => Some((name, bound, Relation::Less)),
        ([bound, name @ Ast::Symbol(_)], [Relation::GreaterEqual]) => Some((name, bound, Relation::LessEqual)),
        _ => None,
    }
}
