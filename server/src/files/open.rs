//! Opening and reading files, on threads that may block.
//!
//! Always true here:
//! - Only regular files are opened for long; none keeps the thread waiting for someone else.
//! - Below a root nothing is opened that lies outside of it, whatever happens to its links
//!   meanwhile.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};
use std::time::SystemTime;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::not_later_than_now;
use crate::{Bytes, Error, Result, StatusCode};

/// `NONBLOCK`: a pipe without a writer must not keep the thread.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY)
    .union(OFlags::NONBLOCK);
/// A name that the kernel would not take either (`PATH_MAX`).
const NAME_BYTES_MAX: usize = 4095;

/// A regular file, ready to be sent.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) length: u64,
    pub(super) modified: Option<SystemTime>,
    pub(super) etag: String,
    /// All of it, if it was short enough to be read at once.
    pub(super) whole: Option<Bytes>,
}

impl Opened {
    /// Opens a file, and reads it if it has no more than `whole_max` bytes.
    pub(super) fn open(path: &Path, whole_max: u64) -> Result<Self> {
        let file = openat(CWD, path, READ, Mode::empty()).map_err(explain)?;
        Self::new(file, whole_max)
    }

    /// As [`open`](Self::open), of a file below `root`.
    pub(super) fn open_within(root: &Path, name: &Path, whole_max: u64) -> Result<Self> {
        let is_below = |part: Component<'_>| match part {
            Component::Normal(_) | Component::CurDir => true,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => false,
        };
        if !name.components().all(is_below) || name.as_os_str().len() > NAME_BYTES_MAX {
            return Err(explain(Errno::XDEV));
        }
        let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, root, folder, Mode::empty()).map_err(explain)?;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let file = match openat2(&root, name, READ, Mode::empty(), beneath) {
            // The kernel does not have the call, or a sandbox does not let it be made.
            Err(Errno::NOSYS | Errno::PERM) => walk(root, name),
            result => result,
        };
        Self::new(file.map_err(explain)?, whole_max)
    }

    fn new(file: OwnedFd, whole_max: u64) -> Result<Self> {
        let file = File::from(file);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(explain(Errno::ISDIR));
        }
        let length = metadata.len();
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        let whole = match length <= whole_max {
            true => Some(read(&file, 0, length)?),
            false => None,
        };
        Ok(Self {
            file,
            length,
            modified: metadata.modified().ok().map(not_later_than_now),
            etag: format!("\"{seconds:x}-{nanos:x}-{length:x}\""),
            whole,
        })
    }
}

/// Whether a part of a name begins with a dot. `.` itself names nothing.
pub(super) fn is_hidden(name: &Path) -> bool {
    name.components().any(|part| match part {
        Component::Normal(part) => part.as_bytes().starts_with(b"."),
        Component::CurDir | Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
            false
        }
    })
}

/// What is said of a file that is not there, or not for everyone.
pub(super) fn not_there() -> Error {
    explain(Errno::NOENT)
}

/// Opens a file folder by folder, and follows no link.
pub(super) fn walk(root: OwnedFd, name: &Path) -> rustix::io::Result<OwnedFd> {
    let mut at = root;
    let mut parts = name.components().peekable();
    while let Some(part) = parts.next() {
        let flags = match parts.peek() {
            Some(_) => OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            None => READ,
        };
        at = openat(
            &at,
            part.as_os_str(),
            flags | OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
    }
    Ok(at)
}

/// Reads `len` bytes from `first` on. Fewer are an error: the file has shrunk.
pub(super) fn read(mut file: &File, first: u64, len: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
    file.seek(SeekFrom::Start(first))?;
    file.take(len).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == len {
        true => Ok(bytes.into()),
        false => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the file has become shorter while it was read",
        )),
    }
}

fn explain(errno: Errno) -> Error {
    let (status, problem) = match errno {
        // The last: a name with a NUL in it.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::ISDIR
        | Errno::LOOP
        | Errno::XDEV
        | Errno::NXIO
        | Errno::NAMETOOLONG
        | Errno::INVAL => (StatusCode::NOT_FOUND, "no such file"),
        Errno::ACCESS | Errno::PERM => (StatusCode::FORBIDDEN, "the file may not be read"),
        errno => return Error::internal(io::Error::from(errno)),
    };
    Error::new(status, problem).with_source(io::Error::from(errno))
}
