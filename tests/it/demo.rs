//! Tests the command `ringlane demo`: a process, a port, signals, exit codes.
//!
//! Not here: what handlers and codecs do in detail; they have tests of their own.

mod dashboard;
mod events;
mod load;
mod logging;
mod process;
mod routes;
mod shutdown;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The command, built now if it is not up to date.
pub(crate) fn binary() -> PathBuf {
    build("--package ringlane-cli --bin ringlane").join("ringlane")
}

/// An example of the library, built now if it is not up to date.
pub(crate) fn example(name: &str) -> PathBuf {
    let what = format!("--package ringlane --all-features --example {name}");
    build(&what).join("examples").join(name)
}

/// Builds what cargo's arguments name; gives the folder of the profile.
fn build(what: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet"])
        .args(what.split(' '))
        .status()
        .expect("cargo can be run");
    assert!(built.success(), "{what} does not build");
    let tests = std::env::current_exe().expect("this binary");
    let folder = tests.ancestors().nth(2).expect("target/PROFILE/deps/it");
    folder.to_owned()
}

/// A running demo. Dropping it ends it.
struct Demo {
    child: Child,
    address: SocketAddr,
}

impl Demo {
    /// Listens on a free port, and on what addresses the options may name.
    fn start(options: &[&str]) -> Self {
        Self::start_by(Command::new(binary()), options)
    }

    /// As [`start`](Self::start), by a command that ends in the program.
    fn start_by(mut command: Command, options: &[&str]) -> Self {
        let is_tcp = |pair: &[&str]| pair[0] == "--bind" && !pair[1].starts_with("unix:");
        let has_address = options.windows(2).any(is_tcp);
        let mut child = command
            .args(["demo", "--log", "warn"])
            .args(if has_address {
                &[][..]
            } else {
                &["--bind", "127.0.0.1:0"]
            })
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("a line");
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .and_then(|rest| rest.split(',').next())
            .expect("the line that says so");
        Self {
            address: address.parse().expect("an address"),
            child,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connected");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        stream
    }

    /// Sends bytes on a new connection and reads until the server closes it.
    fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).expect("sent");
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .expect("an answer and its end");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(id.expect("an id"), signal).expect("signalled");
    }

    /// Waits for its end.
    fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("ended")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}
