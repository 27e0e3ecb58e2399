//! The server's side of the echo: conversations that answer their messages one after the other.
//!
//! Always true here:
//! - While an answer is pending no further message is taken: the input waits.
//! - Every conversation that was opened is told of its end, once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ringlane_reactor::sim::{Random, World};
use ringlane_reactor::{Application, CloseReason, Intent, Io, Sleep, Task, clock, spawn};

use super::{Kind, answer, answer_head};

/// What a connection beyond the limit is sent.
pub(super) const REFUSAL: u8 = b'!';
/// How long a conversation may say nothing.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// How much of a drained answer goes at a time.
const STEP_BYTES: usize = 1000;

/// What is counted over the whole run.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// By conversation: how often it was told of its end.
    closed: RefCell<Vec<u32>>,
    tasks: Cell<usize>,
}

impl Book {
    /// Everything that was begun has ended, once.
    pub(crate) fn check(&self) {
        let closed = self.closed.borrow();
        assert!(
            closed.iter().all(|&count| count == 1),
            "ends told: {closed:?}"
        );
        assert_eq!(self.tasks.get(), 0, "tasks are left");
    }
}

/// Counts a task as long as it exists.
struct Counted(Rc<Book>);

impl Counted {
    fn new(book: &Rc<Book>) -> Self {
        book.tasks.set(book.tasks.get() + 1);
        Self(Rc::clone(book))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.tasks.set(self.0.tasks.get() - 1);
    }
}

pub(crate) struct Echo {
    world: World,
    book: Rc<Book>,
    random: Random,
}

/// One conversation.
pub(crate) struct Talk {
    id: usize,
    answered: u32,
    pending: Option<Pending>,
}

/// An answer that is not there yet.
enum Pending {
    Slow {
        ready: Rc<Cell<bool>>,
        answer: Vec<u8>,
        task: Task<()>,
    },
    Remote {
        ready: Arc<AtomicBool>,
        answer: Vec<u8>,
    },
    Drained {
        left: Vec<u8>,
    },
}

impl Echo {
    pub(crate) fn new(world: World, book: Rc<Book>) -> Self {
        Self {
            world,
            book,
            random: Random::new(1),
        }
    }

    /// Begins to answer one message; says if the conversation ends with it.
    fn begin(
        &mut self,
        talk: &mut Talk,
        kind: Kind,
        payload: &[u8],
        io: &mut Io<'_>,
    ) -> Option<Intent> {
        let index = talk.answered;
        talk.answered += 1;
        let whole = answer(kind, index, payload);
        match kind {
            Kind::Abort => return Some(Intent::Abort),
            Kind::AtOnce | Kind::Finish | Kind::Linger => io.output.buffer().extend(whole),
            Kind::Vectored => {
                let body = kind.body(index, payload);
                io.output
                    .buffer()
                    .extend(answer_head(kind, index, body.len()));
                io.output.append(Bytes::from(body));
            }
            Kind::Slow => talk.pending = Some(self.answer_slowly(whole, io)),
            Kind::Remote => talk.pending = Some(self.answer_when_woken(whole, io)),
            Kind::Drained => talk.pending = Some(Pending::Drained { left: whole }),
        }
        match kind {
            Kind::Finish => Some(Intent::Finish),
            Kind::Linger => Some(Intent::Linger),
            _ => None,
        }
    }

    fn answer_slowly(&mut self, answer: Vec<u8>, io: &Io<'_>) -> Pending {
        let ready = Rc::new(Cell::new(false));
        let until = clock::now() + self.random.span(Duration::from_millis(300));
        let (counted, done, waker) = (Counted::new(&self.book), Rc::clone(&ready), io.waker());
        let task = spawn(async move {
            Sleep::until(until).await;
            done.set(true);
            waker.wake();
            drop(counted);
        });
        Pending::Slow {
            ready,
            answer,
            task,
        }
    }

    /// Another thread, a real one, wakes the conversation. It is joined, so the run stays the same.
    fn answer_when_woken(&mut self, answer: Vec<u8>, io: &Io<'_>) -> Pending {
        let ready = Arc::new(AtomicBool::new(false));
        let when = self.world.now() + self.random.span(Duration::from_millis(50));
        let (done, waker) = (Arc::clone(&ready), io.waker());
        self.world.at(when, move || {
            done.store(true, Ordering::Relaxed);
            let thread = std::thread::spawn(move || waker.wake());
            thread.join().expect("waking never fails");
        });
        Pending::Remote { ready, answer }
    }
}

impl Talk {
    /// Writes what is ready of a pending answer; `false` if one is still pending.
    fn resolve(&mut self, io: &mut Io<'_>) -> bool {
        let Some(pending) = self.pending.take() else {
            return true;
        };
        match pending {
            Pending::Slow { ready, answer, .. } if ready.get() => io.output.buffer().extend(answer),
            Pending::Remote { ready, answer } if ready.load(Ordering::Relaxed) => {
                io.output.buffer().extend(answer);
            }
            Pending::Drained { mut left } => {
                if io.output.is_empty() {
                    let step = left.len().min(STEP_BYTES);
                    io.output.buffer().extend(left.drain(..step));
                }
                if !left.is_empty() {
                    io.wake_when_drained();
                    self.pending = Some(Pending::Drained { left });
                }
            }
            waiting @ (Pending::Slow { .. } | Pending::Remote { .. }) => {
                self.pending = Some(waiting);
            }
        }
        self.pending.is_none()
    }
}

/// The next whole message of the input: its kind, its payload, its length.
fn parse(input: &[u8]) -> Option<(Kind, Vec<u8>, usize)> {
    let (head, rest) = input.split_first_chunk::<3>()?;
    let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
    let payload = rest.get(..length)?;
    Some((Kind::of(head[0]), payload.to_vec(), head.len() + length))
}

impl Application for Echo {
    type Conversation = Talk;

    fn opened(&mut self, io: &mut Io<'_>) -> Talk {
        io.set_deadline(io.now + IDLE_MAX);
        let mut closed = self.book.closed.borrow_mut();
        closed.push(0);
        Talk {
            id: closed.len() - 1,
            answered: 0,
            pending: None,
        }
    }

    fn advance(&mut self, talk: &mut Talk, io: &mut Io<'_>) -> Intent {
        if io.over_limit {
            io.output.buffer().push(REFUSAL);
            return Intent::Finish;
        }
        while talk.resolve(io) {
            let Some((kind, payload, length)) = parse(io.input.bytes()) else {
                break;
            };
            io.input.consume(length);
            if let Some(intent) = self.begin(talk, kind, &payload, io) {
                return intent;
            }
        }
        if talk.pending.is_some() {
            io.set_deadline(clock::Instant::NEVER);
            return Intent::Continue;
        }
        io.set_deadline(io.now + IDLE_MAX);
        match (io.peer_finished, io.draining) {
            (true, _) => Intent::Finish,
            (false, true) => Intent::Linger,
            (false, false) => Intent::Continue,
        }
    }

    fn timed_out(&mut self, talk: &mut Talk, _io: &mut Io<'_>) -> Intent {
        if talk.id.is_multiple_of(2) {
            Intent::Finish
        } else {
            Intent::Linger
        }
    }

    fn closed(&mut self, talk: Talk, _reason: CloseReason) {
        self.book.closed.borrow_mut()[talk.id] += 1;
        // Half of the tasks go on by themselves.
        if let Some(Pending::Slow { task, .. }) = talk.pending.filter(|_| talk.id.is_multiple_of(2))
        {
            task.abort();
        }
    }
}
