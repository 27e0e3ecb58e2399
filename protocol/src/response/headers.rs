//! Response headers of an application, checked when they are set and kept as they are sent.
//!
//! Always true here:
//! - The bytes are whole lines `name: value CRLF`. No name or value can end a line.
//! - No line says where a message ends or what becomes of the connection: that is the server's.
//! - Names are compared without case, so nothing is sent twice for being spelt differently.
//!
//! Not here: `Content-Length` and its kin (`response.rs`).

use crate::bytes::{is_field_value, is_token_text, trim};
use std::fmt;

/// All header lines of one answer together, in bytes.
pub const RESPONSE_HEADER_BYTES_MAX: usize = 64 * 1024;

/// The rule that a header broke.
///
/// ```
/// use ringlane_protocol::{HeaderError, ResponseHeaders};
///
/// let mut headers = ResponseHeaders::new();
/// let refused = headers.set("Content-length", "0");
/// assert_eq!(refused, Err(HeaderError::Framing { name: "content-length" }));
/// assert_eq!(headers.set("X-A", "b\r\nSet-Cookie: c"), Err(HeaderError::InvalidValue));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum HeaderError {
    /// This name frames messages or manages the connection; the server alone writes it.
    Framing {
        /// The name, in lower case.
        name: &'static str,
    },
    /// The name is empty or holds a byte that is no `tchar` (RFC 9110 §5.1).
    InvalidName,
    /// The value holds CR, LF, NUL or another control byte (RFC 9110 §5.5).
    InvalidValue,
    /// All headers together would be longer than [`RESPONSE_HEADER_BYTES_MAX`].
    TooLarge,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framing { name } => write!(f, "the server alone sets {name}"),
            Self::InvalidName => f.write_str("invalid header name"),
            Self::InvalidValue => f.write_str("invalid header value"),
            Self::TooLarge => f.write_str("headers too large"),
        }
    }
}

impl std::error::Error for HeaderError {}

/// Header fields for one answer, kept as they will be sent. Reusable: refilled after
/// [`clear`](Self::clear) it allocates nothing.
///
/// ```
/// use ringlane_protocol::ResponseHeaders;
///
/// let mut headers = ResponseHeaders::new();
/// headers.set("Vary", "Accept")?;
/// headers.set("vary", "Origin")?;
/// headers.add("Vary", "Cookie")?;
/// assert_eq!(headers.get("VARY"), Some(&b"Origin"[..]));
/// assert_eq!(headers.len(), 2);
/// # Ok::<(), ringlane_protocol::HeaderError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ResponseHeaders {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// A bit for each name that was set: where it is clear, that name is not there.
    names: u64,
    /// Whether these are set, for those who would add them.
    date: bool,
    server: bool,
    content_type: bool,
}

/// One line within the bytes: `name: value CRLF`.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: u32,
    name_bytes: u32,
    value_bytes: u32,
}

/// Between name and value, and behind the value.
const SEPARATOR: &[u8] = b": ";
const LINE_END: &[u8] = b"\r\n";

impl Line {
    fn name(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.name_bytes as usize]
    }

    /// Names are ASCII.
    fn name_text(self, bytes: &[u8]) -> &str {
        str::from_utf8(self.name(bytes)).unwrap_or_default()
    }

    fn value(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize + self.name_bytes as usize + SEPARATOR.len();
        &bytes[start..][..self.value_bytes as usize]
    }

    fn is_named(self, name: &str, bytes: &[u8]) -> bool {
        self.name(bytes).eq_ignore_ascii_case(name.as_bytes())
    }

    const fn len(self) -> usize {
        self.name_bytes as usize + SEPARATOR.len() + self.value_bytes as usize + LINE_END.len()
    }
}

