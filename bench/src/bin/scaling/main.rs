//! `scaling`: whether two cores answer twice as much as one.
//!
//! Four arrangements take turns in every round. Each core in use runs one worker and one generator,
//! in all of them: a machine with more cores is not needed, and what a core answers is comparable.
//!
//! - *alone*: one worker on one core; the other core has nothing to do.
//! - *apart*: two servers of one worker, a core each, that know nothing of each other. What this
//!   loses is the machine's: cores share caches, memory, and at times their execution units.
//! - *dealt*: one server of two workers, connections dealt out by the kernel's hash. Half of them
//!   come from the other core, which has to be woken for each answer.
//! - *steered*: the same with `--incoming-cpu`: connections stay on the core that they come from,
//!   as with *apart*. What this loses beyond *apart* is the server's.
//!
//! Always true here: a server and its generators end with their sample, by their ids.
//!
//! Not here: servers beside each other (`compare`), settings of the kernel (`ladder`).

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use serde::{Deserialize, Serialize};

use ringlane_bench::calendar::Moment;
use ringlane_bench::folded;
use ringlane_bench::machine::{self, Machine};
use ringlane_bench::process::{Interrupt, Process};
use ringlane_bench::root;
use ringlane_bench::statistics::Spread;

/// The cores in use.
const CORES: [u32; 2] = [0, 1];
/// Connections of each generator.
const CONNECTIONS: u32 = 64;
/// Where the latest run is kept, from the root.
const RESULT: &str = "bench/results/scaling.json";
const SERVER: &str = "target/release/ringlane";
const GENERATOR: &str = "target/release/ringlane-load";
/// How long a server may take to listen.
const START_TIME: Duration = Duration::from_secs(5);
/// Longer than its load a generator may not take.
const OVERTIME: Duration = Duration::from_secs(20);

/// Whether two cores answer twice as much as one.
#[derive(Debug, Parser)]
#[command(name = "scaling", version)]
struct Arguments {
    /// Rounds, each of which takes every arrangement once.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,
    /// How long each load lasts.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Keep no file.
    #[arg(long)]
    no_save: bool,
}

/// How servers are laid out over the cores.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Arrangement {
    Alone,
    Apart,
    Dealt,
    Steered,
}

impl Arrangement {
    const ALL: [Self; 4] = [Self::Alone, Self::Apart, Self::Dealt, Self::Steered];

    /// The cores of each server.
    fn servers(self) -> Vec<Vec<u32>> {
        let [first, second] = CORES;
        match self {
            Self::Alone => vec![vec![first]],
            Self::Apart => vec![vec![first], vec![second]],
            Self::Dealt | Self::Steered => vec![vec![first, second]],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Apart => "apart",
            Self::Dealt => "dealt",
            Self::Steered => "steered",
        }
    }
}

/// One load of one arrangement.
#[derive(Clone, Copy, Debug, Serialize)]
struct Sample {
    requests_per_second_and_core: f64,
    cpu_us_per_request: f64,
    errors: u64,
}

#[derive(Debug, Serialize)]
struct Row {
    arrangement: Arrangement,
    samples: Vec<Sample>,
}

/// One run, as it is kept.
#[derive(Debug, Serialize)]
struct Report {
    started: Moment,
    machine: Machine,
    rounds: u32,
    seconds: u32,
    connections_per_core: u32,
    rows: Vec<Row>,
}

/// What a generator says of its run.
#[derive(Debug, Deserialize)]
struct Counted {
    requests: u64,
    microseconds: u64,
    errors: std::collections::BTreeMap<String, u64>,
    server: Server,
}

/// What the server used meanwhile.
#[derive(Debug, Deserialize)]
struct Server {
    cpu_ns: u64,
}

