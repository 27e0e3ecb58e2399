//! Builds the requests of simulated clients and the answers that are due.
//!
//! Not here: how answers are read (`answers.rs`), how requests are cut and timed (`visitor.rs`).

use std::time::Duration;

use ringlane_reactor::sim::Random;

use super::answers::{Expected, judge};
use super::site::{self, BODY_BYTES_MAX};
use crate::sim::visitor::{Manner, Plan};

/// One kind of request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ask {
    Now,
    Head,
    Missing,
    WrongMethod,
    Large,
    Slow,
    Stream,
    Spawned,
    /// A body that is sent back whole, at once or after a while; piece by piece; or not at all.
    Echo,
    Late,
    Through,
    Ignored,
    TooLarge,
    /// A handler that is never done.
    Forever,
    Panic,
    /// Framing that nobody can trust.
    Broken,
    /// The last one, and the client says so.
    Last,
}

impl Ask {
    const USUAL: [Self; 12] = [
        Self::Now,
        Self::Head,
        Self::Missing,
        Self::WrongMethod,
        Self::Large,
        Self::Slow,
        Self::Stream,
        Self::Spawned,
        Self::Echo,
        Self::Late,
        Self::Through,
        Self::Ignored,
    ];
    const RARE: [Self; 5] = [
        Self::TooLarge,
        Self::Forever,
        Self::Panic,
        Self::Broken,
        Self::Last,
    ];

    fn path(self) -> &'static str {
        match self {
            Self::Now | Self::Head | Self::WrongMethod | Self::Broken | Self::Last => "now",
            Self::Missing => "nowhere",
            Self::Large => "large",
            Self::Slow => "slow",
            Self::Stream => "stream",
            Self::Spawned => "spawned",
            Self::Echo | Self::TooLarge => "echo",
            Self::Late => "late",
            Self::Through => "through",
            Self::Ignored => "ignore",
            Self::Forever => "forever",
            Self::Panic => "panic",
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Head => "HEAD",
            Self::WrongMethod => "DELETE",
            _ if self.has_body() => "POST",
            _ => "GET",
        }
    }

    fn has_body(self) -> bool {
        matches!(
            self,
            Self::Echo | Self::Late | Self::Through | Self::Ignored | Self::TooLarge
        )
    }

    /// The answer that is due, if the request's body was this.
    fn answer(self, number: u32, body: &[u8]) -> Expected {
        let (status, body) = match self {
            Self::Now | Self::Slow | Self::Spawned | Self::Ignored | Self::Last => {
                (200, Some(site::short(number).into_bytes()))
            }
            Self::Head => (200, Some(Vec::new())),
            Self::Large => (200, Some(site::long(number))),
            Self::Stream => (200, Some(site::streamed(number).into_bytes())),
            Self::Echo | Self::Late | Self::Through => (200, Some(body.to_vec())),
            Self::Missing => (404, None),
            Self::WrongMethod => (405, None),
            Self::TooLarge => (413, None),
            Self::Forever => (503, None),
            Self::Panic => (500, None),
            Self::Broken => (400, None),
        };
        Expected {
            status,
            body,
            to_head: self == Self::Head,
        }
    }

    /// Whether the server may end the connection after its answer.
    fn may_end(self, expects: bool) -> bool {
        // Whether a client that was not told to go on sends its body nobody knows.
        let unasked = expects && matches!(self, Self::Ignored | Self::Through);
        unasked || matches!(self, Self::TooLarge | Self::Forever) || self.ends()
    }

    /// Whether it must, so that no further answer may come.
    fn ends(self) -> bool {
        matches!(self, Self::Panic | Self::Broken | Self::Last)
    }

    /// Whether it is answered without waiting for anything.
    fn is_synchronous(self) -> bool {
        matches!(
            self,
            Self::Now | Self::Head | Self::Missing | Self::WrongMethod | Self::Large | Self::Last
        )
    }
}

