//! Runs the rounds: starts a server, loads it, reads its counters, ends it; then the next one.
//!
//! Each sample gets a process of its own. So nothing else runs on the server's core, memory is that
//! of this load alone, and the layout of a process in memory, which can favour a program by a few
//! percent from start to start, is drawn anew in each round instead of once for the whole run.
//!
//! Always true here: a server is killed before the next one starts.
//!
//! Not here: the generator's part (`load.rs`), building (`build.rs`), judging (`bars.rs`).

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::build::{Candidate, log_file};
use crate::contender::{Contender, PORT};
use crate::enters;
use crate::json::{Latency, Row, Sample};
use crate::load::{Counted, Load, Loaded};
use crate::probe;
use crate::scenario::{Scenario, Unit};
use ringlane_bench::process::{Interrupt, Process};
use ringlane_bench::usage::{self, CoreUsage, Memory, ProcessUsage};

/// After the load: until the server has seen its connections close, which is part of its work.
const SETTLING: Duration = Duration::from_millis(30);

/// All rounds of one scenario. An error means that the run is to end; a server's failure is a row.
pub(crate) fn run(
    scenario: &Scenario,
    candidates: &[&Candidate],
    arguments: &Arguments,
    root: &Path,
    interrupt: &Interrupt,
) -> io::Result<Vec<Row>> {
    let new_row =
        |candidate: &&Candidate| Row::new(&candidate.contender, candidate.failure.clone());
    let mut rows: Vec<Row> = candidates.iter().map(new_row).collect();
    let bench = Bench {
        scenario,
        arguments,
        root,
        interrupt,
    };
    for round in 1..=arguments.rounds {
        eprint!("{} round {round}/{}:", scenario.name, arguments.rounds);
        for (candidate, row) in candidates.iter().zip(&mut rows) {
            if row.failure.is_some() {
                continue;
            }
            eprint!(" {}", row.name);
            match bench.sample(&candidate.contender, round) {
                Ok((sample, answer_bytes)) => {
                    row.samples.push(sample);
                    row.answer_bytes = answer_bytes;
                }
                Err(error) => {
                    interrupt.check()?;
                    row.failure = Some(format!("round {round}: {error}"));
                }
            }
        }
        eprintln!();
    }
    rows.iter_mut().for_each(Row::summarise);
    for percent in &scenario.latency_percents {
        bench.latencies(*percent, candidates, &mut rows)?;
    }
    Ok(rows)
}

/// What every sample of a run shares.
struct Bench<'a> {
    scenario: &'a Scenario,
    arguments: &'a Arguments,
    root: &'a Path,
    interrupt: &'a Interrupt,
}

/// The counters on one side of a load.
struct Reading {
    at: Instant,
    server: ProcessUsage,
    cores: [CoreUsage; 2],
}

