//! Times of day, where one side leaves open whether it is one: `20:34` beside `20:34:00` or `8:34 p.m.`.

use super::{Judge, Judged, Outcome};
use crate::normal::{Form, Poly, Scalar, Shape};

const HOURS: i64 = 24;
/// A ratio of less has no minutes of two digits.
const LEAST_MINUTES: i64 = 10;
const MINUTES: i64 = 60;

impl Judge<'_> {
    /// Compares a time of day with two numbers in proportion that could be one; none if there are no such sides.
    ///
    /// A gold that is a time leaves an answer no other reading; an answer that is one only explains the gold when lenient.
    pub(super) fn times_of_day(&mut self, pred: &Form, gold: &Form) -> Option<Judged> {
        let (time, proportion) = match (pred, gold) {
            (Form::Several(Shape::Ratio, parts), Form::Scalar(time)) if !self.is_strict() => (time, parts),
            (Form::Scalar(time), Form::Several(Shape::Ratio, parts)) if self.is_lenient() => (time, parts),
            _ => return None,
        };
        time.unit.as_ref().filter(|unit| unit.is_time_of_day())?;
        let seconds = Poly::integer(seconds(proportion)?);
        Some(Ok(if seconds == time.value {
            Outcome::Equal("unit")
        } else {
            Outcome::Different
        }))
    }
}

/// Returns the seconds from midnight that hours and minutes come to.
fn seconds(parts: &[Form]) -> Option<i64> {
    let whole = |form: &Form| match form {
        Form::Scalar(Scalar { value, unit: None, .. }) => value.as_integer(),
        _ => None,
    };
    let [hours, minutes] = parts else { return None };
    let (hours, minutes) = (whole(hours)?, whole(minutes)?);
    let is_time = (0..=HOURS).contains(&hours) && (LEAST_MINUTES..MINUTES).contains(&minutes);
    is_time.then_some((hours * MINUTES + minutes) * MINUTES)
}
