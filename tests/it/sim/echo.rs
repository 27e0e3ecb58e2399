//! A small application that uses all of a reactor: it answers messages at once, later, in pieces,
//! after a wake from another thread, and ends conversations in every way.
//!
//! A message is a kind, a length and that many bytes; its answer repeats the kind, counts the
//! answers of the conversation, and brings the bytes back or something longer in their place.
//!
//! Not here: the HTTP server (`web.rs`).

use std::rc::Rc;

use ringlane_reactor::sim::{Coverage, Random};

use super::seeds::{Seed, run_part};
use super::stage::Stage;
use super::visitor::{Manner, Plan, Seen};

pub(super) mod application;

use application::{Book, Echo};

/// A message's kind: how it is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Kind {
    AtOnce = b'a',
    /// By a task that sleeps.
    Slow = b's',
    /// When another thread has woken the conversation.
    Remote = b'r',
    /// In large pieces that are not copied.
    Vectored = b'v',
    /// Piece by piece, each when the one before has gone.
    Drained = b'd',
    /// At once; then the conversation finishes.
    Finish = b'f',
    /// At once; then it lingers.
    Linger = b'l',
    /// Not at all.
    Abort = b'x',
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::AtOnce,
        Self::Slow,
        Self::Remote,
        Self::Vectored,
        Self::Drained,
        Self::Finish,
        Self::Linger,
        Self::Abort,
    ];

    fn of(byte: u8) -> Self {
        let found = Self::ALL.into_iter().find(|kind| *kind as u8 == byte);
        found.expect("only kinds are sent")
    }

    fn ends(self) -> bool {
        matches!(self, Self::Finish | Self::Linger | Self::Abort)
    }

    /// The bytes behind an answer's head.
    fn body(self, index: u32, payload: &[u8]) -> Vec<u8> {
        let length = match self {
            Self::Vectored => 16 * 1024 + 100 * payload.len(),
            Self::Drained => 3000 + 30 * payload.len(),
            Self::AtOnce
            | Self::Slow
            | Self::Remote
            | Self::Finish
            | Self::Linger
            | Self::Abort => {
                return payload.to_vec();
            }
        };
        (0..length)
            .map(|at| (at as u32).wrapping_mul(31).wrapping_add(index) as u8)
            .collect()
    }
}

pub(super) fn message(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("messages are short");
    [&[kind as u8], &length.to_be_bytes()[..], payload].concat()
}

fn answer_head(kind: Kind, index: u32, length: usize) -> Vec<u8> {
    let length = u32::try_from(length).expect("answers are not that long");
    [
        &[kind as u8],
        &index.to_be_bytes()[..],
        &length.to_be_bytes(),
    ]
    .concat()
}

pub(super) fn answer(kind: Kind, index: u32, payload: &[u8]) -> Vec<u8> {
    let body = kind.body(index, payload);
    [answer_head(kind, index, body.len()), body].concat()
}

/// What one client sends, what it must get, and how it behaves.
fn plan(random: &mut Random) -> Plan {
    let count = 1 + random.below(16);
    let (mut bytes, mut answers) = (Vec::new(), Vec::new());
    let (mut ended, mut more, mut about) = (None, false, Vec::new());
    for index in 0..count {
        let kinds = if random.chance(0.03) {
            &Kind::ALL[5..]
        } else {
            &Kind::ALL[..5]
        };
        let kind = random.pick(kinds);
        let longest = random.pick(&[10, 100, 1000]);
        let payload: Vec<u8> = (0..random.below(longest))
            .map(|_| random.next_u64() as u8)
            .collect();
        bytes.extend(message(kind, &payload));
        more = ended.is_some();
        about.push(format!("{kind:?}"));
        if ended.is_none() && kind != Kind::Abort {
            answers.push(answer(kind, index as u32, &payload));
        }
        ended = ended.or_else(|| kind.ends().then_some(kind));
    }
    let manner = manner(random);
    if manner == Manner::Stalls {
        bytes.extend(&message(Kind::AtOnce, b"cut off")[..5]);
    }
    // Who finishes without lingering resets a client that is still sending, answers or not.
    let may_be_lost = ended == Some(Kind::Abort) || (ended == Some(Kind::Finish) && more);
    let answers_due = if may_be_lost { 0 } else { answers.len() };
    let answers_all = answers.len();
    let judge = Box::new(move |received: &[u8]| judge(&answers, received));
    Plan {
        manner,
        bytes,
        answers_all,
        answers_due,
        may_be_cut: may_be_lost,
        judge,
        about,
    }
}

fn manner(random: &mut Random) -> Manner {
    use std::time::Duration;
    let while_busy = random.span(Duration::from_millis(800));
    match random.below(10) {
        0..=3 => Manner::Waits,
        4..=5 => Manner::FinishesEarly,
        6 => Manner::Leaves {
            after: while_busy,
            resets: random.chance(0.5),
        },
        7 => Manner::Stalls,
        8 => Manner::Pauses { length: while_busy },
        _ => Manner::Leaves {
            after: random.span(Duration::from_secs(6)),
            resets: false,
        },
    }
}

/// What was received must be how these answers begin, one behind the other.
fn judge(answers: &[Vec<u8>], received: &[u8]) -> Result<Seen, String> {
    if received == [application::REFUSAL] {
        return Ok(Seen {
            answers: 0,
            cut: false,
            refused: true,
        });
    }
    let all = answers.concat();
    if !all.starts_with(received) {
        let same = all
            .iter()
            .zip(received)
            .take_while(|(due, came)| due == came);
        let (at, length) = (same.count(), received.len());
        return Err(format!(
            "{length} bytes came, and from byte {at} on this is not a clean beginning of what is due"
        ));
    }
    let (mut whole, mut end) = (0, 0);
    for answer in answers {
        if end + answer.len() > received.len() {
            break;
        }
        end += answer.len();
        whole += 1;
    }
    Ok(Seen {
        answers: whole,
        cut: end < received.len(),
        refused: false,
    })
}

/// One run.
pub(super) fn play(seed: Seed) -> Coverage {
    let book = Rc::new(Book::default());
    let mut stage = Stage::new(seed, |world| Echo::new(world.clone(), Rc::clone(&book)));
    let clients = 1 + stage.random.below(30);
    for _ in 0..clients {
        let plan = plan(&mut stage.random);
        stage.invite(plan);
    }
    let coverage = stage.play();
    book.check();
    coverage
}

#[test]
fn messages_are_answered_once_and_in_order_part_0() {
    run_part(0, play);
}

#[test]
fn messages_are_answered_once_and_in_order_part_1() {
    run_part(1, play);
}

#[test]
fn messages_are_answered_once_and_in_order_part_2() {
    run_part(2, play);
}

#[test]
fn messages_are_answered_once_and_in_order_part_3() {
    run_part(3, play);
}