/// One request as bytes; it may expect to be told to go on before its body.
fn request(ask: Ask, number: u32, body: &[u8], expects: bool, random: &mut Random) -> Vec<u8> {
    let mut head = format!(
        "{} /{}/{number} HTTP/1.1\r\nHost: sim\r\n",
        ask.method(),
        ask.path()
    );
    for extra in 0..random.below(4) {
        head.push_str(&format!(
            "X-Extra-{extra}: {}\r\n",
            "x".repeat(random.below(60))
        ));
    }
    match ask {
        Ask::Broken => head.push_str("Content-Length : 3\r\n"),
        Ask::Last => head.push_str("Connection: close\r\n"),
        _ => {}
    }
    if !ask.has_body() {
        return [head.as_bytes(), b"\r\n"].concat();
    }
    if expects {
        head.push_str("Expect: 100-continue\r\n");
    }
    if random.chance(0.5) {
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        return [head.as_bytes(), body].concat();
    }
    head.push_str("Transfer-Encoding: chunked\r\n\r\n");
    [head.as_bytes(), &chunked(body, random)].concat()
}

fn chunked(mut body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !body.is_empty() {
        let (chunk, rest) = body.split_at(1 + random.below(body.len()));
        let extension = random.pick(&["", ";a=b", "; quoted=\"x\""]);
        bytes.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
        body = rest;
    }
    bytes.extend_from_slice(random.pick(&[&b"0\r\n\r\n"[..], b"0\r\nX-Trailer: t\r\n\r\n"]));
    bytes
}

fn body(ask: Ask, random: &mut Random) -> Vec<u8> {
    let length = match ask {
        Ask::TooLarge => BODY_BYTES_MAX + 1 + random.below(1000),
        _ => {
            let longest = random.pick(&[1, 50, BODY_BYTES_MAX]);
            random.below(longest + 1)
        }
    };
    (0..length).map(|_| b'a' + random.below(26) as u8).collect()
}

/// What one client asks for, and how it behaves.
pub(super) fn plan(client: u32, random: &mut Random, half_close: bool, refuses: bool) -> Plan {
    let manner = manner(random);
    let asks: Vec<Ask> = (0..1 + random.below(16))
        .map(|_| {
            if random.chance(0.04) {
                random.pick(&Ask::RARE)
            } else {
                random.pick(&Ask::USUAL)
            }
        })
        .collect();
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    let (mut ended, mut may_end) = (false, None);
    for (index, &ask) in asks.iter().enumerate() {
        let number = client * 100 + index as u32;
        let body = body(ask, random);
        let expects = ask.has_body() && random.chance(0.2);
        bytes.extend(request(ask, number, &body, expects, random));
        may_end = may_end.or_else(|| ask.may_end(expects).then_some(index));
        if !ended {
            expected.push(ask.answer(number, &body));
        }
        ended |= ask.ends();
    }
    if manner == Manner::Stalls && !ended {
        bytes.extend_from_slice(b"GET /now/1 HTTP/1.1\r\nHos");
        expected.push(Expected {
            status: 408,
            body: None,
            to_head: false,
        });
    }
    let answers_all = expected.len();
    let answers_due = due(&asks, may_end, expected.len(), manner, half_close);
    let judge = Box::new(move |received: &[u8]| judge(&expected, received, refuses));
    Plan {
        manner,
        bytes,
        answers_all,
        answers_due,
        may_be_cut: manner == Manner::FinishesEarly && !half_close || answers_due == 0,
        judge,
        about: asks.iter().map(|ask| format!("{ask:?}")).collect(),
    }
}

/// How many answers the client must get in any case.
fn due(
    asks: &[Ask],
    may_end: Option<usize>,
    expected: usize,
    manner: Manner,
    half_close: bool,
) -> usize {
    let mut due = may_end.map_or(expected, |at| at + 1);
    if matches!(manner, Manner::Pauses { .. }) && may_end.is_some_and(|at| at + 1 < asks.len()) {
        due = 0; // it may still be sending when the server has closed, and be reset unread
    }
    if manner == Manner::FinishesEarly && !half_close {
        // Who finishes while its request waits for something has left.
        due = due.min(asks.iter().take_while(|ask| ask.is_synchronous()).count());
    }
    due
}

fn manner(random: &mut Random) -> Manner {
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
