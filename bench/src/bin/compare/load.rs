//! Runs the load generator (wrk or ringlane-load) once and reads its counts.
//!
//! Not here: what the server used meanwhile (`measure.rs`), the script that prints the line read
//! here (`bench/wrk/plaintext.lua`), our own generator (`src/bin/ringlane-load`).

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::scenario::{Generator, Scenario};
use ringlane_bench::process::{Interrupt, Process};
use ringlane_bench::usage::{self, ProcessUsage};

/// Longer than its load a run may not take: connections are opened before it.
const OVERTIME_MAX: Duration = Duration::from_secs(40);

/// What went wrong, as the generators count it. What is zero is not written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Errors {
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) connect: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) read: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) write: u64,
    /// Answers with a status of 400 or more.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) status: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) timeout: u64,
    /// Of ringlane-load: answers that are not the right ones.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) content: u64,
    /// Deliveries that were left out, or came twice.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) missing: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) repeated: u64,
    /// Connections that read nothing and were not given up.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) held: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Errors {
    pub(crate) fn total(&self) -> u64 {
        let transport = self.connect + self.read + self.write + self.timeout;
        transport + self.status + self.content + self.missing + self.repeated + self.held
    }
}

/// One run's figures.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub(crate) struct Counted {
    pub(crate) microseconds: u64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    pub(crate) errors: Errors,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    #[serde(default)]
    pub(crate) p999_us: f64,
    /// Connections of the whole run.
    #[serde(default)]
    pub(crate) connections_opened: u64,
    /// By rate: requests that were due and not sent.
    #[serde(default)]
    pub(crate) unsent: u64,
    /// What the server took from when all connections were there, if that was asked for.
    #[serde(default)]
    pub(crate) server: Option<ProcessUsage>,
}

/// One run's figures, and how busy the generator was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    pub(crate) counted: Counted,
    /// Share of a core that the generator took.
    pub(crate) core_share: f64,
}

/// How one run is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) core: u32,
    pub(crate) root: &'a Path,
    /// The server's process.
    pub(crate) server: u32,
    pub(crate) port: u16,
    /// Requests per second, for latencies: always by our own generator.
    pub(crate) rate: Option<f64>,
}

/// Says what is missing on this machine, and where it comes from.
pub(crate) fn find_tools() -> io::Result<()> {
    for (tool, package) in [("wrk", "wrk"), ("taskset", "util-linux")] {
        let found = Command::new(tool)
            .arg("-v")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if let Err(error) = found {
            let message = format!(
                "{tool} cannot be started ({error}): on Debian and Ubuntu, apt-get install {package}"
            );
            return Err(io::Error::new(error.kind(), message));
        }
    }
    Ok(())
}

