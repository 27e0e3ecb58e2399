//! The path of a Unix socket of ours, and its end.
//!
//! Always true here:
//! - It is removed at most once, and only while it leads to the socket that was bound there: a
//!   process that follows may have bound its own at the same path meanwhile.
//! - It does not stay behind: the last that names it removes it, if nobody has.
//!
//! Not here: when it is removed (`admission.rs`, and `cores.rs` for cores that failed).

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A path that this process has bound a socket to. Cloning it names the same one.
#[derive(Clone, Debug)]
pub(crate) struct BoundPath(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    file: File,
    is_removed: AtomicBool,
}

/// Which file it is: device and inode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct File(u64, u64);

impl File {
    fn at(path: &Path) -> io::Result<Self> {
        let found = std::fs::symlink_metadata(path)?;
        Ok(Self(found.dev(), found.ino()))
    }
}

impl BoundPath {
    /// A path that a socket was just bound to.
    ///
    /// # Errors
    ///
    /// As `stat(2)`: nothing is there any more.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Shared {
            path: path.into(),
            file: File::at(path)?,
            is_removed: AtomicBool::new(false),
        })))
    }

    /// Removes it: nobody new finds the socket.
    pub(crate) fn remove(&self) {
        self.0.remove();
    }

    /// Whether it still leads to the socket that was bound there, which must be open: its inode's
    /// number may be another's afterwards.
    ///
    /// # Errors
    ///
    /// As `stat(2)`: nothing is there any more.
    pub(crate) fn leads_here(&self) -> io::Result<bool> {
        self.0.leads_here()
    }
}

impl Shared {
    fn leads_here(&self) -> io::Result<bool> {
        Ok(File::at(&self.path)? == self.file)
    }

    fn remove(&self) {
        if self.is_removed.swap(true, Ordering::SeqCst) {
            return; // an inode's number may be given to the next file: once is enough
        }
        if matches!(self.leads_here(), Ok(true)) {
            let _ = std::fs::remove_file(&self.path); // somebody else may have done it
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::net::UnixListener;

    #[test]
    fn a_path_that_somebody_else_has_bound_meanwhile_stays() {
        let name = format!("ringlane-path-{}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let bind = || UnixListener::bind(&path).expect("a free path");

        let first = bind();
        let ours = BoundPath::new(&path).expect("it is there");
        ours.clone().remove();
        assert!(!path.exists());
        let second = bind(); // perhaps with the number that the first file had
        ours.remove();
        assert!(path.exists(), "it was removed twice");

        let ours = BoundPath::new(&path).expect("it is there");
        std::fs::rename(&path, path.with_extension("old")).expect("moving it away");
        let third = bind();
        ours.remove();
        assert!(path.exists(), "another's was removed");
        for path in [&path, &path.with_extension("old")] {
            std::fs::remove_file(path).expect("removing the socket");
        }
        drop((first, second, third));
    }
}
