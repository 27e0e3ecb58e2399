//! Network namespaces that end with their sample, and the setting of huge pages, restored after it.
//!
//! Always true here: a namespace has no name; it is there as long as the process that holds it,
//! which is killed when its owner is dropped.
//!
//! Not here: what is set in them (`steps.rs`).

use std::fs;
use std::io::{self, Read as _};
use std::process::{Command, Stdio};

use ringlane_bench::process::Process;

const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// A network namespace.
#[derive(Debug)]
pub(crate) struct Namespace(Process);

impl Namespace {
    /// With loopback up.
    pub(crate) fn new() -> io::Result<Self> {
        let script = "ip link set lo up && echo ready && exec sleep 600";
        let mut process = Process::start(
            Command::new("unshare")
                .args(["--net", "sh", "-c", script])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        )?;
        let mut ready = [0; 6];
        let mut output = process.take_stdout();
        let read = output.as_mut().map(|pipe| pipe.read_exact(&mut ready));
        if !matches!(read, Some(Ok(()))) {
            return Err(io::Error::other("no network namespace can be made"));
        }
        Ok(Self(process))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// A program that is to run in it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.id()));
        command.arg(program);
        command
    }

    /// Runs a line of shell in it; an error holds the line and its words.
    pub(crate) fn shell(&self, line: &str) -> io::Result<()> {
        let mut command = self.command("sh");
        let output = command.args(["-e", "-c", line]).output()?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{line}: {}", words.trim())))
    }

    /// Joins two of them by a veth pair: 10.99.0.1 for `self`, 10.99.0.2 for `other`.
    pub(crate) fn join(&self, other: &Self) -> io::Result<()> {
        let other_id = other.id();
        self.shell(&format!(
            "ip link add veth-server type veth peer name veth-client netns {other_id}"
        ))?;
        self.shell("ip address add 10.99.0.1/30 dev veth-server && ip link set veth-server up")?;
        other.shell("ip address add 10.99.0.2/30 dev veth-client && ip link set veth-client up")
    }

    /// A count of its `TcpExt`, such as `ListenOverflows`.
    pub(crate) fn count(&self, name: &str) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/net/netstat", self.id()))?;
        parse_count(&text, name).ok_or_else(|| io::Error::other(format!("no count of {name}")))
    }
}

/// A line of names, and below it one of numbers.
fn parse_count(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let names = lines.next()?.split(' ');
    let mut pairs = names.zip(lines.next()?.split(' '));
    pairs.find(|(found, _)| *found == name)?.1.parse().ok()
}

/// The choice of huge pages while this lives; dropping it puts back what was there.
#[derive(Debug)]
pub(crate) struct HugePages(String);

impl HugePages {
    pub(crate) fn set(choice: &str) -> io::Result<Self> {
        let text = fs::read_to_string(HUGE_PAGES)?;
        let before = chosen(&text).ok_or_else(|| io::Error::other("no choice of huge pages"))?;
        let guard = Self(before.to_owned());
        fs::write(HUGE_PAGES, choice)?;
        Ok(guard)
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        if let Err(error) = fs::write(HUGE_PAGES, &self.0) {
            eprintln!("error: {HUGE_PAGES} is not {} again: {error}", self.0);
        }
    }
}

/// The word in brackets.
fn chosen(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_choices() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 22 3\nIpExt: A\nIpExt: 9\n";
        assert_eq!(parse_count(text, "ListenOverflows"), Some(22));
        assert_eq!(parse_count(text, "C"), None);
        assert_eq!(parse_count("TcpExt: A\n", "A"), None);
        assert_eq!(chosen("always [madvise] never\n"), Some("madvise"));
        assert_eq!(chosen("always\n"), None);
    }
}