impl Load<'_> {
    /// Loads the server for `seconds`; `watch` is called each time a fifth of that has passed,
    /// until the generator has ended.
    pub(crate) fn run(
        &self,
        seconds: u32,
        interrupt: &Interrupt,
        mut watch: impl FnMut(),
    ) -> io::Result<Loaded> {
        let mut process = Process::start(self.command(seconds).stdout(Stdio::piped()))?;
        let id = process.id();
        let started = Instant::now();
        let duration = Duration::from_secs(seconds.into());
        let period = duration / 5;
        let mut watched = Duration::ZERO;
        let (mut used_ns, mut core_share) = (0, 0.0);
        let mut late = false;
        let status = process.wait(interrupt, || {
            let passed = started.elapsed();
            // The last reading that grew counts: its thread is gone when its end is noticed.
            if let Ok(used) = usage::process(id)
                && used.cpu_ns > used_ns
            {
                used_ns = used.cpu_ns;
                core_share = used_ns as f64 / passed.as_nanos() as f64;
            }
            if passed > watched + period {
                watched = passed;
                watch();
            }
            late = passed > duration + OVERTIME_MAX;
            !late
        })?;
        if late {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the generator did not end",
            ));
        }
        let mut printed = String::new();
        process
            .take_stdout()
            .map(|mut pipe| pipe.read_to_string(&mut printed))
            .transpose()?;
        let counted = parse(&printed).filter(|_| status.is_some_and(|status| status.success()));
        let counted = counted.ok_or_else(|| io::Error::other("the generator failed"))?;
        if counted.requests == 0 {
            return Err(io::Error::other("not one request was answered under load"));
        }
        Ok(Loaded {
            counted,
            core_share,
        })
    }

    fn command(&self, seconds: u32) -> Command {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(self.core.to_string());
        if self.rate.is_some() || self.scenario.generator == Generator::RinglaneLoad {
            command.args(self.own(seconds));
        } else {
            command.args(self.wrk(seconds));
        }
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn wrk(&self, seconds: u32) -> Vec<String> {
        let script = self.root.join("bench/wrk/plaintext.lua");
        let mut words = ["wrk", "--threads", "1", "--latency", "--connections"]
            .map(str::to_owned)
            .to_vec();
        words.extend([
            self.scenario.connections.to_string(),
            "--duration".to_owned(),
            format!("{seconds}s"),
            "--script".to_owned(),
            script.to_string_lossy().into_owned(),
            self.url(),
            "--".to_owned(),
            self.scenario.pipeline_depth.to_string(),
        ]);
        words
    }

    /// Our own generator. A rate is about requests one at a time.
    fn own(&self, seconds: u32) -> Vec<String> {
        let program = self.root.join("target/release/ringlane-load");
        let mut words = vec![program.to_string_lossy().into_owned()];
        match (self.rate, &self.scenario.load[..]) {
            (None, [mode, options @ ..]) => {
                words.extend([mode.clone(), self.url()]);
                words.extend(options.iter().cloned());
            }
            (rate, _) => {
                let rate = rate.unwrap_or(f64::INFINITY).to_string();
                words.extend(["http".to_owned(), self.url(), "--rate".to_owned(), rate]);
            }
        }
        let connections = self.scenario.connections.to_string();
        words.extend(["--connections".to_owned(), connections]);
        if self.scenario.leaves_out_opening {
            words.extend(["--server-pid".to_owned(), self.server.to_string()]);
        }
        words.extend([
            "--seconds".to_owned(),
            seconds.to_string(),
            "--json".to_owned(),
        ]);
        words
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.scenario.probe.path)
    }
}

/// Finds the script's line among what wrk prints; our own generator prints nothing else.
fn parse(printed: &str) -> Option<Counted> {
    let mut lines = printed.lines();
    let line = lines.find(|line| line.starts_with("measured ") || line.starts_with('{'))?;
    serde_json::from_str(line.strip_prefix("measured ").unwrap_or(line)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script() {
        let line = r#"measured {"microseconds":10,"requests":20,"bytes":30,"errors":{"connect":1,"read":2,"write":3,"status":4,"timeout":5},"p50_us":6,"p99_us":7}"#;
        let errors = Errors {
            connect: 1,
            read: 2,
            write: 3,
            status: 4,
            timeout: 5,
            ..Errors::default()
        };
        assert_eq!(errors.total(), 15);
        let expected = Counted {
            microseconds: 10,
            requests: 20,
            bytes: 30,
            errors,
            p50_us: 6.0,
            p99_us: 7.0,
            p999_us: 0.0,
            connections_opened: 0,
            unsent: 0,
            server: None,
        };
        assert_eq!(
            parse(&format!("Running 3s test\n  20 requests in 3s\n{line}\n")),
            Some(expected)
        );
        assert_eq!(parse("Running 3s test\n"), None);
        assert_eq!(parse(&line.replace("measured ", "")), Some(expected));
        assert_eq!(parse("measured {}\n"), None);
        let used = r#","server":{"cpu_ns":8,"user_ticks":1,"system_ticks":2}}"#;
        let with = format!("{}{used}", line.trim_end_matches('}'));
        let server = parse(&with).and_then(|counted| counted.server);
        assert_eq!(server.map(|used| used.cpu_ns), Some(8));
    }
}
