//! What WebSocket messages cost in memory: nothing where they come whole, and never more than has
//! come. A program of its own, because the counting allocator counts every thread of a process.

#![forbid(unsafe_code)]

use ringlane_protocol::websocket::{
    DeflateParameters, Event, Receiver, Role, Sender, Settings, Shared, mask, pair,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A client's frame under a key that changes every byte.
fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [1, 2, 3, 4];
    assert!((126..=0xffff).contains(&payload.len()) || payload.len() < 126);
    let mut frame = vec![first];
    if payload.len() < 126 {
        frame.push(0x80 | payload.len() as u8);
    } else {
        frame.push(0x80 | 126);
        frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    }
    frame.extend_from_slice(&KEY);
    let start = frame.len();
    frame.extend_from_slice(payload);
    mask(&mut frame[start..], KEY, 0);
    frame
}

struct Echo {
    receiver: Receiver,
    sender: Sender,
    shared: Shared,
    output: Vec<u8>,
    events: usize,
}

impl Echo {
    fn new(settings: &Settings, deflate: Option<&DeflateParameters>) -> Self {
        let (receiver, sender) = pair(Role::Server, settings, deflate);
        Self {
            receiver,
            sender,
            shared: Shared::new(),
            output: Vec::with_capacity(128 * 1024),
            events: 0,
        }
    }

    /// Shows it `input`, which it changes, in pieces of `size`.
    fn feed(&mut self, input: &mut [u8], size: usize) {
        for mut piece in input.chunks_mut(size) {
            self.output.clear();
            loop {
                let (sender, output) = (&mut self.sender, &mut self.output);
                let step = self
                    .receiver
                    .receive(piece, sender, output, &mut self.shared);
                let consumed = step.consumed;
                let sent = match step.event {
                    Event::NeedMore => break,
                    Event::Text(text) => sender.text(text, output, &mut self.shared),
                    Event::Binary(bytes) => sender.binary(bytes, output, &mut self.shared),
                    _ => Ok(()),
                };
                assert_eq!(sent, Ok(()));
                self.events += 1;
                piece = &mut piece[consumed..];
            }
        }
    }
}

fn change(work: impl FnOnce()) -> Stats {
    let region = Region::new(ALLOCATOR);
    work();
    region.change()
}

/// Everything in one test: tests of one program run side by side, and would count each other.
#[test]
fn memory_follows_what_has_come() {
    a_warm_thread_has_it_all();
    a_whole_message_needs_nothing_even_when_cold();
    announcing_much_is_not_sending_it();
    a_bomb_is_stopped();
    // The test can fail: what is asked for is counted.
    let counted = change(|| drop(std::hint::black_box(Box::new([0; 8]))));
    assert_eq!(counted.allocations, 1);
}

fn a_warm_thread_has_it_all() {
    // Whole messages, fragments, control frames, in one piece and cut.
    let input = [
        sent(0x81, b"Hello"),
        sent(0x89, b"ping"),
        sent(0x82, &[7; 60_000]),
        sent(0x01, &[b'a'; 3000]),
        sent(0x89, b"between"),
        sent(0x80, &[b'b'; 3000]),
        sent(0x81, b""),
    ]
    .concat();
    let no_takeover = DeflateParameters {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        ..DeflateParameters::default()
    };
    let compressed = [sent(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"), input.clone()].concat();
    let takeover = DeflateParameters::default();
    for (deflate, input) in [
        (None, &input),
        (Some(&no_takeover), &compressed),
        (Some(&takeover), &compressed),
    ] {
        for size in [input.len(), 4096, 1] {
            let mut echo = Echo::new(&Settings::default(), deflate);
            let (mut first, mut second) = (input.clone(), input.clone());
            echo.feed(&mut first, size);
            let warm = change(|| echo.feed(&mut second, size));
            assert_eq!(
                (warm.allocations, warm.reallocations),
                (0, 0),
                "{deflate:?}, {size}"
            );
            assert!(echo.events >= 12);
        }
    }
}

fn a_whole_message_needs_nothing_even_when_cold() {
    let mut echo = Echo::new(&Settings::default(), None);
    let mut hello = sent(0x81, b"Hello");
    let cold = change(|| echo.feed(&mut hello, 100));
    assert_eq!(cold.allocations, 0);
}

/// As large as messages may be.
fn large() -> Settings {
    Settings {
        message_bytes_max: 1 << 30,
        ..Settings::default()
    }
}

/// A header that announces as much as is allowed, and little behind it.
fn announcing_much_is_not_sending_it() {
    let mut echo = Echo::new(&large(), None);
    let mut announced = [
        &[0x82, 0xff][..],
        &(1_u64 << 30).to_be_bytes(),
        &[0; 4 + 100],
    ]
    .concat();
    let announced = change(|| echo.feed(&mut announced, 10));
    assert!(announced.bytes_allocated <= 2048, "{announced:?}");
}

/// 16 MiB of zeros, stopped at the limit of 64 KiB.
fn a_bomb_is_stopped() {
    let takeover = DeflateParameters::default();
    let (_, mut bomber) = pair(Role::Server, &large(), Some(&takeover));
    let mut bomb = Vec::new();
    let zeros = vec![0; 16 << 20];
    let made = bomber.binary(&zeros, &mut bomb, &mut Shared::new());
    assert_eq!(made, Ok(()));
    let mut bomb = sent(0xc2, &bomb[4..]); // behind the server's header
    let settings = Settings {
        message_bytes_max: 64 << 10,
        ..Settings::default()
    };
    let mut echo = Echo::new(&settings, Some(&takeover));
    let stopped = change(|| echo.feed(&mut bomb, 1000));
    assert!(echo.receiver.is_ended());
    // Its buffer by doubling, twice the limit in all, and the inflater.
    let allocated = stopped
        .bytes_allocated
        .saturating_add_signed(stopped.bytes_reallocated);
    assert!(allocated < 2 * (64 << 10) + (64 << 10), "{stopped:?}");
}
