//! The arguments of the command, and the server they describe.
//!
//! Always true here:
//! - Every limit has the name, unit and default that the library gives it.
//!
//! Not here: whether values are in range; the library checks them, by name.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use ringlane::middleware::Dashboard;
use ringlane::{Builder, Driver, Limits, OverLimit, Server};

use crate::doctor::DoctorArgs;

/// Thread-per-core web server for Linux.
#[derive(Debug, Parser)]
#[command(name = "ringlane", version, about, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves the built-in pages and the routes that load generators expect.
    Demo(DemoArgs),
    /// Says what of this machine will limit a server, and how to change it. Changes nothing.
    Doctor(DoctorArgs),
}

/// How much is logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    /// Nothing.
    Off,
    /// What has gone wrong.
    Error,
    /// What may go wrong.
    Warn,
    /// Starts and ends.
    Info,
    /// What helps to find a bug.
    Debug,
}

/// Who is shown the dashboard.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum DashboardFor {
    /// Clients on this machine, if only they can connect; otherwise nobody.
    Auto,
    /// Everybody.
    On,
    /// Nobody.
    Off,
}

/// Options of `ringlane demo`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// Address to listen on: HOST:PORT, [IPV6]:PORT or unix:PATH. May be given several times.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    bind: Vec<String>,

    /// Worker threads, pinned if each allowed CPU has one. Default: one for each allowed CPU, but
    /// no more than the CPU quota of the control group.
    #[arg(long, value_name = "COUNT")]
    workers: Option<usize>,

    /// Start one worker on each of these CPUs and pin it there: 2-5,7.
    #[arg(long, value_name = "LIST")]
    cpus: Option<String>,

    /// Microseconds that an idle worker polls for work before it sleeps, up to 1,000: faster
    /// answers to few connections, at the cost of a fully busy core.
    #[arg(long, default_value_t = 0, value_name = "MICROSECONDS")]
    spin: u64,

    /// Give a connection to the worker on the CPU that handled its first packet: for machines
    /// whose network interrupts all CPUs that serve.
    #[arg(long)]
    incoming_cpu: bool,

    /// Driver: auto, uring or epoll.
    #[arg(long, env = "RINGLANE_DRIVER", default_value = "auto")]
    driver: Driver,

    /// Who is shown the live dashboard at /_ringlane/: `auto` is clients on this machine, if all
    /// addresses are of the loopback.
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    dashboard: DashboardFor,

    /// Log level.
    #[arg(long, value_enum, default_value = "info")]
    pub(crate) log: LogLevel,

    /// Seconds that requests in flight may take to end after SIGTERM, SIGINT or SIGQUIT.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_time: u64,

    #[command(flatten)]
    limits: LimitArgs,
}

/// Limits; each has the library's default.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Connections of all workers together. Default: what RLIMIT_NOFILE allows.
    #[arg(long, value_name = "COUNT")]
    connections_max: Option<usize>,

    /// Answer connections beyond the limit with 503 instead of letting them wait.
    #[arg(long)]
    refuse_over_limit: bool,

    /// Request line and headers, in bytes.
    #[arg(long, value_name = "BYTES")]
    head_bytes_max: Option<usize>,

    /// Headers of a request.
    #[arg(long, value_name = "COUNT")]
    headers_max: Option<usize>,

    /// Request target, in bytes.
    #[arg(long, value_name = "BYTES")]
    target_bytes_max: Option<usize>,

    /// Request body, in bytes, for routes without a limit of their own.
    #[arg(long, value_name = "BYTES")]
    body_bytes_max: Option<u64>,

    /// Milliseconds in which a request head must arrive.
    #[arg(long, value_name = "MILLISECONDS")]
    head_time: Option<u64>,

    /// Milliseconds that a connection may be idle between requests.
    #[arg(long, value_name = "MILLISECONDS")]
    idle_time: Option<u64>,

    /// Milliseconds that a handler may take.
    #[arg(long, value_name = "MILLISECONDS")]
    handler_time: Option<u64>,

    /// Milliseconds that a client may take no byte of its answer.
    #[arg(long, value_name = "MILLISECONDS")]
    write_time: Option<u64>,

    /// Requests per connection, after which it is closed. Default: unlimited.
    #[arg(long, value_name = "COUNT")]
    requests_per_connection_max: Option<u32>,
}

