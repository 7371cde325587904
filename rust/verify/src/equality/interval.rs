//! Intervals and points of the real line: their order, union and difference.

use std::cmp::Ordering;

use super::{COMPARISON_STEPS, Judge};
use crate::evaluate::sign;
use crate::normal::{Form, Shape, Trouble};

/// Most intervals of one set that are joined.
pub(super) const PIECES: usize = 16;

/// An interval; a point is one that is closed at both ends.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) low: End,
    pub(super) high: End,
}

/// An end of an interval.
#[derive(Clone)]
pub(super) struct End {
    pub(super) at: Form,
    is_closed: bool,
}

impl Judge<'_> {
    /// Returns the pieces with those joined that overlap or touch.
    pub(super) fn joined(&mut self, mut pieces: Vec<Piece>) -> Result<Vec<Piece>, Trouble> {
        let mut place = 0;
        while let Some(piece) = pieces.get(place).cloned() {
            let mut found = None;
            for (other, candidate) in pieces.iter().enumerate() {
                if other != place
                    && let Some(whole) = self.union(&piece, candidate)?
                {
                    found = Some((other, whole));
                    break;
                }
            }
            let Some((other, whole)) = found else {
                place += 1;
                continue;
            };
            pieces.swap_remove(place.max(other));
            pieces.swap_remove(place.min(other));
            pieces.push(whole);
            place = 0;
        }
        Ok(pieces)
    }

    /// Returns the union of two pieces if it is one piece, the lower given first.
    fn union(&mut self, lower: &Piece, upper: &Piece) -> Result<Option<Piece>, Trouble> {
        let starts_first = self.order(&lower.low.at, &upper.low.at)?;
        let gap = self.order(&lower.high.at, &upper.low.at)?;
        let is_touching = match gap {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => lower.high.is_closed || upper.low.is_closed,
            _ => false,
        };
        if !is_touching || !matches!(starts_first, Some(Ordering::Less | Ordering::Equal)) {
            return Ok(None);
        }
        let low = End {
            at: lower.low.at.clone(),
            is_closed: lower.low.is_closed || (starts_first == Some(Ordering::Equal) && upper.low.is_closed),
        };
        let high = match self.order(&lower.high.at, &upper.high.at)? {
            Some(Ordering::Greater) => lower.high.clone(),
            Some(Ordering::Less) => upper.high.clone(),
            Some(Ordering::Equal) => End {
                at: upper.high.at.clone(),
                is_closed: lower.high.is_closed || upper.high.is_closed,
            },
            None => return Ok(None),
        };
        Ok(Some(Piece { low, high }))
    }

    /// Returns what is left of a set when others are taken out of it; none if their order is not known.
    pub(super) fn without(&mut self, mut set: Vec<Piece>, holes: &[Piece]) -> Result<Option<Vec<Piece>>, Trouble> {
        for hole in holes {
            let mut left = Vec::new();
            for piece in set {
                let Some(parts) = self.pierced(piece, hole)? else {
                    return Ok(None);
                };
                left.extend(parts);
            }
            set = left;
        }
        Ok((set.len() <= PIECES).then_some(set))
    }

    /// Returns the parts of a piece below and above a hole.
    fn pierced(&mut self, piece: Piece, hole: &Piece) -> Result<Option<Vec<Piece>>, Trouble> {
        let start = self.order(&piece.low.at, &hole.high.at)?;
        let end = self.order(&piece.high.at, &hole.low.at)?;
        match (start, end) {
            (Some(Ordering::Greater), Some(_)) | (Some(_), Some(Ordering::Less)) => return Ok(Some(vec![piece])),
            (Some(_), Some(_)) => {}
            _ => return Ok(None),
        }
        let below = Piece {
            low: piece.low,
            high: hole.low.mirrored(),
        };
        let above = Piece {
            low: hole.high.mirrored(),
            high: piece.high,
        };
        let mut kept = Vec::new();
        for part in [below, above] {
            match self.order(&part.low.at, &part.high.at)? {
                Some(Ordering::Less) => kept.push(part),
                Some(Ordering::Equal) if part.low.is_closed && part.high.is_closed => kept.push(part),
                Some(_) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(kept))
    }

    /// Returns the order of two ends; none if it is not known.
    pub(super) fn order(&mut self, left: &Form, right: &Form) -> Result<Option<Ordering>, Trouble> {
        self.fuel.spend(COMPARISON_STEPS)?;
        Ok(match (left, right) {
            (Form::Infinity(is_left_low), Form::Infinity(is_right_low)) => Some(is_right_low.cmp(is_left_low)),
            (Form::Infinity(is_low), _) => Some(if *is_low { Ordering::Less } else { Ordering::Greater }),
            (_, Form::Infinity(is_low)) => Some(if *is_low { Ordering::Greater } else { Ordering::Less }),
            (Form::Scalar(low), Form::Scalar(high)) if low.unit == high.unit && low.is_percent == high.is_percent => {
                if self.values(&low.value, &high.value, "number")?.is_equal() {
                    Some(Ordering::Equal)
                } else {
                    sign(&low.value.clone().minus(&high.value), self.fuel)
                }
            }
            _ => None,
        })
    }
}

impl Piece {
    pub(super) fn between(low: &Form, is_low_closed: bool, high: &Form, is_high_closed: bool) -> Self {
        Self {
            low: End::of(low, is_low_closed),
            high: End::of(high, is_high_closed),
        }
    }
}

impl End {
    fn of(at: &Form, is_closed: bool) -> Self {
        Self {
            at: at.clone(),
            is_closed,
        }
    }

    /// Returns the end of the set on the other side.
    fn mirrored(&self) -> Self {
        Self::of(&self.at, !self.is_closed)
    }
}

/// Returns pieces as intervals again; a point stays a closed one.
pub(super) fn intervals(pieces: Vec<Piece>) -> Vec<Form> {
    let form = |piece: Piece| {
        let open = if piece.low.is_closed { '[' } else { '(' };
        let close = if piece.high.is_closed { ']' } else { ')' };
        Form::Several(Shape::Bracket(open, close), vec![piece.low.at, piece.high.at])
    };
    pieces.into_iter().map(form).collect()
}
