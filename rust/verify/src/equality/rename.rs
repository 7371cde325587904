//! Names that could as well be others: for evaluation only.
//!
//! The argument in `f(n) = 2n + 1` is bound, a constant of integration is `C`, `c` or `k`, and the parameter of a
//! family of solutions is whatever letter was free. A name that the problem has given is none of these.

use std::collections::BTreeSet;

use crate::ast::Ast;

/// Most names that are replaced.
const NAMES: usize = 12;
/// Letters of constants of integration.
const CONSTANTS: [&str; 4] = ["c", "C", "k", "K"];
/// Letters of parameters, mostly of integers.
const PARAMETERS: [&str; 9] = ["k", "l", "\\ell", "m", "n", "j", "t", "s", "r"];

/// Returns an answer with its dummy names replaced by the gold's; none if there is nothing to be replaced.
pub fn renamed(pred: &Ast, gold: &Ast) -> Option<Ast> {
    let (names, gold_names) = (names_of(pred), names_of(gold));
    let bound = bound_name(pred).zip(bound_name(gold)).filter(|(from, to)| from != to);
    if let Some((from, to)) = bound {
        // The gold's letter must not already mean something else in the answer.
        return (!names.contains(to)).then(|| with_names(pred, &|name| (name == from).then(|| to.to_owned())));
    }
    let only: Vec<&str> = names.difference(&gold_names).copied().collect();
    let gold_only: Vec<&str> = gold_names.difference(&names).copied().collect();
    if only.is_empty()
        || only.len() > NAMES
        || only.len() != gold_only.len()
        || matches!(value_of(pred), Ast::Symbol(_))
    {
        return None;
    }
    let is_family = matches!(value_of(gold), Ast::Bracket(..));
    let pairs: Vec<(&str, &str)> = match (only.as_slice(), gold_only.as_slice()) {
        ([from], [to]) if is_free(from, to, is_family) => vec![(*from, *to)],
        _ => only
            .iter()
            .map(|from| Some((*from, constant_like(from, &gold_only)?)))
            .collect::<Option<_>>()?,
    };
    let targets: BTreeSet<&str> = pairs.iter().map(|(_, to)| *to).collect();
    (targets.len() == pairs.len()).then(|| {
        with_names(pred, &|name| {
            let pair = pairs.iter().find(|(from, _)| *from == name);
            pair.map(|(_, to)| (*to).to_owned())
        })
    })
}

/// Returns whether two letters are both constants of integration, parameters, or the one name of a family of tuples.
fn is_free(from: &str, to: &str, is_family: bool) -> bool {
    let both = |letters: &[&str]| letters.contains(&from) && letters.contains(&to);
    both(&CONSTANTS) || both(&PARAMETERS) || is_family
}

/// Returns the gold's name for a constant of integration with the same subscript.
fn constant_like<'n>(name: &str, gold_names: &[&'n str]) -> Option<&'n str> {
    let (letter, subscript) = split(name);
    let is_like = |gold: &&&str| {
        let (gold_letter, gold_subscript) = split(gold);
        CONSTANTS.contains(&letter) && CONSTANTS.contains(&gold_letter) && subscript == gold_subscript
    };
    gold_names.iter().find(is_like).copied()
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('_').unwrap_or((name, ""))
}

/// Returns the argument of a function that the left side defines.
fn bound_name(ast: &Ast) -> Option<&str> {
    let Ast::Chain(members, _) = ast else {
        return None;
    };
    match members.first()? {
        Ast::Apply(_, arguments) => match arguments.as_slice() {
            [Ast::Symbol(name)] => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the value without a left side that names it.
fn value_of(ast: &Ast) -> &Ast {
    match ast {
        Ast::Chain(members, _) => members.last().unwrap_or(ast),
        other => other,
    }
}

fn names_of(ast: &Ast) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let items = match ast {
        Ast::List(items) => items.as_slice(),
        only => std::slice::from_ref(only),
    };
    for item in items {
        collect(value_of(item), &mut names);
    }
    names
}

fn collect<'a>(ast: &'a Ast, names: &mut BTreeSet<&'a str>) {
    if let Ast::Symbol(name) = ast
        && !matches!(name.as_str(), "e" | "i" | "\\pi")
    {
        names.insert(name);
    }
    for part in ast.parts() {
        collect(part, names);
    }
}

fn with_names(ast: &Ast, replace: &impl Fn(&str) -> Option<String>) -> Ast {
    match ast {
        Ast::Symbol(name) => Ast::Symbol(replace(name).unwrap_or_else(|| name.clone())),
        other => other.with_parts(&|part| with_names(part, replace)),
    }
}
