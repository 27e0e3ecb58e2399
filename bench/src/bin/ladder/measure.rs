//! Runs the ladder's rounds: a namespace, one setting, a server, its load.
//!
//! Always true here: variants take turns in every round; each sample has a server of its own.
//!
//! Not here: the settings (`steps.rs`), what is made of the samples (`report.rs`).

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::namespace::{HugePages, Namespace};
use crate::result::{Ladder, Load, Method, Sample, Step, Variant};
use crate::storm::Storm;
use ringlane_bench::process::{Interrupt, Process};
use ringlane_bench::usage;

/// In a namespace of its own any port is free.
pub(crate) const PORT: u16 = 8080;
pub(crate) const SERVER_CORE: u32 = 0;
pub(crate) const LOAD_CORE: u32 = 1;

/// Longer than any load takes; what goes on longer has hung.
const RUN_MAX: Duration = Duration::from_secs(120);
/// A server that does not answer for so long does not start.
const START_MAX: Duration = Duration::from_secs(10);
/// After the load, until the server has seen its connections close.
const SETTLING: Duration = Duration::from_millis(30);

/// All rounds. An error means that the run is to end; a variant's failure is in its row.
pub(crate) fn rounds(ladder: &mut Ladder, root: &Path, interrupt: &Interrupt) -> io::Result<()> {
    let programs = std::env::current_exe()?;
    let bench = Bench {
        programs: programs.parent().unwrap_or(root).to_path_buf(),
        root,
        method: &ladder.method,
        interrupt,
    };
    for round in 1..=ladder.method.rounds {
        eprintln!("round {round}/{}", ladder.method.rounds);
        for step in &mut ladder.steps {
            for index in 0..step.variants.len() {
                bench.take(step, index)?;
            }
        }
    }
    Ok(())
}

struct Bench<'a> {
    /// The folder of the built programs.
    programs: PathBuf,
    root: &'a Path,
    method: &'a Method,
    interrupt: &'a Interrupt,
}

/// What a generator counted.
struct Counted {
    done: u64,
    microseconds: u64,
    p99_us: f64,
    errors: u64,
}

/// The line that `bench/wrk/plaintext.lua` prints.
#[derive(Deserialize)]
struct Line {
    microseconds: u64,
    requests: u64,
    errors: Errors,
    p99_us: f64,
}

#[derive(Deserialize)]
struct Errors {
    connect: u64,
    read: u64,
    write: u64,
    status: u64,
    timeout: u64,
}

