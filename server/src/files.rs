//! Files as answers: opened and read where that may block, sent piece by piece.
//!
//! Always true here:
//! - What is sent is what was opened: length, date and tag are those of the open file.
//! - Nobody waits for a file but its own request, and of each file one piece is held at a time.
//! - An answer that has begun is not cut because threads are busy.
//!
//! Not here: opening and reading (`files/open.rs`), whole folders of files.

mod open;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringlane_protocol::{ByteRange, Validators, attachment, byte_range};

use crate::blocking::{self, BlockingError};
use crate::{Bytes, Context, Error, Method, Result, StatusCode, time};
use open::Opened;

/// What is read at a time, in bytes. A file that is no longer is sent without being streamed.
const PIECE_BYTES_MAX: u64 = 64 * 1024;
/// When a file that is being sent asks again for a thread, after there was none.
const NEXT_TRY_TIME: Duration = Duration::from_millis(10);

impl Context {
    /// Answers with a file.
    ///
    /// Its media type is that of its name's end, unless one is set; text is taken to be UTF-8.
    /// `ETag` and `Last-Modified` are set from the file, and a client that has it already gets a
    /// 304. A client that asks for one range of its bytes gets them in a 206. All of that holds for
    /// `GET` and `HEAD` while the status is 200; otherwise the file is sent whole.
    ///
    /// The path is yours: where a part of it comes from a client, use
    /// [`file_within`](Self::file_within).
    ///
    /// # Errors
    ///
    /// 404 if it is not there or no regular file, 403 if it may not be read; 412 and 416 as the
    /// request's conditions and range have it; 500, logged, if reading fails.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// async fn report(ctx: Context) -> Result {
    ///     ctx.attachment("Report 2026.pdf").file("reports/current.pdf").await
    /// }
    /// ```
    pub async fn file(&self, path: impl AsRef<Path>) -> Result {
        let path = path.as_ref().to_owned();
        let kind = kind_of(&path);
        let whole_max = self.reads_at_once();
        let opened = blocking::with_file(move || Opened::open(&path, whole_max)).await?;
        self.send_file(opened?, kind).await
    }

    /// Answers with a file in a folder, as [`file`](Self::file), where a client has a say in which.
    ///
    /// `name` is a path below `root`, already decoded. Nothing outside of `root` is ever opened: a
    /// name with `..` in it, one that begins with a slash, and a link that leads out are 404. On
    /// systems without `openat2` (Linux before 5.6, some sandboxes) no link is followed at all.
    ///
    /// Nor is anything hidden: a name of which a part begins with a dot (`.env`, `.git/config`) is
    /// 404. [`any_file_within`](Self::any_file_within) sends those too.
    ///
    /// # Errors
    ///
    /// As [`file`](Self::file).
    ///
    /// ```
    /// use ringlane::{Context, Result, Server};
    ///
    /// async fn asset(ctx: Context) -> Result {
    ///     ctx.file_within("assets", ctx.param_text("rest").unwrap_or_default()).await
    /// }
    ///
    /// let server = Server::builder().get("/assets/{*rest}", asset).build()?;
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub async fn file_within(&self, root: impl AsRef<Path>, name: impl AsRef<Path>) -> Result {
        if open::is_hidden(name.as_ref()) {
            return Err(open::not_there());
        }
        self.any_file_within(root, name).await
    }

    /// As [`file_within`](Self::file_within), with hidden files and folders: those whose names
    /// begin with a dot. For one hidden folder it is safer to name it as the root.
    ///
    /// # Errors
    ///
    /// As [`file`](Self::file).
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// async fn well_known(ctx: Context) -> Result {
    ///     let name = ctx.param_text("rest").unwrap_or_default();
    ///     ctx.file_within("assets/.well-known", name).await // hidden files in it stay hidden
    /// }
    ///
    /// async fn everything(ctx: Context) -> Result {
    ///     ctx.any_file_within("backup", ctx.param_text("rest").unwrap_or_default()).await
    /// }
    /// ```
    pub async fn any_file_within(&self, root: impl AsRef<Path>, name: impl AsRef<Path>) -> Result {
        let (root, name) = (root.as_ref().to_owned(), name.as_ref().to_owned());
        let kind = kind_of(&name);
        let whole_max = self.reads_at_once();
        let opened =
            blocking::with_file(move || Opened::open_within(&root, &name, whole_max)).await?;
        self.send_file(opened?, kind).await
    }

