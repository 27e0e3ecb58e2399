//! The ring of receive buffers that a core shares with the kernel.
//!
//! Always true here:
//! - A buffer is either the kernel's, to fill, or ours, to read: [`Buffer`] is the proof of the
//!   latter, it cannot be copied, and handing it back consumes it.
//! - Memory of a large buffer may be taken away while the buffer is ours: it comes home with other
//!   memory.
//! - The memory outlives the ring it is registered with: see `uring.rs`, which drops it last.
//!
//! Not here: who waits when all buffers are in use (`exchange.rs`).

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

use crate::config::Config;
use crate::op::Room;
use crate::ring::{Arrived, Buffer, LARGE_FROM, next_ring, room_of};

/// The kernel's names of the two groups.
pub(crate) const SMALL: u16 = 0;
pub(crate) const LARGE: u16 = 1;
const PAGE: usize = 4096;

/// Page-aligned memory that the kernel may know the address of.
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

impl Memory {
    fn new(bytes: usize, zeroed: bool) -> Self {
        let layout = Layout::from_size_align(bytes.max(1), PAGE).expect("a small power of two");
        // SAFETY: the layout's size is not zero.
        let start = unsafe {
            if zeroed {
                alloc_zeroed(layout)
            } else {
                alloc(layout)
            }
        };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(layout)
        };
        Self { start, layout }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `start` came from `alloc` with this very layout, and is freed once.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// Receive buffers of both sizes, and the lists of those that the kernel may fill.
pub(crate) struct Buffers {
    /// Borne by every buffer that is lent: one of another ring could be the kernel's here.
    ring: u64,
    small: Group,
    large: Group,
    lent: u32,
}

/// What buffers are made of.
enum Lendable {
    /// All in one. Zeroed, so that reading any of it is defined; pages are touched only when used.
    Arena(Memory),
    /// Each its own, by place, with the room of a buffer but for those that were taken away. Empty
    /// while they are the kernel's.
    Whole(Vec<Vec<u8>>),
}

/// Those of one size.
struct Group {
    name: u16,
    entries: Memory,
    memory: Lendable,
    /// Their numbers begin here.
    first: u16,
    count: u16,
    bytes: u32,
    /// Where the next buffer that comes home is listed. Shown to the kernel by [`Self::publish`].
    tail: u16,
    published: u16,
}

impl Group {
    /// Allocates `count` buffers, a power of two up to 32,768, of `bytes` each.
    fn new(name: u16, first: u16, count: u16, bytes: u32, memory: Lendable) -> Self {
        assert!(
            count.is_power_of_two() && count <= LARGE_FROM,
            "the kernel requires it"
        );
        let entries = Memory::new(usize::from(count) * size_of::<BufRingEntry>(), true);
        let mut group = Self {
            name,
            entries,
            memory,
            first,
            count,
            bytes,
            tail: 0,
            published: 0,
        };
        for at in 0..count {
            group.list(usize::from(at));
        }
        group.publish();
        group
    }

    fn register(&self, submitter: &Submitter<'_>) -> io::Result<()> {
        let address = self.entries.start.as_ptr() as u64;
        // SAFETY: the memory holds `count` entries, is page-aligned, and is freed only after the
        // ring: `Uring` holds both, closes the ring first, and keeps this if it cannot.
        unsafe { submitter.register_buf_ring_with_flags(address, self.count, self.name, 0) }
    }

    /// Notes that the kernel has filled the buffer in place `at` with so many bytes.
    fn filled(&mut self, at: usize, len: u32) {
        assert!(
            at < usize::from(self.count) && len <= self.bytes,
            "the kernel named a buffer that is not ours"
        );
        if let Lendable::Whole(places) = &mut self.memory {
            let place = &mut places[at];
            assert!(place.capacity() >= len as usize, "listed with less");
            // SAFETY: the room is there, and the kernel, which was given its address by `list`,
            // says that it has written so many bytes from the start. It does not write any more:
            // it took the buffer off its list before it completed.
            unsafe { place.set_len(len as usize) }
        }
    }

    /// The bytes of the buffer in place `at`, which must be lent to us, and `len` no more than it
    /// holds.
    fn bytes(&mut self, at: usize, len: u32) -> Arrived<'_> {
        assert!(at < usize::from(self.count) && len <= self.bytes);
        match &mut self.memory {
            Lendable::Whole(places) => Arrived::Whole(&mut places[at]),
            // SAFETY: the range lies within the arena and was initialised when that was made. The
            // kernel does not write to it: it took the buffer off its list before it completed, and
            // lists it again only after `recycle`, which consumes the `Buffer` whose place this is.
            // `self` is borrowed exclusively as long as the slice, so that nothing else refers to
            // the arena, and neither that nor freeing can happen meanwhile.
            Lendable::Arena(arena) => Arrived::Part(unsafe {
                let start = arena.start.as_ptr().add(at * self.bytes as usize);
                std::slice::from_raw_parts_mut(start, len as usize)
            }),
        }
    }

    /// Where the buffer in place `at` begins, with room for all that the kernel may write.
    fn address(&mut self, at: usize) -> u64 {
        let bytes = self.bytes as usize;
        match &mut self.memory {
            // SAFETY: `at` is below `count`, for so many of which the arena has room.
            Lendable::Arena(arena) => unsafe { arena.start.as_ptr().add(at * bytes) as u64 },
            Lendable::Whole(places) => {
                let place = &mut places[at];
                place.clear();
                place.reserve_exact(bytes); // only if it was taken away
                place.as_mut_ptr() as u64
            }
        }
    }