impl Bench<'_> {
    /// One server in one round, and the length of its answer.
    fn sample(&self, contender: &Contender, round: u32) -> io::Result<(Sample, Option<usize>)> {
        let (mut server, port) = self.start_and_wait(contender)?;
        let answer_bytes = probe::ask(port, &self.scenario.probe)?;
        let load = self.load(&server, port, None);
        let warm_up_seconds = self.arguments.warm_up_seconds;
        if warm_up_seconds > 0 && !self.scenario.is_about_memory {
            load.run(warm_up_seconds, self.interrupt, || ())?;
        }
        // Asking costs memory, and where that is measured nothing else matters.
        let ask = || match self.scenario.is_about_memory {
            true => None,
            false => enters::ask(contender.role, port),
        };
        let enters_before = ask();
        let mut readings = Vec::new();
        let memory_before = usage::memory(server.id())?;
        let before = self.read(&server)?;
        let seconds = self.arguments.seconds_of(self.scenario);
        let loaded = load.run(seconds, self.interrupt, || {
            readings.extend(usage::memory(server.id()));
        })?;
        self.interrupt.sleep(SETTLING)?;
        let after = self.read(&server)?;
        if let Some(status) = server.ended()? {
            return Err(io::Error::other(format!("ended under load: {status}")));
        }
        let memory = [memory_before, under_load(&readings)?];
        let mut sample = self.compute(round, &before, &after, &loaded, memory);
        let enters = ask().zip(enters_before);
        sample.enters_per_request = enters.map(|(after, before)| {
            after.saturating_sub(before) as f64 / sample.requests.max(1) as f64
        });
        Ok((sample, answer_bytes))
    }

    /// What every server answers how late, when all have to do `percent` of what the slowest can.
    fn latencies(
        &self,
        percent: u32,
        candidates: &[&Candidate],
        rows: &mut [Row],
    ) -> io::Result<()> {
        let rate = |row: &Row| Some(row.summary.as_ref()?.requests_per_second.median);
        let whole = rows.iter().filter(|row| row.failure.is_none());
        let Some(least) = whole.filter_map(rate).min_by(f64::total_cmp) else {
            return Ok(());
        };
        let per_second = least * f64::from(percent) / 100.0;
        let mut samples: Vec<Vec<Counted>> = vec![Vec::new(); rows.len()];
        for round in 1..=self.arguments.rounds {
            eprintln!("{} at {percent} %, round {round}", self.scenario.name);
            let pairs = candidates.iter().zip(rows.iter_mut()).zip(&mut samples);
            for ((candidate, row), samples) in pairs.filter(|((_, row), _)| row.failure.is_none()) {
                match self.sample_at(per_second, &candidate.contender) {
                    Ok(counted) => samples.push(counted),
                    Err(error) => {
                        self.interrupt.check()?;
                        row.failure = Some(format!("at {percent} %: {error}"));
                    }
                }
            }
        }
        for (row, samples) in rows.iter_mut().zip(&samples) {
            row.latencies
                .extend(Latency::of(percent, per_second, samples));
        }
        Ok(())
    }

    fn sample_at(&self, per_second: f64, contender: &Contender) -> io::Result<Counted> {
        let (server, port) = self.start_and_wait(contender)?;
        let load = self.load(&server, port, Some(per_second));
        if self.arguments.warm_up_seconds > 0 {
            load.run(self.arguments.warm_up_seconds, self.interrupt, || ())?;
        }
        let loaded = load.run(self.arguments.seconds, self.interrupt, || ())?;
        Ok(loaded.counted)
    }

    fn load(&self, server: &Process, port: u16, rate: Option<f64>) -> Load<'_> {
        Load {
            scenario: self.scenario,
            core: self.arguments.load_core,
            root: self.root,
            server: server.id(),
            port,
            rate,
        }
    }

    /// A server that accepts connections, and its port.
    fn start_and_wait(&self, contender: &Contender) -> io::Result<(Process, u16)> {
        let port = probe::free_port()?;
        let mut server = self.start(contender, port)?;
        probe::wait_for(port, || {
            self.interrupt.check()?;
            match server.ended()? {
                None => Ok(()),
                Some(status) => Err(io::Error::other(format!("does not start: {status}"))),
            }
        })?;
        Ok((server, port))
    }

    fn start(&self, contender: &Contender, port: u16) -> io::Result<Process> {
        let (log, _) = log_file(self.root, &contender.name)?;
        let mut cores = self.arguments.server_core.to_string();
        if contender.on_both_cores {
            cores += &format!(",{}", self.arguments.load_core);
        }
        let mut command = Command::new("taskset");
        command.arg("-c").arg(cores);
        command.args(
            contender
                .command
                .iter()
                .map(|word| word.replace(PORT, &port.to_string())),
        );
        command
            .current_dir(self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Process::start(&mut command)
    }

    fn read(&self, server: &Process) -> io::Result<Reading> {
        let cores = [
            usage::core(self.arguments.server_core)?,
            usage::core(self.arguments.load_core)?,
        ];
        Ok(Reading {
            at: Instant::now(),
            server: usage::process(server.id())?,
            cores,
        })
    }

    fn compute(
        &self,
        round: u32,
        before: &Reading,
        after: &Reading,
        loaded: &Loaded,
        [memory_before, memory]: [Memory; 2],
    ) -> Sample {
        let counted = &loaded.counted;
        let units = match self.scenario.unit {
            Unit::Connection => counted.connections_opened,
            _ => counted.requests,
        };
        let requests = units.max(1) as f64;
        let whole = after.server.since(&before.server);
        let used = counted.server.unwrap_or(whole);
        let cpu_ns = used.cpu_ns as f64;
        let cpu_us_per_request = cpu_ns / 1000.0 / requests;
        let (user, system) = (used.user_ticks as f64, used.system_ticks as f64);
        let user_us_per_request = cpu_us_per_request * user / (user + system).max(1.0);
        let seconds = counted.microseconds as f64 / 1e6;
        let server_core_share = cpu_ns / 1e9 / seconds;
        // Over all that passed between the readings, which is a little more than the load.
        let passed = after.at.duration_since(before.at).as_secs_f64();
        let load_cpu = loaded.core_share * seconds / passed;
        let busy = share(before, after, |core| core.busy_ticks);
        let percentile =
            |microseconds: f64| (self.scenario.pipeline_depth == 1).then_some(microseconds);
        Sample {
            round,
            requests: units,
            requests_per_second: requests / seconds,
            cpu_us_per_request,
            user_us_per_request,
            system_us_per_request: cpu_us_per_request - user_us_per_request,
            p50_us: percentile(counted.p50_us),
            p99_us: percentile(counted.p99_us),
            errors: counted.errors,
            pss_kib: memory.pss_kib,
            connection_bytes: self.scenario.is_about_memory.then(|| {
                let grown_kib = memory
                    .private_dirty_kib
                    .saturating_sub(memory_before.private_dirty_kib);
                grown_kib as f64 * 1024.0 / f64::from(self.scenario.connections)
            }),
            enters_per_request: None,
            server_core_share,
            load_core_share: loaded.core_share,
            others_core_share: (busy - whole.cpu_ns as f64 / 1e9 / passed - load_cpu).max(0.0),
            stolen_core_share: share(before, after, |core| core.stolen_ticks),
        }
    }
}

/// The last reading but one: all connections are open, which takes a while, and the generator has
/// not begun to close them, which it may have before the last one.
fn under_load(readings: &[Memory]) -> io::Result<Memory> {
    let [.., reading, _] = readings else {
        let message = "its memory was not read twice while it was loaded";
        return Err(io::Error::other(message));
    };
    Ok(*reading)
}

/// The share of one core that a counter of both cores grew by.
fn share(before: &Reading, after: &Reading, ticks: fn(&CoreUsage) -> u64) -> f64 {
    let pairs = before.cores.iter().zip(&after.cores);
    let shares = pairs.map(|(before, after)| {
        let all = after.all_ticks.saturating_sub(before.all_ticks);
        ticks(after).saturating_sub(ticks(before)) as f64 / all.max(1) as f64
    });
    shares.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_that_of_the_load_and_not_of_its_beginning_or_end() {
        let reading = |pss_kib| Memory {
            pss_kib,
            private_dirty_kib: 0,
        };
        let taken = |all: &[u64]| under_load(&all.iter().copied().map(reading).collect::<Vec<_>>());
        assert_eq!(taken(&[1, 5, 9, 3]).ok(), Some(reading(9)));
        assert_eq!(taken(&[9, 3]).ok(), Some(reading(9)));
        assert!(taken(&[9]).is_err());
        assert!(taken(&[]).is_err());
    }
}
