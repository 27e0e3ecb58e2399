//! One core's warm records, last used first.
//!
//! Always true here:
//! - A record in the pool has one owner, the pool, and remembers nothing but its last head and what
//!   that led to, which nobody is shown before the next one has replaced it.
//! - A record that a user still holds when its request ends is left to that user.
//!
//! Not here: what a record is (`record.rs`).

use std::rc::Rc;

use super::Context;
use super::record::{Phase, Record};
use crate::chain::Chain;
use crate::core::Core;

/// Records that one core keeps for reuse.
const KEPT_MAX: usize = 4096;

pub(crate) struct Pool {
    free: Vec<Rc<Record>>,
    core: Rc<Core>,
    /// What answers a request until its route is known.
    unanswered: Rc<Chain>,
}

impl Pool {
    pub(crate) fn new(core: Rc<Core>, unanswered: Rc<Chain>) -> Self {
        Self {
            free: Vec::new(),
            core,
            unanswered,
        }
    }

    /// An empty record that nobody else holds.
    #[inline]
    pub(crate) fn take(&mut self) -> Rc<Record> {
        match self.free.pop() {
            Some(record) => record,
            None => {
                let (core, chain) = (Rc::clone(&self.core), Rc::clone(&self.unanswered));
                Rc::new(Record::new(core, chain))
            }
        }
    }

    /// Gives back a record that was not used after all.
    #[inline]
    pub(crate) fn put_back(&mut self, record: Rc<Record>) {
        self.free.push(record);
    }

    /// Ends a request. Its record is used again, unless someone holds on to it.
    #[inline]
    pub(crate) fn end(&mut self, ctx: Context) {
        let mut record = ctx.0;
        match Rc::get_mut(&mut record) {
            Some(alone) => {
                alone.reset();
                if self.free.len() < KEPT_MAX {
                    self.free.push(record);
                }
            }
            None => {
                self.core.counts.contexts_kept.add();
                record.reply.phase.set(Phase::Closed);
                record.exchange.close();
            }
        }
    }
}
