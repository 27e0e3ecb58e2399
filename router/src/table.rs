//! A read-only hash table, filled once: (owner, bytes) → number.
//!
//! A slot holds the last eight bytes of its key, which for most keys is all of it: then a hit
//! costs one memory access, and for longer keys two, however many keys there are. A key may be
//! asked for in two pieces, if it was stored as such.
//!
//! Always true here:
//! - At least half of the slots are vacant, so every probe ends.
//! - Keys come from the application, never from a peer, who can only ask: the hash needs no secret.
//!
//! Not here: what owners and numbers mean (`tree.rs`).

/// Stands for the value where there is no key.
const VACANT: u32 = u32::MAX;

const WORD_BYTES: usize = size_of::<u64>();

/// Odd multipliers without a visible pattern, from the fractions of √2 and √3.
const MIX: [u64; 2] = [0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b];

/// A frozen map from (owner, bytes) to a number.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    slots: Box<[Slot]>,
    bytes: Box<[u8]>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The last eight bytes of the key, or all of it.
    end: u64,
    owner: u32,
    len: u32,
    /// Where the key starts in the table's bytes.
    start: u32,
    value: u32,
}

/// A table while it is filled.
#[derive(Debug, Default)]
pub(crate) struct TableBuilder {
    /// With their hashes.
    keys: Vec<(u64, Slot)>,
    bytes: Vec<u8>,
}

impl TableBuilder {
    /// Adds a key, which must not be there yet.
    pub(crate) fn insert(&mut self, owner: u32, key: &[u8], value: u32) {
        self.insert_hashed(hash(owner.into(), key), owner, key, value);
    }

    /// Adds the key for [`Table::find_pair`].
    pub(crate) fn insert_pair(&mut self, owner: u32, pair: (&[u8], &[u8]), value: u32) {
        let key = [pair.0, pair.1].concat();
        self.insert_hashed(hash_pair(owner, pair), owner, &key, value);
    }

    fn insert_hashed(&mut self, hash: u64, owner: u32, key: &[u8], value: u32) {
        let slot = Slot {
            end: last_word(key),
            owner,
            len: key.len() as u32,
            start: self.bytes.len() as u32,
            value,
        };
        self.bytes.extend_from_slice(key);
        self.keys.push((hash, slot));
    }

    pub(crate) fn build(self) -> Table {
        assert!(
            u32::try_from(self.bytes.len()).is_ok(),
            "the limits on routes and patterns keep all keys below 4 GiB"
        );
        let vacant = Slot {
            end: 0,
            owner: 0,
            len: 0,
            start: 0,
            value: VACANT,
        };
        let len = (self.keys.len() * 2).next_power_of_two().max(2);
        let mut slots = vec![vacant; len];
        for (hash, slot) in self.keys {
            let mut at = hash as usize & (len - 1);
            while slots[at].value != VACANT {
                at = (at + 1) & (len - 1);
            }
            slots[at] = slot;
        }
        Table {
            slots: slots.into(),
            bytes: self.bytes.into(),
        }
    }
}

impl Table {
    /// What was stored under `key`.
    #[inline]
    pub(crate) fn find(&self, owner: u32, key: &[u8]) -> Option<u32> {
        let end = last_word(key);
        self.probe(hash(owner.into(), key), |slot| {
            slot.end == end
                && slot.owner == owner
                && slot.len as usize == key.len()
                && (key.len() <= WORD_BYTES || slot.key(&self.bytes) == key)
        })
    }

    /// What was stored under the two pieces `pair`.
    pub(crate) fn find_pair(&self, owner: u32, pair: (&[u8], &[u8])) -> Option<u32> {
        self.probe(hash_pair(owner, pair), |slot| {
            slot.owner == owner && slot.key(&self.bytes).strip_prefix(pair.0) == Some(pair.1)
        })
    }

    #[inline]
    fn probe(&self, hash: u64, is_it: impl Fn(&Slot) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize;
        loop {
            let slot = &self.slots[at & mask];
            if slot.value == VACANT {
                return None;
            }
            if is_it(slot) {
                return Some(slot.value);
            }
            at = at.wrapping_add(1);
        }
    }
}