    /// Lists the buffer in place `at`, which is home, from the next [`Self::publish`] on.
    fn list(&mut self, at: usize) {
        assert!(at < usize::from(self.count), "there is no such buffer");
        let entry_at = usize::from(self.tail & (self.count - 1));
        let address = self.address(at);
        // SAFETY: `entry_at` is below `count`, so the entry lies within their memory. The kernel
        // does not look at it: it lies behind the tail it was shown, and at most `count` buffers
        // exist, so it is not one it has yet to read. Fields are set one by one, because the
        // kernel's tail shares its memory with entry 0. The address is that of memory which stays
        // where it is, with room for `bytes`, until the kernel has given the buffer back: nobody
        // but `bytes` refers to it, for which a `Buffer` is needed.
        unsafe {
            let entry = &mut *self
                .entries
                .start
                .cast::<BufRingEntry>()
                .as_ptr()
                .add(entry_at);
            entry.set_addr(address);
            entry.set_len(self.bytes);
            entry.set_bid(self.first + at as u16); // below `count`, which is one, too
        }
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows the kernel every buffer that came home since the last call.
    fn publish(&mut self) {
        if self.tail == self.published {
            return;
        }
        self.published = self.tail;
        // SAFETY: the tail lies within the first entry of memory that `self` owns; it is two-byte
        // aligned, and both sides access it as one atomic word.
        let tail = unsafe {
            let base = self.entries.start.cast::<BufRingEntry>().as_ptr();
            &*BufRingEntry::tail(base).cast::<AtomicU16>()
        };
        // Release: the entries must be visible before the index that announces them.
        tail.store(self.tail, Ordering::Release);
    }

    /// Fills buffers with a byte: the first pages of an arena, the first bytes of whole ones.
    fn poison(&mut self, byte: u8) {
        /// As many as the smallest buffer has: more would touch pages that are not in use.
        const OF_EACH: usize = 64;
        match &mut self.memory {
            Lendable::Arena(arena) => {
                let bytes = usize::from(self.count) * self.bytes as usize;
                // SAFETY: the whole arena is ours to write: it lies within the allocation, nothing
                // was received yet (the ring was just made and no receive is armed), and `self` is
                // exclusive.
                unsafe {
                    arena.start.as_ptr().write_bytes(byte, bytes.min(16 * PAGE));
                }
            }
            Lendable::Whole(places) => {
                for place in places {
                    let room = place.spare_capacity_mut().iter_mut();
                    room.take(OF_EACH).for_each(|at| _ = at.write(byte));
                }
            }
        }
    }
}

impl Buffers {
    /// Allocates as many as are configured.
    pub(crate) fn new(config: &Config) -> Self {
        let (count, bytes) = (config.buffers, config.buffer_bytes);
        let arena = Memory::new(usize::from(count) * bytes as usize, true);
        let small = Group::new(SMALL, 0, count, bytes, Lendable::Arena(arena));
        let (count, bytes) = (config.large_buffers, config.large_buffer_bytes);
        let places = Lendable::Whole(vec![Vec::new(); usize::from(count)]);
        Self {
            ring: next_ring(),
            small,
            large: Group::new(LARGE, LARGE_FROM, count, bytes, places),
            lent: 0,
        }
    }

    /// Makes the buffers known to a ring.
    pub(crate) fn register(&self, submitter: &Submitter<'_>) -> io::Result<()> {
        self.small.register(submitter)?;
        self.large.register(submitter)
    }

    #[inline]
    fn group(&mut self, room: Room) -> &mut Group {
        match room {
            Room::Small => &mut self.small,
            Room::Large => &mut self.large,
        }
    }

    /// Takes the buffer that a completion names.
    ///
    /// # Panics
    ///
    /// If the kernel names a buffer, or a length, that there is not.
    #[inline]
    pub(crate) fn take(&mut self, id: u16, len: u32) -> Buffer {
        let (room, at) = room_of(id);
        self.group(room).filled(at, len);
        self.lent += 1;
        Buffer {
            ring: self.ring,
            id,
            len,
        }
    }

    /// The bytes that were received into a buffer.
    #[inline]
    pub(crate) fn bytes(&mut self, buffer: &Buffer) -> Arrived<'_> {
        assert!(buffer.ring == self.ring, "a buffer of another ring");
        let (room, at) = buffer.place();
        self.group(room).bytes(at, buffer.len)
    }

    /// Lists a buffer for the kernel again, from the next [`Self::publish`] on.
    #[inline]
    pub(crate) fn recycle(&mut self, buffer: Buffer) {
        assert!(buffer.ring == self.ring, "a buffer of another ring");
        self.lent -= 1;
        let (room, at) = buffer.place();
        self.group(room).list(at);
    }

    /// Shows the kernel every buffer that came home since the last call.
    #[inline]
    pub(crate) fn publish(&mut self) {
        self.small.publish();
        self.large.publish();
    }

    /// Buffers that are ours at the moment.
    pub(crate) fn lent(&self) -> u32 {
        self.lent
    }

    /// Fills buffers with a byte, to recognise later what was not received.
    pub(crate) fn poison(&mut self, byte: u8) {
        assert_eq!(self.lent, 0, "buffers are in use");
        self.small.poison(byte);
        self.large.poison(byte);
    }
}
