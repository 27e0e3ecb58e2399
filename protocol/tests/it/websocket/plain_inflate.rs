//! DEFLATE read the slow way (RFC 1951), to see how far back it refers: the library does not tell.

/// Reads blocks until the data ends with one: the bytes, and the farthest reference back.
pub(crate) fn inflate(data: &[u8]) -> (Vec<u8>, usize) {
    let mut bits = Bits { data, at: 0 };
    let (mut out, mut farthest) = (Vec::new(), 0);
    while bits.at + 3 <= 8 * data.len() {
        assert_eq!(bits.take(1), 0, "no block is the last");
        match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let len = bits.take(16);
                assert_eq!(bits.take(16), len ^ 0xffff);
                out.extend((0..len).map(|_| bits.take(8) as u8));
            }
            1 => {
                let lengths: Vec<u8> = (0..288).map(fixed_length).collect();
                let codes = (Code::new(&lengths), Code::new(&[5; 30]));
                farthest = farthest.max(block(&mut bits, &codes, &mut out));
            }
            2 => {
                let codes = dynamic_codes(&mut bits);
                farthest = farthest.max(block(&mut bits, &codes, &mut out));
            }
            _ => panic!("no such block"),
        }
    }
    (out, farthest)
}

/// RFC 1951 §3.2.6.
const fn fixed_length(symbol: usize) -> u8 {
    match symbol {
        0..=143 => 8,
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    }
}

/// RFC 1951 §3.2.7.
fn dynamic_codes(bits: &mut Bits<'_>) -> (Code, Code) {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let literals = bits.take(5) + 257;
    let distances = bits.take(5) + 1;
    let count = bits.take(4) + 4;
    let mut lengths = [0; 19];
    for place in &ORDER[..count] {
        lengths[*place] = bits.take(3) as u8;
    }
    let code = Code::new(&lengths);
    let mut lengths: Vec<u8> = Vec::new();
    while lengths.len() < literals + distances {
        let (length, times) = match code.read(bits) {
            16 => (lengths[lengths.len() - 1], 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times));
    }
    let (literals, distances) = lengths.split_at(literals);
    (Code::new(literals), Code::new(distances))
}

/// RFC 1951 §3.2.5. Tells the farthest reference.
fn block(bits: &mut Bits<'_>, (literals, distances): &(Code, Code), out: &mut Vec<u8>) -> usize {
    let mut farthest = 0;
    loop {
        let length = match literals.read(bits) {
            literal @ 0..=255 => {
                out.push(literal as u8);
                continue;
            }
            256 => return farthest,
            symbol @ 257..=264 => symbol - 254,
            285 => 258,
            symbol => {
                let extra = (symbol - 261) / 4;
                (((symbol - 265) % 4 + 4) << extra) + 3 + bits.take(extra)
            }
        };
        let distance = match distances.read(bits) {
            symbol @ 0..=3 => symbol + 1,
            symbol => {
                let extra = symbol / 2 - 1;
                ((symbol % 2 + 2) << extra) + 1 + bits.take(extra)
            }
        };
        farthest = farthest.max(distance);
        for _ in 0..length {
            out.push(out[out.len() - distance]);
        }
    }
}

struct Bits<'d> {
    data: &'d [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        let bit = |at: usize| usize::from(self.data[at / 8] >> (at % 8) & 1);
        let value = (0..count).map(|place| bit(self.at + place) << place).sum();
        self.at += count;
        value
    }
}

/// A Huffman code: how many codes there are of each length, and their symbols in order.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    /// RFC 1951 §3.2.2.
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; 16];
        let mut symbols = Vec::new();
        for length in 1..16 {
            let of_length = lengths.iter().enumerate().filter(|one| *one.1 == length);
            symbols.extend(of_length.map(|(symbol, _)| symbol));
            counts[usize::from(length)] = lengths.iter().filter(|one| **one == length).count();
        }
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> usize {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1);
            if code < first + count {
                return self.symbols[index + code - first];
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        panic!("no such code");
    }
}
