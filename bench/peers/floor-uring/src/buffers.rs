//! Receive buffers that the kernel picks from: a ring of descriptors, and the memory behind it.
//!
//! Always true here: a buffer is either the kernel's or has been named by a completion and not yet
//! been given back.
//!
//! Not here: what is received.

use std::io;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// The only group there is.
pub(crate) const GROUP: u16 = 0;

const BUFFERS: u16 = 1024;
const BUFFER_BYTES: usize = 4096;

const _: () = assert!(BUFFERS.is_power_of_two(), "the kernel requires it");

/// The ring and its memory, both mapped until the process ends.
pub(crate) struct Buffers {
    ring: *mut BufRingEntry,
    memory: *mut u8,
    /// Counts the buffers ever given, wrapping as the kernel's index does.
    tail: u16,
}

impl Buffers {
    /// Registers the ring and gives all buffers to the kernel.
    pub(crate) fn register(submitter: &Submitter<'_>) -> io::Result<Self> {
        let ring = map(usize::from(BUFFERS) * size_of::<BufRingEntry>())?.cast();
        let memory = map(usize::from(BUFFERS) * BUFFER_BYTES)?;
        // SAFETY: the mapping is page-aligned, as long as `BUFFERS` descriptors, and never unmapped.
        unsafe { submitter.register_buf_ring_with_flags(ring as u64, BUFFERS, GROUP, 0)? };
        let mut buffers = Self {
            ring,
            memory,
            tail: 0,
        };
        for id in 0..BUFFERS {
            buffers.give(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// The first `length` bytes of a buffer that a completion named.
    #[inline]
    pub(crate) fn bytes(&self, id: u16, length: usize) -> &[u8] {
        assert!(
            id < BUFFERS && length <= BUFFER_BYTES,
            "the kernel names what it was given"
        );
        // SAFETY: inside the mapping by the check above. The kernel writes a buffer only between
        // `publish` and the completion that names it, and `publish` needs `&mut self`.
        unsafe { slice::from_raw_parts(self.memory.add(usize::from(id) * BUFFER_BYTES), length) }
    }

    /// Puts a buffer back; the kernel sees it after `publish`.
    #[inline]
    pub(crate) fn give(&mut self, id: u16) {
        let place = usize::from(self.tail & (BUFFERS - 1));
        // SAFETY: `place` is inside the ring's mapping and `id` inside the memory's. The kernel does
        // not read this descriptor before the tail is past it. The fields are set one by one since
        // the tail itself lies in the unused part of the first descriptor.
        unsafe {
            let entry = &mut *self.ring.add(place);
            entry.set_addr(self.memory.add(usize::from(id) * BUFFER_BYTES) as u64);
            entry.set_len(BUFFER_BYTES as u32);
            entry.set_bid(id);
        }
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows the kernel every buffer given since the last call.
    #[inline]
    pub(crate) fn publish(&mut self) {
        // SAFETY: the tail lies in the ring's mapping, aligned; the kernel only reads it.
        let tail = unsafe { &*BufRingEntry::tail(self.ring).cast::<AtomicU16>() };
        // Release: the descriptors must be visible before the index that announces them.
        tail.store(self.tail, Ordering::Release);
    }
}

/// Zeroed memory, present from the start so that no measurement pays for page faults.
fn map(bytes: usize) -> io::Result<*mut u8> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
    // SAFETY: a new anonymous mapping touches nothing that exists.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(address.cast())
}