impl ResponseHeaders {
    /// No headers. Allocates nothing until one is set.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            lines: Vec::new(),
            names: 0,
            date: false,
            server: false,
            content_type: false,
        }
    }

    /// Keeps the headers and gives back the memory that they do not need: for a response that its
    /// request outlives by far.
    ///
    /// ```
    /// use ringlane_protocol::ResponseHeaders;
    ///
    /// let mut headers = ResponseHeaders::new();
    /// headers.set("Vary", "Accept")?;
    /// headers.shrink_to_fit();
    /// assert_eq!(headers.get("Vary"), Some(&b"Accept"[..]));
    /// # Ok::<(), ringlane_protocol::HeaderError>(())
    /// ```
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
        self.lines.shrink_to_fit();
    }

    /// Forgets the headers and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
        self.names = 0;
        self.date = false;
        self.server = false;
        self.content_type = false;
    }

    /// Sets a header: every earlier value of that name, in any case, is replaced. White space
    /// around the value is dropped, since no recipient sees it (RFC 9110 §5.5).
    ///
    /// # Errors
    ///
    /// The rule that name or value broke; nothing is changed then.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        let value = trim(value.as_ref());
        if self.names & name_bit(name) == 0 {
            self.check(name, value, 0)?;
            self.append(name, value);
            return Ok(());
        }
        let replaced = self
            .lines
            .iter()
            .filter(|line| line.is_named(name, &self.bytes));
        let replaced_bytes = replaced.map(|line| line.len()).sum();
        self.check(name, value, replaced_bytes)?;
        if replaced_bytes > 0 {
            self.remove(name);
        }
        self.append(name, value);
        Ok(())
    }

    /// Sets headers that were prepared: as [`set`](Self::set) for each name among them, but checked
    /// when they were made, and for the price of a copy.
    ///
    /// ```
    /// use ringlane_protocol::ResponseHeaders;
    ///
    /// let mut prepared = ResponseHeaders::new();
    /// prepared.set("X-Frame-Options", "DENY")?;
    /// prepared.set("Vary", "Origin")?;
    ///
    /// let mut headers = ResponseHeaders::new();
    /// headers.set("vary", "Accept")?;
    /// headers.set_all(&prepared)?;
    /// assert_eq!(headers.get("Vary"), Some(&b"Origin"[..]));
    /// assert_eq!(headers.len(), 2);
    /// # Ok::<(), ringlane_protocol::HeaderError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`HeaderError::TooLarge`]; nothing is changed then.
    pub fn set_all(&mut self, prepared: &Self) -> Result<(), HeaderError> {
        let is_new = self.names & prepared.names == 0;
        let is_replaced = |line: &&Line| prepared.contains(line.name_text(&self.bytes));
        let replaced_bytes = match is_new {
            true => 0,
            false => {
                let replaced = self.lines.iter().filter(is_replaced);
                replaced.map(|line| line.len()).sum()
            }
        };
        if prepared.bytes.len() > RESPONSE_HEADER_BYTES_MAX - (self.bytes.len() - replaced_bytes) {
            return Err(HeaderError::TooLarge);
        }
        if replaced_bytes > 0 {
            for (name, _) in prepared.iter() {
                self.remove(name);
            }
        }
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&prepared.bytes);
        self.lines.extend(prepared.lines.iter().map(|line| Line {
            start: start + line.start,
            ..*line
        }));
        self.names |= prepared.names;
        self.date |= prepared.date;
        self.server |= prepared.server;
        self.content_type |= prepared.content_type;
        Ok(())
    }

    /// Adds a header beside any earlier values of that name.
    ///
    /// # Errors
    ///
    /// The rule that name or value broke; nothing is changed then.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        let value = trim(value.as_ref());
        self.check(name, value, 0)?;
        self.append(name, value);
        Ok(())
    }

    /// Adds a member to a header that is a list (RFC 9110 §5.6.1): behind the last value of that
    /// name, or as a header of its own if there is none.
    ///
    /// ```
    /// use ringlane_protocol::ResponseHeaders;
    ///
    /// let mut headers = ResponseHeaders::new();
    /// headers.add_to_list("Vary", "Origin")?;
    /// headers.add_to_list("vary", "Accept-Encoding")?;
    /// assert_eq!(headers.get("Vary"), Some(&b"Origin, Accept-Encoding"[..]));
    /// # Ok::<(), ringlane_protocol::HeaderError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The rule that name or member broke; nothing is changed then.
    pub fn add_to_list(&mut self, name: &str, member: &str) -> Result<(), HeaderError> {
        let is_named = |line: &Line| line.is_named(name, &self.bytes);
        let Some(at) = self.lines.iter().rposition(is_named) else {
            return self.add(name, member);
        };
        let member = trim(member.as_bytes());
        if !is_field_value(member) {
            return Err(HeaderError::InvalidValue);
        }
        if member.is_empty() {
            return Ok(()); // RFC 9110 §5.6.1.2: an empty member is none
        }
        let line = &mut self.lines[at];
        let comma: &[u8] = if line.value_bytes == 0 { b"" } else { b", " };
        let added = comma.len() + member.len();
        if added > RESPONSE_HEADER_BYTES_MAX - self.bytes.len() {
            return Err(HeaderError::TooLarge);
        }
        let end = line.start as usize + line.len() - LINE_END.len();
        line.value_bytes += added as u32;
        self.bytes.extend_from_slice(comma);
        self.bytes.extend_from_slice(member);
        self.bytes[end..].rotate_right(added);
        for later in &mut self.lines[at + 1..] {
            later.start += added as u32;
        }
        Ok(())
    }

    /// Whether a header whose values are lists has `member` in one of them, whatever the case of
    /// both (RFC 9110 §5.6.1).
    ///
    /// ```
    /// use ringlane_protocol::ResponseHeaders;
    ///
    /// let mut headers = ResponseHeaders::default();
    /// headers.add("Vary", "Origin, Accept")?;
    /// assert!(headers.contains_member("vary", "accept"));
    /// assert!(!headers.contains_member("Vary", "Accept-Encoding"));
    /// # Ok::<(), ringlane_protocol::HeaderError>(())
    /// ```
    pub fn contains_member(&self, name: &str, member: &str) -> bool {
        let values = self
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut members = values.flat_map(|(_, value)| value.split(|byte| *byte == b','));
        members.any(|one| one.trim_ascii().eq_ignore_ascii_case(member.as_bytes()))
    }

    /// Says in `Vary` that the answer depends on that header of the request, unless it says so
    /// already, or that it depends on anything (RFC 9110 §12.5.5).
    ///
    /// ```
    /// use ringlane_protocol::ResponseHeaders;
    ///
    /// let mut headers = ResponseHeaders::default();
    /// headers.vary_by("Accept")?;
    /// headers.vary_by("Origin")?;
    /// headers.vary_by("accept")?;
    /// assert_eq!(headers.get("Vary"), Some(&b"Accept, Origin"[..]));
    /// # Ok::<(), ringlane_protocol::HeaderError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add_to_list`](Self::add_to_list); nothing is changed then.
    pub fn vary_by(&mut self, name: &str) -> Result<(), HeaderError> {
        if self.contains_member("Vary", "*") || self.contains_member("Vary", name) {
            return Ok(());
        }
        self.add_to_list("Vary", name)
    }

    /// Removes every value of a header, whatever the case of `name`. Tells whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let mut removed = 0;
        let bytes = &mut self.bytes;
        self.lines.retain_mut(|line| {
            line.start -= removed;
            let is_named = line.is_named(name, bytes);
            if is_named {
                let start = line.start as usize;
                bytes.drain(start..start + line.len());
                removed += line.len() as u32;
            }
            !is_named
        });
        self.note(name, false);
        removed > 0
    }

    /// The first value of a header, whatever the case of `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.lines
            .iter()
            .find(|line| line.is_named(name, &self.bytes))
            .map(|line| line.value(&self.bytes))
    }

    /// Whether a header is set, whatever the case of `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) const fn has_content_type(&self) -> bool {
        self.content_type
    }

    /// All headers, in the order they were set, names in the case they were given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> + Clone {
        self.lines
            .iter()
            .map(|line| (line.name_text(&self.bytes), line.value(&self.bytes)))
    }

    /// How many header lines there are.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines as they will be sent.
    pub(super) fn serialised(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) const fn has_date(&self) -> bool {
        self.date
    }

    pub(super) const fn has_server(&self) -> bool {
        self.server
    }

    /// Whether this line may be appended once `replaced_bytes` of the others are gone.
    fn check(&self, name: &str, value: &[u8], replaced_bytes: usize) -> Result<(), HeaderError> {
        if !is_token_text(name.as_bytes()) {
            return Err(HeaderError::InvalidName);
        }
        if let Some(name) = framing_name(name) {
            return Err(HeaderError::Framing { name });
        }
        if !is_field_value(value) {
            return Err(HeaderError::InvalidValue);
        }
        let line_bytes = name.len() + SEPARATOR.len() + value.len() + LINE_END.len();
        if line_bytes > RESPONSE_HEADER_BYTES_MAX - (self.bytes.len() - replaced_bytes) {
            return Err(HeaderError::TooLarge);
        }
        Ok(())
    }

    fn append(&mut self, name: &str, value: &[u8]) {
        // The lengths fit: all lines together are bounded by RESPONSE_HEADER_BYTES_MAX.
        self.lines.push(Line {
            start: self.bytes.len() as u32,
            name_bytes: name.len() as u32,
            value_bytes: value.len() as u32,
        });
        self.names |= name_bit(name);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(SEPARATOR);
        self.bytes.extend_from_slice(value);
        self.bytes.extend_from_slice(LINE_END);
        self.note(name, true);
    }

    /// Remembers whether the application answers for a header that the server would write.
    fn note(&mut self, name: &str, present: bool) {
        match name.len() {
            4 if name.eq_ignore_ascii_case("date") => self.date = present,
            6 if name.eq_ignore_ascii_case("server") => self.server = present,
            12 if name.eq_ignore_ascii_case("content-type") => self.content_type = present,
            _ => {}
        }
    }
}

/// The bit of a name, whatever its case. Other names may share it.
const fn name_bit(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let last = match bytes.last() {
        Some(byte) => *byte | 0x20, // one case; what is no letter shares a bit more
        None => 0,
    };
    1 << ((bytes.len() + 7 * last as usize) % 64)
}

/// What only the server writes: message framing (RFC 9112 §6) and the fields of one connection
/// (RFC 9110 §7.6.1). In lower case, if `name` is one of them.
fn framing_name(name: &str) -> Option<&'static str> {
    let of_this_length: &[&str] = match name.len() {
        2 => &["te"],
        7 => &["trailer", "upgrade"],
        10 => &["connection", "keep-alive"],
        14 => &["content-length"],
        16 => &["proxy-connection"],
        17 => &["transfer-encoding"],
        _ => &[],
    };
    let mut framing = of_this_length.iter();
    framing
        .find(|framing| framing.eq_ignore_ascii_case(name))
        .copied()
}

const _: () = assert!(RESPONSE_HEADER_BYTES_MAX <= u32::MAX as usize);
