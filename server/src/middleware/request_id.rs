//! A name for each request, for logs and for whoever asks about one.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Middleware;
use crate::{Builder, Context};

/// The header that carries it unless another is set.
const HEADER: &str = "X-Request-ID";
/// A longer one that a client sends is not taken over.
const TAKEN_OVER_BYTES_MAX: usize = 128;
/// Hexadecimal digits of a number.
const DIGITS: usize = 16;

/// Gives every request an id, in a header of the answer: 32 hexadecimal digits, the same for no two
/// requests, whichever core they are on and however often the server is started.
///
/// The first half is drawn anew by each core when it starts, the second half counts.
///
/// ```
/// use ringlane::middleware::RequestId;
/// use ringlane::{Context, Server, testing::Client};
///
/// let server = Server::builder()
///     .with(RequestId::new())
///     .get("/", |ctx: Context| ctx.text(ctx.response_header("X-Request-ID").unwrap_or_default()))
///     .build()?;
/// let mut client = Client::new(server)?;
/// let (one, other) = (client.get("/").send()?, client.get("/").send()?);
/// assert_eq!(one.header("x-request-id"), Some(one.text()));
/// assert_ne!(one.text(), other.text());
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RequestId {
    header: &'static str,
    takes_over: bool,
}

impl RequestId {
    /// In `X-Request-ID`; what a client sends is not looked at.
    pub fn new() -> Self {
        Self {
            header: HEADER,
            takes_over: false,
        }
    }

    /// In another header.
    pub fn header(mut self, name: &'static str) -> Self {
        self.header = name;
        self
    }

    /// Takes over the id that the request carries in the same header, if it is 1 to 128 visible
    /// ASCII characters: for servers behind a proxy that gives ids. Others could choose theirs.
    pub fn take_over(mut self) -> Self {
        self.takes_over = true;
        self
    }

    fn name(self, ctx: &Context) {
        let brought = ctx
            .header_bytes(self.header)
            .filter(|id| self.takes_over && is_fit(id));
        match brought {
            Some(id) => ctx.set_header(self.header, id),
            None => ctx.set_header(self.header, next()),
        };
        ctx.0.run.id_header.set(Some(self.header));
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for RequestId {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        scope.before(move |ctx: &Context| self.name(ctx))
    }
}

fn is_fit(id: &[u8]) -> bool {
    (1..=TAKEN_OVER_BYTES_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// The next id of this core: the digits of its run, and those of the request.
fn next() -> [u8; 2 * DIGITS] {
    thread_local! {
        static RUN: [u8; DIGITS] = digits(run());
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }
    let count = COUNT.replace(COUNT.get().wrapping_add(1));
    let mut text = [0; 2 * DIGITS];
    let (run, request) = text.split_at_mut(DIGITS);
    run.copy_from_slice(&RUN.with(|run| *run));
    request.copy_from_slice(&digits(count));
    text
}

/// In hexadecimal, with leading zeros. Formatting would cost several times as much.
fn digits(number: u64) -> [u8; DIGITS] {
    let bytes = number.to_be_bytes();
    std::array::from_fn(|place| {
        let byte = bytes[place / 2];
        let digit = if place % 2 == 0 { byte >> 4 } else { byte & 15 };
        b"0123456789abcdef"[usize::from(digit)]
    })
}

/// A number that no other core and no other start of the server has: the system's randomness, by
/// way of the keys that hash maps get, and the time.
fn run() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |time| time.as_nanos());
    RandomState::new().hash_one((nanos, std::thread::current().id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_formatting() {
        for number in [0, 1, 0xf, 0x10, 0x0123_4567_89ab_cdef, u64::MAX] {
            let formatted = format!("{number:016x}");
            assert_eq!(digits(number), formatted.as_bytes(), "{formatted}");
        }
    }
}
