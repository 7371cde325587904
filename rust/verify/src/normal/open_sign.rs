//! Open signs: each `\pm` stands for two values, in a tuple each by itself unless a `\mp` ties them.

use super::Trouble;
use super::form::{Form, Normaliser, Shape};
use crate::ast::Ast;

/// Most tuples that the open signs of one stand for.
const CHOICES: usize = 64;

impl Normaliser<'_> {
    /// Returns the forms of items, one or for an open sign two of each.
    pub(super) fn spread(&mut self, items: &[Ast]) -> Result<Vec<Form>, Trouble> {
        let mut forms = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Ast::Bracket(open, entries, close) if signs_are_free(entries) => {
                    let choices = self.choices(entries)?;
                    let shape = Shape::Bracket(*open, *close);
                    forms.extend(choices.into_iter().map(|entries| Form::Several(shape, entries)));
                }
                _ => {
                    forms.push(self.item(item, true)?);
                    if item.has_open_sign() {
                        forms.push(self.item(item, false)?);
                    }
                }
            }
        }
        Ok(forms)
    }

    /// Returns every way to choose the open signs of the entries of a tuple, each entry by itself.
    fn choices(&mut self, entries: &[Ast]) -> Result<Vec<Vec<Form>>, Trouble> {
        let mut chosen = vec![Vec::new()];
        for entry in entries {
            let values = self.spread(std::slice::from_ref(entry))?;
            if chosen.len() * values.len() > CHOICES {
                return Err(Trouble::Limit);
            }
            self.fuel.spend((chosen.len() * values.len() * entries.len()) as u64)?;
            let longer = |start: &Vec<Form>| {
                let start = start.clone();
                values
                    .iter()
                    .map(move |value| [start.as_slice(), std::slice::from_ref(value)].concat())
            };
            chosen = chosen.iter().flat_map(longer).collect();
        }
        Ok(chosen)
    }
}

/// Returns whether entries leave several signs open, none of which is tied to another by a `\mp`.
fn signs_are_free(entries: &[Ast]) -> bool {
    let open = entries.iter().filter(|entry| entry.has_open_sign()).count();
    open > 1 && !entries.iter().any(Ast::has_tied_sign)
}