    /// Has the client save the body under a name instead of showing it (RFC 6266). Any name may be
    /// given; of one with slashes the last part counts.
    ///
    /// ```
    /// # fn handler(ctx: ringlane::Context) {
    /// ctx.attachment("table.csv").text("a,b\n1,2\n");
    /// # }
    /// ```
    pub fn attachment(&self, name: impl AsRef<str>) -> &Self {
        self.set_header("Content-Disposition", attachment(name.as_ref()))
    }

    /// Up to which length a file is to be read when it is opened: what has conditions may not be
    /// read at all.
    fn reads_at_once(&self) -> u64 {
        let has = |name: &str| self.header_bytes(name).is_some();
        let conditions = ["If-None-Match", "If-Modified-Since", "Range"];
        match self.method() == Method::HEAD || conditions.into_iter().any(has) {
            true => 0,
            false => PIECE_BYTES_MAX,
        }
    }

    async fn send_file(&self, opened: Opened, kind: Option<&'static str>) -> Result {
        let is_read = matches!(*self.method(), Method::GET | Method::HEAD);
        let (mut first, mut length) = (0, opened.length);
        if is_read && self.status() == StatusCode::OK {
            if self.is_unchanged(Some(&opened.etag), opened.modified)? {
                return Ok(());
            }
            self.set_header("Accept-Ranges", "bytes");
            (first, length) = self.part_of(&opened)?;
        }
        self.set_kind(kind);
        if *self.method() == Method::HEAD {
            self.sized_stream(length)?.finish();
            return Ok(());
        }
        if let Some(whole) = opened.whole.filter(|_| length == opened.length) {
            self.bytes(whole);
            return Ok(());
        }
        let file = Arc::new(opened.file);
        if length <= PIECE_BYTES_MAX {
            let bytes = blocking::with_file(move || open::read(&file, first, length)).await??;
            self.bytes(bytes);
            return Ok(());
        }
        let mut stream = self.sized_stream(length)?;
        let end = first + length;
        while first < end {
            let len = PIECE_BYTES_MAX.min(end - first);
            stream.send(read_on(&file, first, len).await?).await?;
            first += len;
        }
        stream.finish();
        Ok(())
    }

    /// Where what the client asked for begins, and how long it is.
    fn part_of(&self, opened: &Opened) -> Result<(u64, u64)> {
        let whole = (0, opened.length);
        // RFC 9110 §14.2: no other method has ranges.
        let Some(range) = self
            .header_bytes("Range")
            .filter(|_| *self.method() == Method::GET)
        else {
            return Ok(whole);
        };
        let since = opened
            .modified
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let validators = Validators {
            etag: Some(&opened.etag),
            modified: since.map(|time| time.as_secs()),
        };
        if !validators.hold_for_range(&self.0.head) {
            return Ok(whole);
        }
        match byte_range(range, opened.length) {
            ByteRange::Whole => Ok(whole),
            ByteRange::Part { first, last } => {
                let place = format!("bytes {first}-{last}/{}", opened.length);
                self.set_status(StatusCode::PARTIAL_CONTENT)
                    .set_header("Content-Range", place);
                Ok((first, last - first + 1))
            }
            ByteRange::Unsatisfiable => {
                let problem = "the file does not reach so far";
                let place = format!("bytes */{}", opened.length);
                Err(Error::new(StatusCode::RANGE_NOT_SATISFIABLE, problem)
                    .with_header("Content-Range", place))
            }
        }
    }

    /// Sets the media type, unless someone has set another.
    fn set_kind(&self, kind: Option<&'static str>) {
        let reply = &self.0.reply;
        if reply.media_type.get().is_some() || reply.headers.borrow().contains("Content-Type") {
            return;
        }
        match kind {
            Some(kind) if kind.starts_with("text/") => {
                self.set_header("Content-Type", format!("{kind}; charset=utf-8"));
            }
            kind => {
                self.set_content_type(kind.unwrap_or("application/octet-stream"));
            }
        }
    }
}

/// Reads a part of a file whose answer has begun. Where no thread can be had for it, it waits: the
/// answer must not be cut for that.
async fn read_on(file: &Arc<File>, first: u64, len: u64) -> Result<Bytes> {
    loop {
        let theirs = Arc::clone(file);
        match blocking::with_file(move || open::read(&theirs, first, len)).await {
            Err(BlockingError::QueueFull | BlockingError::NoThread(_)) => {
                time::sleep(NEXT_TRY_TIME).await;
            }
            read => return Ok(read??),
        }
    }
}

fn kind_of(path: &Path) -> Option<&'static str> {
    mime_guess::from_path(path).first_raw()
}

/// RFC 9110 §8.8.2.1: a file of tomorrow is one of now.
fn not_later_than_now(time: SystemTime) -> SystemTime {
    time.min(SystemTime::now())
}

#[cfg(test)]
mod tests;