impl Slot {
    fn key<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }
}

fn hash_pair(owner: u32, (head, tail): (&[u8], &[u8])) -> u64 {
    hash(hash(owner.into(), head), tail)
}

#[inline]
fn hash(seed: u64, key: &[u8]) -> u64 {
    let mut state = seed ^ (key.len() as u64) << 32;
    let mut rest = key;
    while rest.len() > WORD_BYTES
        && let Some((word, behind)) = rest.split_first_chunk()
    {
        state = fold(state ^ u64::from_le_bytes(*word), MIX[0]);
        rest = behind;
    }
    // Overlaps what was read before, in most keys of more than one word.
    fold(state ^ last_word(key), MIX[1])
}

/// The bytes, or the last eight of them, as a little-endian number.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.last_chunk() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // The halves overlap, and agree there.
        let shift = (bytes.len() - 4) * 8;
        return u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << shift;
    }
    match *bytes {
        [a, b, c] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
        [a, b] => u64::from(a) | u64::from(b) << 8,
        [a] => a.into(),
        _ => 0,
    }
}

/// Multiplies and folds the upper half of the product onto the lower.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(keys: &[(u32, &[u8])]) -> Table {
        let mut builder = TableBuilder::default();
        for (value, (owner, key)) in keys.iter().enumerate() {
            builder.insert(*owner, key, value as u32);
        }
        builder.build()
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        let table = table(&[]);
        assert_eq!(table.find(0, b""), None);
        assert_eq!(table.find(0, b"a"), None);
    }

    #[test]
    fn keys_of_every_length_are_found() {
        let text = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let keys: Vec<(u32, &[u8])> = (0..=text.len()).map(|len| (7, &text[..len])).collect();
        let table = table(&keys);
        for len in 0..=text.len() {
            let expected = Some(len as u32);
            assert_eq!(table.find(7, &text[..len]), expected);
            assert_eq!(table.find(8, &text[..len]), None, "another owner's key");
        }
    }

    #[test]
    fn pairs_of_every_length_are_found() {
        let text = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let pairs = || (0..=text.len()).flat_map(|len| (0..=len).map(move |cut| (len, cut)));
        let mut builder = TableBuilder::default();
        for (len, cut) in pairs() {
            // As for parameters, the owner says where the pair is cut.
            builder.insert_pair(cut as u32, (&text[..cut], &text[cut..len]), len as u32);
        }
        let table = builder.build();
        for (len, cut) in pairs() {
            let pair = (&text[..cut], &text[cut..len]);
            assert_eq!(table.find_pair(cut as u32, pair), Some(len as u32));
            assert_eq!(table.find_pair(cut as u32 + 1, pair), None);
        }
    }

    #[test]
    fn keys_that_differ_in_one_byte_are_apart() {
        let keys: Vec<Vec<u8>> = (0..20)
            .flat_map(|at| {
                (1..=255u8).map(move |byte| {
                    let mut key = vec![0; 20];
                    key[at] = byte;
                    key
                })
            })
            .collect();
        let borrowed: Vec<(u32, &[u8])> = keys.iter().map(|key| (0, key.as_slice())).collect();
        let table = table(&borrowed);
        for (value, key) in keys.iter().enumerate() {
            assert_eq!(table.find(0, key), Some(value as u32));
        }
    }

    #[test]
    fn similar_keys_do_not_crowd() {
        let keys: Vec<String> = (0..10_000).map(|n| format!("/resource/{n}")).collect();
        let borrowed: Vec<(u32, &[u8])> = keys.iter().map(|key| (0, key.as_bytes())).collect();
        let table = table(&borrowed);
        let mut run = 0;
        let mut longest = 0;
        for slot in &table.slots {
            run = if slot.value == VACANT { 0 } else { run + 1 };
            longest = longest.max(run);
        }
        assert!(longest < 64, "a probe may look at {longest} slots");
    }
}