fn main() -> ExitCode {
    ringlane_bench::finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let root = root();
    let interrupt = Interrupt::install()?;
    let [first, second] = CORES;
    machine::check_cores(first, second)?;
    let mut report = Report {
        started: Moment::now(),
        machine: machine::describe(&root),
        rounds: arguments.rounds,
        seconds: arguments.seconds,
        connections_per_core: CONNECTIONS,
        rows: Vec::new(),
    };
    for arrangement in Arrangement::ALL {
        let samples = Vec::new();
        report.rows.push(Row {
            arrangement,
            samples,
        });
    }
    for round in 1..=arguments.rounds {
        eprintln!("round {round}/{}", arguments.rounds);
        for row in &mut report.rows {
            let sample = measure(&root, row.arrangement, arguments.seconds, &interrupt)?;
            row.samples.push(sample);
        }
    }
    print(&report);
    if !arguments.no_save {
        folded::write(&report, &root, RESULT)?;
        println!("kept in {RESULT}");
    }
    Ok(())
}

/// Starts the servers, loads each of their cores, and ends all.
fn measure(
    root: &Path,
    arrangement: Arrangement,
    seconds: u32,
    interrupt: &Interrupt,
) -> io::Result<Sample> {
    let mut servers = Vec::new();
    let mut targets = Vec::new();
    for cores in arrangement.servers() {
        let address = free_address()?;
        let server = start(root, arrangement, &cores, address)?;
        await_listener(address, interrupt)?;
        targets.extend(cores.iter().map(|core| (*core, server.id(), address)));
        servers.push(server);
    }
    let mut loads = Vec::new();
    for (core, id, address) in &targets {
        loads.push(load(root, *core, *id, *address, seconds)?);
    }
    let mut counts = Vec::new();
    for load in loads {
        counts.push(read(load, seconds, interrupt)?);
    }
    // Two generators of one server have each read the account of all of it, over nearly the same
    // time: the mean is what was used.
    let per_server = counts.len() / servers.len();
    let cpu: u64 = counts.iter().map(|count| count.server.cpu_ns).sum();
    let requests: u64 = counts.iter().map(|count| count.requests).sum();
    let rate: f64 = counts.iter().map(rate).sum();
    Ok(Sample {
        requests_per_second_and_core: rate / counts.len() as f64,
        cpu_us_per_request: cpu as f64 / per_server as f64 / 1e3 / requests.max(1) as f64,
        errors: counts.iter().flat_map(|count| count.errors.values()).sum(),
    })
}

fn rate(count: &Counted) -> f64 {
    count.requests as f64 * 1e6 / count.microseconds.max(1) as f64
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn start(
    root: &Path,
    arrangement: Arrangement,
    cores: &[u32],
    address: SocketAddr,
) -> io::Result<Process> {
    let steering = (arrangement == Arrangement::Steered).then_some("--incoming-cpu");
    let list: Vec<String> = cores.iter().map(u32::to_string).collect();
    Process::start(
        Command::new("taskset")
            .current_dir(root)
            .args(["--cpu-list", &list.join(","), SERVER, "demo", "--workers"])
            .arg(cores.len().to_string())
            .args(["--log", "error", "--bind", &address.to_string()])
            .args(steering)
            .stdin(Stdio::null())
            .stdout(Stdio::null()),
    )
}

fn await_listener(address: SocketAddr, interrupt: &Interrupt) -> io::Result<()> {
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > START_TIME {
            return Err(io::Error::other(format!(
                "{SERVER} does not listen on {address}: build it with \
                 `cargo build --release -p ringlane-cli -p ringlane-bench`"
            )));
        }
        interrupt.sleep(Duration::from_millis(20))?;
    }
    Ok(())
}