impl DemoArgs {
    /// The dashboard, if anybody is to see it.
    pub(crate) fn dashboard(&self) -> Option<Dashboard> {
        match self.dashboard {
            DashboardFor::Off => None,
            DashboardFor::On => Some(Dashboard::new().public(true)),
            DashboardFor::Auto => {
                let is_here = self.bind.iter().all(|bind| is_loopback(bind));
                is_here.then(Dashboard::new)
            }
        }
    }

    /// The server that these arguments describe, without routes.
    pub(crate) fn server(&self) -> Builder {
        let drain_time = Duration::from_secs(self.drain_time);
        let spin = Duration::from_micros(self.spin);
        let mut server = Server::builder()
            .driver(self.driver)
            .spin(spin)
            .incoming_cpu(self.incoming_cpu);
        server = server
            .limits(self.limits.to_limits())
            .drain_time(drain_time);
        for address in &self.bind {
            server = server.bind(address);
        }
        if let Some(count) = self.workers {
            server = server.workers(count);
        }
        if let Some(list) = &self.cpus {
            server = server.cpus(list);
        }
        if let Some(count) = self.limits.connections_max {
            server = server.connections_max(count);
        }
        if self.limits.refuse_over_limit {
            server = server.over_limit(OverLimit::Refuse);
        }
        server
    }
}

/// Whether only clients on this machine can connect to an address.
fn is_loopback(bind: &str) -> bool {
    let is_named = bind
        .rsplit_once(':')
        .is_some_and(|(host, _)| host == "localhost");
    let address = bind.parse::<SocketAddr>();
    is_named || address.is_ok_and(|address| address.ip().is_loopback())
}

impl LimitArgs {
    fn to_limits(&self) -> Limits {
        fn set<T: Copy>(limits: Limits, value: Option<T>, with: fn(Limits, T) -> Limits) -> Limits {
            match value {
                Some(value) => with(limits, value),
                None => limits,
            }
        }
        let millis = |value: Option<u64>| value.map(Duration::from_millis);
        let limits = Limits::default();
        let limits = set(limits, self.head_bytes_max, Limits::head_bytes_max);
        let limits = set(limits, self.headers_max, Limits::headers_max);
        let limits = set(limits, self.target_bytes_max, Limits::target_bytes_max);
        let limits = set(limits, self.body_bytes_max, Limits::body_bytes_max);
        let limits = set(limits, millis(self.head_time), Limits::head_time);
        let limits = set(limits, millis(self.idle_time), Limits::idle_time);
        let limits = set(limits, millis(self.handler_time), Limits::handler_time);
        let limits = set(limits, millis(self.write_time), Limits::write_time);
        let requests = self.requests_per_connection_max.map(Some);
        set(limits, requests, Limits::requests_per_connection_max)
    }
}

/// Sends log events to standard error. `RUST_LOG` refines what `--log` says.
pub(crate) fn start_logging(level: LogLevel) -> Result<(), Box<dyn Error>> {
    use tracing_subscriber::EnvFilter;
    let level = match level {
        LogLevel::Off => "off",
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) => EnvFilter::try_new(directives)
            .map_err(|error| format!("RUST_LOG cannot be understood: {error}"))?,
        Err(_) => EnvFilter::new(level),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(ringlane::log::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .try_init()
        .map_err(|error| format!("the log cannot be started: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_of_this_machine_alone() {
        for bind in ["127.0.0.1:80", "127.9.9.9:0", "[::1]:8080", "localhost:80"] {
            assert!(is_loopback(bind), "{bind}");
        }
        for bind in [
            "0.0.0.0:80",
            "[::]:80",
            "10.0.0.1:80",
            "example.org:80",
            "unix:/x",
            "80",
            "",
        ] {
            assert!(!is_loopback(bind), "{bind}");
        }
    }
}
