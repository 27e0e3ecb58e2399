//! Limits of a multipart form, beside those of every body.

/// How much a form may hold. The form as a whole is limited as any body is.
///
/// ```
/// use ringlane_protocol::MultipartLimits;
///
/// let limits = MultipartLimits::default().parts_max(3).file_bytes_max(1024 * 1024);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MultipartLimits {
    pub(super) parts_max: usize,
    pub(super) part_head_bytes_max: usize,
    pub(super) field_bytes_max: u64,
    pub(super) file_bytes_max: u64,
}

impl Default for MultipartLimits {
    fn default() -> Self {
        Self {
            parts_max: 256,
            part_head_bytes_max: 4 * 1024,
            field_bytes_max: 64 * 1024,
            file_bytes_max: u64::MAX,
        }
    }
}

impl MultipartLimits {
    /// Parts: fields and files together. Default 256. Beyond it: 413.
    #[must_use]
    pub const fn parts_max(mut self, count: usize) -> Self {
        self.parts_max = count;
        self
    }

    /// The headers of one part, with the empty line behind them, in bytes. Default 4 KiB. Beyond
    /// it: 400.
    #[must_use]
    pub const fn part_head_bytes_max(mut self, bytes: usize) -> Self {
        self.part_head_bytes_max = bytes;
        self
    }

    /// One field that names no file, in bytes. Default 64 KiB. Beyond it: 413.
    #[must_use]
    pub const fn field_bytes_max(mut self, bytes: u64) -> Self {
        self.field_bytes_max = bytes;
        self
    }

    /// One file, in bytes. Default: as much as the body may have. Beyond it: 413.
    #[must_use]
    pub const fn file_bytes_max(mut self, bytes: u64) -> Self {
        self.file_bytes_max = bytes;
        self
    }
}
