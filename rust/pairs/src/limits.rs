//! The pairs of one prompt in their order, less those beyond its limits.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU64;

use crate::candidates::{Chooser, Pair};
use crate::groups::{Draw, Groups};
use crate::random::hash;
use crate::spec::{PairSpec, Strategy};

/// Default of `max_per_prompt` where a draw makes more than one pair, or has more than two members to choose from.
const MAX_PER_PROMPT: usize = 4;

/// Pairs of one prompt that are held at once, at least; those of a group of ten thousand do not fit into memory.
const HELD: usize = 1 << 14;

/// Where a pair stands among all: a hash of seed and pair, then the pair.
pub type Order = (u64, i64);

/// Returns where a pair stands.
pub fn order(pair: &Pair, spec: &PairSpec) -> Order {
    (hash([spec.seed, pair.pair_id.cast_unsigned()]), pair.pair_id)
}

/// Returns the pairs of a prompt's draws in their order, under the limits.
pub fn limited(groups: &Groups<'_>, draws: &[Draw<'_>], spec: &PairSpec) -> Vec<(Order, Pair)> {
    let chooser = Chooser::new(groups, spec);
    let mut kept = Kept::new(groups, spec, most(draws, spec));
    let mut last = None;
    loop {
        let mut first = First::new(kept.most);
        // A rollout or a response that is used up stays so: its pairs would only fill this round and be refused.
        let is_open = |row| kept.has_rollout_left(row);
        chooser.for_each(draws, is_open, |pair| {
            let order = order(&pair, spec);
            if last.is_none_or(|last| order > last) && kept.is_new(&pair) {
                first.push(order, pair);
            }
        });
        let is_whole = !first.is_cut();
        for (order, pair) in first.sorted() {
            last = Some(order);
            kept.offer(order, pair);
        }
        if is_whole || kept.is_full() {
            return kept.pairs;
        }
    }
}

/// Returns the most pairs of a prompt; never more than the limit of its rollouts allows.
fn most(draws: &[Draw<'_>], spec: &PairSpec) -> usize {
    let rollouts = draws.iter().map(|draw| draw.members.len()).sum::<usize>();
    let by_rollout = spec
        .max_per_rollout
        .map_or(usize::MAX, |most| rollouts.saturating_mul(most) / 2);
    let is_large = draws.iter().any(|draw| draw.members.len() > 2);
    let is_crossed = spec.cross_step && spec.strategy == Strategy::All;
    let default = if is_large || is_crossed {
        MAX_PER_PROMPT
    } else {
        usize::MAX
    };
    spec.max_per_prompt.unwrap_or(default).min(by_rollout)
}

/// The first pairs of many in their order.
struct First {
    held: usize,
    pairs: Vec<(Order, Pair)>,
    /// Where the pairs that are out begin: as many as are held come before it.
    end: Option<Order>,
}

impl First {
    fn new(most: usize) -> Self {
        Self {
            held: most.max(HELD),
            pairs: Vec::new(),
            end: None,
        }
    }

    fn push(&mut self, order: Order, pair: Pair) {
        if self.end.is_some_and(|end| order >= end) {
            return;
        }
        self.pairs.push((order, pair));
        if self.pairs.len() > self.held.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let (_, (end, _), _) = self.pairs.select_nth_unstable_by_key(self.held, |(order, _)| *order);
        self.end = Some(*end);
        self.pairs.truncate(self.held);
    }

    fn is_cut(&self) -> bool {
        self.end.is_some()
    }

    fn sorted(mut self) -> Vec<(Order, Pair)> {
        if self.is_cut() && self.pairs.len() > self.held {
            self.cut();
        }
        self.pairs.sort_unstable_by_key(|(order, _)| *order);
        self.pairs
    }
}

/// The pairs of a prompt that its limits have let through.
struct Kept<'a> {
    groups: &'a Groups<'a>,
    spec: &'a PairSpec,
    most: usize,
    pairs: Vec<(Order, Pair)>,
    of_rollout: HashMap<u32, usize>,
    responses: HashSet<[NonZeroU64; 2]>,
}

impl<'a> Kept<'a> {
    fn new(groups: &'a Groups<'a>, spec: &'a PairSpec, most: usize) -> Self {
        Self {
            groups,
            spec,
            most,
            pairs: Vec::new(),
            of_rollout: HashMap::new(),
            responses: HashSet::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.pairs.len() >= self.most
    }

    /// Takes a pair if no limit is in its way.
    fn offer(&mut self, order: Order, pair: Pair) {
        let rollouts = [pair.chosen, pair.rejected];
        let has_room = !self.is_full() && rollouts.iter().all(|row| self.has_rollout_left(*row));
        if !has_room || !self.is_new(&pair) {
            return;
        }
        if self.spec.max_per_rollout.is_some() {
            for row in rollouts {
                *self.of_rollout.entry(row).or_default() += 1;
            }
        }
        self.responses.extend(self.responses_of(&pair));
        self.pairs.push((order, pair));
    }

    /// Returns whether a rollout may stand in one more pair.
    fn has_rollout_left(&self, row: u32) -> bool {
        let used = || self.of_rollout.get(&row).copied().unwrap_or_default();
        self.spec.max_per_rollout.is_none_or(|most| used() < most)
    }

    /// Returns whether no pair has had these two responses before, the other way round included.
    fn is_new(&self, pair: &Pair) -> bool {
        self.responses_of(pair)
            .is_none_or(|responses| !self.responses.contains(&responses))
    }

    /// Returns the responses that a pair must not share with another one, the same for either way round.
    fn responses_of(&self, pair: &Pair) -> Option<[NonZeroU64; 2]> {
        let response = |row| self.groups.row(row).and_then(|rollout| rollout.response);
        let responses = response(pair.chosen).zip(response(pair.rejected));
        let (one, other) = responses.filter(|_| self.spec.dedupe)?;
        Some([one.min(other), one.max(other)])
    }
}