fn load(
    root: &Path,
    core: u32,
    server: u32,
    address: SocketAddr,
    seconds: u32,
) -> io::Result<Process> {
    let url = format!("http://{address}/plaintext");
    let numbers = [CONNECTIONS, seconds, server].map(|number| number.to_string());
    let [connections, seconds, server] = &numbers;
    Process::start(
        Command::new("taskset")
            .current_dir(root)
            .args(["--cpu-list", &core.to_string(), GENERATOR, "http", &url])
            .args(["--connections", connections, "--seconds", seconds])
            .args(["--server-pid", server, "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped()),
    )
}

fn read(mut load: Process, seconds: u32, interrupt: &Interrupt) -> io::Result<Counted> {
    let latest = Instant::now() + Duration::from_secs(seconds.into()) + OVERTIME;
    let status = load.wait(interrupt, || Instant::now() < latest)?;
    if !status.is_some_and(|status| status.success()) {
        return Err(io::Error::other(format!(
            "{GENERATOR} failed or did not end"
        )));
    }
    let mut text = String::new();
    if let Some(mut stdout) = load.take_stdout() {
        stdout.read_to_string(&mut text)?;
    }
    serde_json::from_str(&text).map_err(io::Error::other)
}

fn print(report: &Report) {
    println!(
        "\n{:10} {:>28} {:>26} {:>8}",
        "", "requests/s and core", "CPU µs/request", "errors"
    );
    for row in &report.rows {
        let spread = |of: fn(&Sample) -> f64| Spread::of(row.samples.iter().map(of));
        let rate = spread(|sample| sample.requests_per_second_and_core);
        let cpu = spread(|sample| sample.cpu_us_per_request);
        if let (Some(rate), Some(cpu)) = (rate, cpu) {
            println!(
                "{:10} {:>8.0} ({:.0} to {:.0}) {:>10.3} ({:.3} to {:.3}) {:>8}",
                row.arrangement.name(),
                rate.median,
                rate.min,
                rate.max,
                cpu.median,
                cpu.min,
                cpu.max,
                row.samples.iter().map(|sample| sample.errors).sum::<u64>(),
            );
        }
    }
    for one in [Arrangement::Dealt, Arrangement::Steered] {
        for other in [Arrangement::Alone, Arrangement::Apart] {
            if let Some(ratio) = ratio(report, one, other) {
                println!(
                    "a core answers {} {:.3} ({:.3} to {:.3}) of what it does {}",
                    one.name(),
                    ratio.median,
                    ratio.min,
                    ratio.max,
                    other.name(),
                );
            }
        }
    }
}

/// How the rates of two arrangements compare, round by round.
fn ratio(report: &Report, one: Arrangement, other: Arrangement) -> Option<Spread> {
    let rates = |wanted| {
        let row = report.rows.iter().find(|row| row.arrangement == wanted)?;
        Some(
            row.samples
                .iter()
                .map(|sample| sample.requests_per_second_and_core),
        )
    };
    Spread::of(
        rates(one)?
            .zip(rates(other)?)
            .map(|(one, other)| one / other),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(arrangement: Arrangement, rates: [f64; 3]) -> Row {
        let sample = |requests_per_second_and_core| Sample {
            requests_per_second_and_core,
            cpu_us_per_request: 1.0,
            errors: 0,
        };
        Row {
            arrangement,
            samples: rates.map(sample).into(),
        }
    }

    #[test]
    fn each_round_is_compared_with_itself() {
        let report = Report {
            started: Moment::now(),
            machine: machine::describe(Path::new(".")),
            rounds: 3,
            seconds: 1,
            connections_per_core: CONNECTIONS,
            rows: vec![
                row(Arrangement::Alone, [10.0, 20.0, 40.0]),
                row(Arrangement::Steered, [9.0, 19.0, 40.0]),
            ],
        };
        let ratio = ratio(&report, Arrangement::Steered, Arrangement::Alone);
        let expected = Spread {
            median: 0.95,
            min: 0.9,
            max: 1.0,
        };
        assert_eq!(ratio, Some(expected));
    }

    #[test]
    fn a_generators_line_is_read() -> serde_json::Result<()> {
        let line = r#"{"mode":"http","microseconds":2000000,"requests":300,
            "errors":{"connect":0,"read":2},"server":{"cpu_ns":7,"user_ticks":1}}"#;
        let counted: Counted = serde_json::from_str(line)?;
        assert_eq!(rate(&counted).to_bits(), 150.0_f64.to_bits());
        assert_eq!(counted.errors.values().sum::<u64>(), 2);
        assert_eq!(counted.server.cpu_ns, 7);
        Ok(())
    }
}
