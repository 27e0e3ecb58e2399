//! The machine as files show it: the real one, or a copy of its `/proc` and `/sys` below a folder.
//!
//! Always true here:
//! - Nothing is written, and nothing is read without a bound.
//! - What cannot be read is an answer with a reason, never an error that ends the program.
//!
//! Not here: what the contents mean (`parse.rs` and the families).

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::parse::one_number;

/// The longest file that is read. `/proc/interrupts` of the largest machines has some MiB.
pub(super) const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The most entries of a folder that are looked at.
pub(super) const ENTRIES_MAX: usize = 65_536;
/// The most descriptors of a process that are counted.
const DESCRIPTORS_MAX: usize = 16 * 1024 * 1024;

/// Why something could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Unread {
    /// It is not there.
    Missing,
    /// The kernel refuses.
    Denied,
    /// It holds nothing.
    Empty,
    /// It holds something else than expected: its beginning.
    Garbage(String),
    /// It is longer than [`FILE_BYTES_MAX`].
    TooLong,
    /// Only a running machine knows, and this is a copy.
    Copy,
    /// Something else.
    Other(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "not there: this kernel does not have it, or this namespace does not show it",
            ),
            Self::Denied => f.write_str("permission denied: run it as root to see this"),
            Self::Empty => f.write_str("empty"),
            Self::Garbage(start) => write!(f, "not what was expected: {start:?}"),
            Self::TooLong => write!(f, "longer than {FILE_BYTES_MAX} bytes"),
            Self::Copy => f.write_str("only a running machine can say"),
            Self::Other(error) => f.write_str(error),
        }
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl Unread {
    /// Something that should have been a number, a table, a list.
    pub(super) fn garbage(text: &str) -> Self {
        const SHOWN: usize = 40;
        Self::Garbage(text.chars().take(SHOWN).collect())
    }
}

/// Where the files are, and which process is looked at.
#[derive(Debug)]
pub struct Machine {
    root: PathBuf,
    pid: Option<u32>,
}

impl Machine {
    /// The machine below `root`, whose limits are those of the process `pid`, or of this one.
    ///
    /// `/` is the machine that this runs on. Another folder holds a copy of the files below `/proc`
    /// and `/sys`, and what programs printed below `commands`; only a running machine can be asked
    /// whether a ring can be made.
    ///
    /// # Errors
    /// `NotFound` if there is no `proc` below `root`, or no such process in it.
    pub fn open(root: impl Into<PathBuf>, pid: Option<u32>) -> io::Result<Self> {
        let machine = Self {
            root: root.into(),
            pid,
        };
        let missing = |what: String| Err(io::Error::new(io::ErrorKind::NotFound, what));
        if !machine.exists("/proc") {
            let proc = machine.path("/proc");
            return missing(format!("{} is not there; is it mounted?", proc.display()));
        }
        match pid {
            Some(pid) if !machine.exists(&format!("/proc/{pid}")) => {
                missing(format!("there is no process {pid}"))
            }
            _ => Ok(machine),
        }
    }

    /// The machine below `root`, whether or not there is anything.
    #[cfg(test)]
    pub(super) fn new(root: &Path, pid: Option<u32>) -> Self {
        Self {
            root: root.to_owned(),
            pid,
        }
    }

    /// The process that is looked at, if it is not this one.
    pub(super) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Whether it is the machine that this runs on, so that it can be asked and not only read.
    pub(super) fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The unit of `tcp_mem`; of a copy, what it is on most machines.
    pub(super) fn page_bytes(&self) -> u64 {
        if self.is_live() {
            rustix::param::page_size() as u64
        } else {
            4096
        }
    }

    /// Whether the process that is looked at is this one.
    pub(super) fn is_self(&self) -> bool {
        self.pid.is_none()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A whole file, without the white space at its ends.
    pub(super) fn read(&self, path: &str) -> Result<String, Unread> {
        let mut bytes = Vec::new();
        let file = File::open(self.path(path))?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(Unread::TooLong);
        }
        let text = String::from_utf8_lossy(&bytes);
        match text.trim() {
            "" => Err(Unread::Empty),
            text => Ok(text.to_owned()),
        }
    }

    /// A file that holds one number.
    pub(super) fn number(&self, path: &str) -> Result<u64, Unread> {
        self.read(path).and_then(|text| one_number(&text))
    }

    /// A file below the folder in `/proc` of the process that is looked at.
    pub(super) fn process_file(&self, name: &str) -> String {
        match self.pid {
            Some(pid) => format!("/proc/{pid}/{name}"),
            None => format!("/proc/self/{name}"),
        }
    }

    /// A file below `/proc/net`, as that process sees it.
    pub(super) fn net_file(&self, name: &str) -> String {
        if self.is_self() {
            format!("/proc/net/{name}")
        } else {
            self.process_file(&format!("net/{name}"))
        }
    }

    /// The names in a folder, sorted.
    pub(super) fn list(&self, path: &str) -> Result<Vec<String>, Unread> {
        let entries = fs::read_dir(self.path(path))?.take(ENTRIES_MAX).flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        Ok(names)
    }

    /// How many entries a folder has. Linux 6.2 and later say it as the size of `/proc/PID/fd`.
    pub(super) fn count(&self, path: &str) -> Result<u64, Unread> {
        let size = fs::metadata(self.path(path))?.len();
        if size > 0 && path.starts_with("/proc/") && self.is_live() {
            return Ok(size);
        }
        let entries = fs::read_dir(self.path(path))?;
        Ok(entries.take(DESCRIPTORS_MAX).count() as u64)
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// What a program prints. Of a copy: the file below `commands/` that is called as the whole
    /// command line, with `/` left out.
    pub(super) fn output(&self, program: &str, args: &[&str]) -> Result<String, Unread> {
        if !self.is_live() {
            let line = format!("{program} {}", args.join(" ")).replace('/', "");
            return self.read(&format!("commands/{line}"));
        }
        let mut child = start(program, args)
            .map_err(|error| Unread::Other(format!("{program} cannot be run: {error}")))?;
        let mut text = String::new();
        let read = match child.stdout.take() {
            Some(output) => output.take(FILE_BYTES_MAX).read_to_string(&mut text),
            None => Ok(0),
        };
        let ended = child.wait()?;
        read?;
        if ended.success() {
            Ok(text)
        } else {
            Err(Unread::Other(format!("{program} failed: {ended}")))
        }
    }

    /// One field of the `status` file of the process that is looked at.
    pub(super) fn status(&self, name: &str) -> Result<String, Unread> {
        field(&self.read(&self.process_file("status"))?, name)
    }

    /// The same of this process.
    pub(super) fn own_status(&self, name: &str) -> Result<String, Unread> {
        field(&self.read("/proc/self/status")?, name)
    }
}

/// What stands behind a name and a colon.
fn field(text: &str, name: &str) -> Result<String, Unread> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value
        .map(|value| value.trim().to_owned())
        .ok_or(Unread::Missing)
}

/// Starts a program; users who are not root often lack the folders of those for administrators.
fn start(program: &str, args: &[&str]) -> io::Result<Child> {
    let folders = ["", "/usr/sbin/", "/sbin/"];
    let mut result = Err(io::ErrorKind::NotFound.into());
    for folder in folders {
        result = Command::new(format!("{folder}{program}"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let missing = matches!(&result, Err(error) if error.kind() == io::ErrorKind::NotFound);
        if !missing {
            break;
        }
    }
    result
}