impl Bench<'_> {
    /// One sample of one variant, unless it failed before.
    fn take(&self, step: &mut Step, index: usize) -> io::Result<()> {
        self.interrupt.check()?;
        let (load, variant) = (step.load, &mut step.variants[index]);
        if variant.failure.is_some() {
            return Ok(());
        }
        eprintln!("  {}: {}", step.name, variant.name);
        match self.sample(load, variant) {
            Ok(sample) => variant.samples.push(sample),
            Err(error) => {
                self.interrupt.check()?;
                variant.failure = Some(error.to_string());
            }
        }
        Ok(())
    }

    fn sample(&self, load: Load, variant: &Variant) -> io::Result<Sample> {
        let huge_pages = variant.huge_pages.as_deref().map(HugePages::set);
        let _put_back = huge_pages.transpose()?;
        let (servers, clients) = (Namespace::new()?, Namespace::new()?);
        if load == Load::Veth {
            servers.join(&clients)?;
        }
        for line in &variant.settings {
            servers.shell(line)?;
        }
        let server = self.start(load, variant, &servers)?;
        let from = if load == Load::Veth {
            &clients
        } else {
            &servers
        };
        if load != Load::Storm {
            self.load(load, from, self.method.warm_up_seconds)?;
        }
        let before = usage::process(server.id())?.cpu_ns;
        let counted = match load {
            Load::Storm => self.storm(from)?,
            _ => self.load(load, from, self.method.seconds)?,
        };
        self.interrupt.sleep(SETTLING)?;
        let used_ns = usage::process(server.id())?.cpu_ns - before;
        let done = counted.done.max(1) as f64;
        Ok(Sample {
            cpu_us: used_ns as f64 / 1e3 / done,
            per_second: counted.done as f64 * 1e6 / counted.microseconds.max(1) as f64,
            p99_us: counted.p99_us,
            overflows: servers.count("ListenOverflows")?,
            errors: counted.errors,
        })
    }

    /// A server that answers.
    fn start(&self, load: Load, variant: &Variant, within: &Namespace) -> io::Result<Process> {
        let mut command = within.command("taskset");
        command.args(["--cpu-list", &SERVER_CORE.to_string()]);
        if load == Load::Large {
            command
                .arg(self.programs.join("ringlane-target"))
                .arg(PORT.to_string());
        } else {
            let bind = format!("{}:{PORT}", host(load));
            command.arg(self.programs.join("ringlane"));
            command.args(["demo", "--workers", "1", "--log", "off", "--bind", &bind]);
        }
        command.args(&variant.options);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut server = Process::start(&mut command)?;
        let started = Instant::now();
        while !is_listening(server.id()) {
            if server.ended()?.is_some() || started.elapsed() > START_MAX {
                return Err(io::Error::other("the server does not start"));
            }
            self.interrupt.sleep(Duration::from_millis(20))?;
        }
        if variant.unpinned {
            let id = server.id().to_string();
            let free = ["--all-tasks", "--cpu-list", "--pid", "0-1", &id];
            run(
                Command::new("taskset").args(free),
                START_MAX,
                self.interrupt,
            )?;
        }
        Ok(server)
    }

    /// wrk, which knows whole seconds only.
    fn load(&self, load: Load, from: &Namespace, seconds: u32) -> io::Result<Counted> {
        let path = match load {
            Load::Large => "/bytes/131072",
            _ => "/plaintext",
        };
        let mut command = from.command("wrk");
        command.args(["--threads", "1", "--connections"]);
        let connections = match load {
            Load::Single => 1,
            _ => self.method.connections,
        };
        command.arg(connections.to_string());
        command.args(["--duration", &format!("{seconds}s")]);
        command
            .arg("--script")
            .arg(self.root.join("bench/wrk/plaintext.lua"));
        command.arg(format!("http://{}:{PORT}{path}", host(load)));
        command.args(["--", "1"]);
        let printed = run(&mut command, RUN_MAX, self.interrupt)?;
        let line = printed
            .lines()
            .find_map(|line| line.strip_prefix("measured "));
        let line: Option<Line> = line.and_then(|line| serde_json::from_str(line).ok());
        let line = line.ok_or_else(|| io::Error::other("wrk printed no result"))?;
        let Errors {
            connect,
            read,
            write,
            status,
            timeout,
        } = line.errors;
        if line.requests == 0 {
            return Err(io::Error::other("not one request was answered"));
        }
        Ok(Counted {
            done: line.requests,
            microseconds: line.microseconds,
            p99_us: line.p99_us,
            errors: connect + read + write + status + timeout,
        })
    }

    fn storm(&self, from: &Namespace) -> io::Result<Counted> {
        let own = std::env::current_exe()?;
        let mut command = from.command(&own.to_string_lossy());
        command.args(["storm", &format!("127.0.0.1:{PORT}")]);
        command
            .arg(self.method.bursts.to_string())
            .arg(self.method.burst.to_string());
        let printed = run(&mut command, RUN_MAX, self.interrupt)?;
        let storm: Storm = serde_json::from_str(printed.trim()).map_err(io::Error::other)?;
        Ok(Counted {
            done: storm.connected,
            microseconds: storm.microseconds,
            p99_us: storm.p99_us,
            errors: storm.failed,
        })
    }
}

fn host(load: Load) -> &'static str {
    match load {
        Load::Veth => "10.99.0.1",
        _ => "127.0.0.1",
    }
}

/// Whether a socket listens in the namespace of that process, which nothing else lives in.
fn is_listening(id: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{id}/net/tcp")).unwrap_or_default();
    let port = format!(":{PORT:04X}");
    text.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().unwrap_or_default();
        local.ends_with(&port) && fields.nth(1) == Some("0A")
    })
}

/// Runs a program to its end; returns what it printed.
fn run(command: &mut Command, time_max: Duration, interrupt: &Interrupt) -> io::Result<String> {
    let quiet = command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut process = Process::start(quiet.stdout(Stdio::piped()))?;
    let started = Instant::now();
    let status = process.wait(interrupt, || started.elapsed() < time_max)?;
    let mut printed = String::new();
    if let Some(mut pipe) = process.take_stdout() {
        // One that did not end holds the pipe open.
        drop(process);
        pipe.read_to_string(&mut printed)?;
    }
    if status.is_some_and(|status| status.success()) {
        return Ok(printed);
    }
    let name = command
        .get_args()
        .nth(1)
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    Err(io::Error::other(format!("{name} failed, or did not end")))
}
