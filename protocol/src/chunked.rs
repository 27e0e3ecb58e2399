//! Encodes a body in chunks (RFC 9112 §7.1): `5\r\nhello\r\n0\r\n\r\n`.
//!
//! A chunk of nothing would end the body, so empty data writes nothing. We send neither
//! extensions nor trailers. Not here: reading chunks ([`crate::BodyDecoder`]).

/// Ends every chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Ends the body: the chunk of size zero and an empty trailer section.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Hexadecimal digits of the largest size, and CRLF.
const CHUNK_HEAD_BYTES_MAX: usize = 2 * size_of::<usize>() + 2;

/// The line before a chunk's data, for output that sends the data as its own piece: send this,
/// the data, then [`CHUNK_END`].
///
/// ```
/// use ringlane_protocol::chunked::ChunkHead;
///
/// assert_eq!(ChunkHead::new(255).as_ref(), b"ff\r\n");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChunkHead {
    bytes: [u8; CHUNK_HEAD_BYTES_MAX],
    start: u8,
}

impl ChunkHead {
    /// The head of a chunk of `data_bytes` bytes.
    ///
    /// # Panics
    ///
    /// If `data_bytes` is 0: that head would end the body; [`LAST_CHUNK`] says so by name.
    pub const fn new(data_bytes: usize) -> Self {
        assert!(data_bytes > 0, "an empty chunk ends the body");
        let mut bytes = [0; CHUNK_HEAD_BYTES_MAX];
        let mut start = CHUNK_HEAD_BYTES_MAX - 2;
        bytes[start] = b'\r';
        bytes[start + 1] = b'\n';
        let mut rest = data_bytes;
        while rest > 0 {
            start -= 1;
            bytes[start] = b"0123456789abcdef"[rest % 16];
            rest /= 16;
        }
        Self {
            bytes,
            start: start as u8,
        }
    }
}

impl AsRef<[u8]> for ChunkHead {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..]
    }
}

/// Appends `data` as one chunk, or nothing if there is none.
///
/// ```
/// use ringlane_protocol::chunked;
///
/// let mut out = Vec::new();
/// chunked::write_chunk(&mut out, b"hello");
/// out.extend_from_slice(chunked::LAST_CHUNK);
/// assert_eq!(out, b"5\r\nhello\r\n0\r\n\r\n");
/// ```
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    out.extend_from_slice(ChunkHead::new(data.len()).as_ref());
    out.extend_from_slice(data);
    out.extend_from_slice(CHUNK_END);
}
