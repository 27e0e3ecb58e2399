//! Messages on their way to an asynchronous handler, and what it has to say of itself.
//!
//! Always true here:
//! - It holds so many messages and bytes at most, and one message more; then the client waits.
//! - No waker is woken or dropped while a cell is borrowed.
//!
//! Not here: the handler's handle (`asynchronous.rs`), who fills this (`upgraded.rs`).

use std::cell::Cell;
use std::collections::VecDeque;
use std::task::Waker;

use super::Message;

/// Messages that wait for an asynchronous handler before nothing more is read from the client.
pub const INBOX_MESSAGES_MAX: usize = 64;
/// Bytes of messages that wait likewise.
pub const INBOX_BYTES_MAX: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct Mailbox {
    /// The message that comes next: mostly the only one.
    next: Cell<Option<Message<'static>>>,
    /// Those behind it, while there are any. Taken out while it is changed.
    #[expect(clippy::box_collection, reason = "an idle socket pays one word")]
    others: Cell<Option<Box<VecDeque<Message<'static>>>>>,
    /// How many there are.
    count: Cell<u16>,
    /// How long they are; one message has 1 GiB at most.
    bytes: Cell<u32>,
    /// Waits for a message, or the end.
    reader: Cell<Option<Waker>>,
    /// Waits for room to send.
    sender: Cell<Option<Waker>>,
    /// The handler was told that nothing more comes.
    pub(super) was_told: Cell<bool>,
    /// How the handle was dropped, if it was.
    pub(super) dropped: Cell<Option<Dropped>>,
}

/// How a handler let go of its socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dropped {
    Calmly,
    ByPanic,
}

impl Mailbox {
    pub(super) fn has_room(&self) -> bool {
        self.bytes.get() < INBOX_BYTES_MAX as u32 && self.count.get() < INBOX_MESSAGES_MAX as u16
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    /// Whether someone waits for a message.
    pub(super) fn is_awaited(&self) -> bool {
        is_some(&self.reader)
    }

    /// Whether someone waits for room to send.
    pub(super) fn has_sender(&self) -> bool {
        is_some(&self.sender)
    }

    pub(super) fn put(&self, message: Message<'static>) {
        if self.dropped.get().is_some() {
            return;
        }
        self.bytes.set(self.bytes.get() + message.len() as u32);
        if self.count.replace(self.count.get() + 1) == 0 {
            self.next.set(Some(message));
            return;
        }
        let mut others = self.others.take().unwrap_or_default();
        others.push_back(message);
        self.others.set(Some(others));
    }

    /// Takes the next message.
    pub(super) fn take(&self) -> Option<Message<'static>> {
        let message = self.next.take()?;
        if let Some(mut others) = self.others.take() {
            self.next.set(others.pop_front());
            self.others
                .set(Some(others).filter(|others| !others.is_empty()));
        }
        self.count.set(self.count.get() - 1);
        self.bytes.set(self.bytes.get() - message.len() as u32);
        Some(message)
    }

    pub(super) fn await_message(&self, waker: &Waker) {
        drop(self.reader.replace(Some(waker.clone())));
    }

    pub(super) fn forget_reader(&self) {
        drop(self.reader.take());
    }

    pub(super) fn await_room(&self, waker: &Waker) {
        drop(self.sender.replace(Some(waker.clone())));
    }

    /// Has whoever waits for a message look again. Gives true if that is who has `own`.
    pub(super) fn wake_reader(&self, own: &Waker) -> bool {
        wake(self.reader.take(), own)
    }

    /// Has whoever waits for room look again. Gives true if that is who has `own`.
    pub(super) fn wake_sender(&self, own: &Waker) -> bool {
        wake(self.sender.take(), own)
    }
}

fn is_some(waiting: &Cell<Option<Waker>>) -> bool {
    let waker = waiting.take();
    let is_some = waker.is_some();
    waiting.set(waker);
    is_some
}

fn wake(waiting: Option<Waker>, own: &Waker) -> bool {
    let Some(waker) = waiting else { return false };
    if waker.will_wake(own) {
        return true;
    }
    waker.wake();
    false
}
