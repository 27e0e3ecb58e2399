//! Mutates seeds: bits flipped, bytes set, pieces cut, doubled, moved and inserted.
//!
//! Not here: who is shown them (`decoders.rs`).

use std::ops::Range;

use fastrand::Rng;

/// What the first of all mutations is made from.
const SEED: u64 = 1;
/// How often one input is changed at most.
const CHANGES_MAX: usize = 6;
/// No input is longer, so that doubling comes to an end.
const INPUT_BYTES_MAX: usize = 2048;

/// Bytes at which decoders change their mind.
const BYTES: [u8; 12] = [
    0, b'\t', b'\n', b'\r', b' ', b'"', b',', 0x7d, 0x7e, 0x7f, 0x80, 0xff,
];

/// What stands between things, ends them, or is too much.
const TOKENS: [&[u8]; 26] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\r\n ",
    b"\r\n--x--\r\n",
    b"\r\nHost: b",
    b"\r\nContent-Length: 1",
    b"\r\nTransfer-Encoding: chunked",
    b"0\r\n\r\n",
    b"ffffffffffffffff",
    b"18446744073709551616",
    b"-1",
    b"%",
    b"%00",
    b"%c3%28",
    b"\\",
    b"\\\"",
    b"; ",
    b", ",
    b"=\"",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x00\x00\xff\xff",
];

/// An endless row of inputs, the same each time.
pub(super) struct Mutations<'s> {
    seeds: &'s [Vec<u8>],
    random: Rng,
}

impl<'s> Mutations<'s> {
    pub(super) fn of(seeds: &'s [Vec<u8>]) -> Self {
        assert!(!seeds.is_empty(), "nothing comes of nothing");
        let random = Rng::with_seed(SEED);
        Self { seeds, random }
    }

    fn seed(&mut self) -> &'s [u8] {
        &self.seeds[self.random.usize(..self.seeds.len())]
    }

    /// A piece of an input, possibly empty.
    fn range(&mut self, input: &[u8]) -> Range<usize> {
        let (one, other) = (self.place(input), self.place(input));
        one.min(other)..one.max(other)
    }

    /// Before a byte of an input, or behind its last.
    fn place(&mut self, input: &[u8]) -> usize {
        self.random.usize(..=input.len())
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input);
        match self.random.u8(..9) {
            0 | 1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.random.u8(..8);
                }
            }
            2 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = BYTES[self.random.usize(..BYTES.len())];
                }
            }
            3 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = self.random.u8(..);
                }
            }
            4 => input.truncate(at),
            5 => {
                let range = self.range(input);
                input.drain(range);
            }
            6 => {
                let piece = input[self.range(input)].to_vec();
                input.splice(at..at, piece);
            }
            7 => {
                let token = TOKENS[self.random.usize(..TOKENS.len())];
                input.splice(at..at, token.iter().copied());
            }
            _ => {
                let other = self.seed();
                let piece = &other[self.range(other)];
                input.splice(at..at, piece.iter().copied());
            }
        }
        input.truncate(INPUT_BYTES_MAX);
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.seed().to_vec();
        for _ in 0..self.random.usize(1..=CHANGES_MAX) {
            self.change(&mut input);
        }
        Some(input)
    }
}

#[test]
fn mutations_are_the_same_in_each_run_and_differ_from_their_seeds() {
    let seeds = [b"GET / HTTP/1.1\r\n".to_vec(), Vec::new(), vec![0; 4096]];
    let some = || Mutations::of(&seeds).take(1000).collect::<Vec<_>>();
    let mutations = some();
    assert_eq!(mutations, some());
    assert!(mutations.iter().all(|input| input.len() <= INPUT_BYTES_MAX));
    let unlike = mutations.iter().filter(|input| !seeds.contains(input));
    assert!(unlike.count() > 750);
    let has_token = |token: &[u8]| {
        let holds = |input: &Vec<u8>| input.windows(token.len()).any(|piece| piece == token);
        mutations.iter().any(holds)
    };
    assert!(TOKENS.into_iter().all(has_token));
}
