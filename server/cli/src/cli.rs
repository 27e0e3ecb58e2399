//! The arguments of the command, and the server they describe.
//!
//! Always true here:
//! - Every limit has the name and the default that the library gives it.
//! - What is wrong with the arguments is said by their names, all of it at once.
//!
//! Not here: whether values are in range; the library checks them.

mod value;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args as ClapArgs, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use ringlane::middleware::Dashboard;
use ringlane::{BuildError, Builder, Driver, Limits, OverLimit, Problem, Server};

use crate::doctor::DoctorArgs;
pub(crate) use value::seconds;

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
    Demo(Box<DemoArgs>),
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
#[command(after_help = "\
Sizes are bytes, or take K, M or G: 64K. Times take us, ms, s, m or h: 10s, 500ms.
An empty environment variable is one that is not set.

Exit code: 0 if it served until it was asked to end, and ended; 1 if it could not serve, or a core
failed or did not end in time; 2 if the arguments or the environment ask for what cannot be.")]
pub(crate) struct DemoArgs {
    /// Address to listen on: HOST:PORT, [IPV6]:PORT or unix:PATH. May be given several times.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    bind: Vec<String>,

    /// Worker threads, pinned if each allowed CPU has one. Default: one for each allowed CPU, but
    /// no more than the CPU quota of the control group.
    #[arg(long, value_name = "COUNT")]
    workers: Option<usize>,

    /// Start one worker on each of these CPUs and pin it there: 2-5,7. Default: none is named, see
    /// `--workers`.
    #[arg(long, value_name = "LIST")]
    cpus: Option<String>,

    /// How long an idle worker polls for work before it sleeps, up to 1ms: faster answers to few
    /// connections, at the cost of a fully busy core. A bare number is microseconds.
    #[arg(long, default_value = "0", value_name = "TIME", value_parser = value::microseconds)]
    spin: Duration,

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

    /// How long requests in flight may take to end after SIGTERM, SIGINT, SIGQUIT or SIGHUP. A bare
    /// number is seconds.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::seconds)]
    drain_time: Duration,

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

    /// Request line and headers, 512 to 1M.
    #[arg(long, value_name = "SIZE", default_value = "16K", value_parser = value::memory_bytes)]
    head_bytes_max: usize,

    /// Headers of a request, 1 to 1,024.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    headers_max: usize,

    /// Request target, 64 to 1M.
    #[arg(long, value_name = "SIZE", default_value = "8K", value_parser = value::memory_bytes)]
    target_bytes_max: usize,

    /// Request body, for routes without a limit of their own.
    #[arg(long, value_name = "SIZE", default_value = "2M", value_parser = value::bytes)]
    body_bytes_max: u64,

    /// In which a request head must arrive, from 10ms. A bare number is milliseconds, here and
    /// below.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = value::milliseconds)]
    head_time: Duration,

    /// That a connection may be idle between requests, from 10ms.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = value::milliseconds)]
    idle_time: Duration,

    /// In which a minimum of a body must arrive, from 10ms.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = value::milliseconds)]
    body_progress_time: Duration,

    /// Which that minimum is, 1 to 1G.
    #[arg(long, value_name = "SIZE", default_value = "1K", value_parser = value::bytes)]
    body_progress_bytes_min: u64,

    /// That a handler may take, from 1ms.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::milliseconds)]
    handler_time: Duration,

    /// That a client may take no byte of its answer, from 100ms.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::milliseconds)]
    write_time: Duration,

    /// What a client must take in that time while there is more, 1 to 1G.
    #[arg(long, value_name = "SIZE", default_value = "4K", value_parser = value::bytes)]
    write_bytes_min: u64,

    /// Requests per connection, after which it is closed. Default: unlimited.
    #[arg(long, value_name = "COUNT")]
    requests_per_connection_max: Option<u32>,

    /// After which a connection is closed with its next answer, from 1s; up to a tenth sooner.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = value::milliseconds)]
    connection_time: Duration,
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
        let mut server = Server::builder()
            .driver(self.driver)
            .spin(self.spin)
            .incoming_cpu(self.incoming_cpu);
        server = server
            .limits(self.limits.to_limits())
            .drain_time(self.drain_time);
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
        Limits::default()
            .head_bytes_max(self.head_bytes_max)
            .headers_max(self.headers_max)
            .target_bytes_max(self.target_bytes_max)
            .body_bytes_max(self.body_bytes_max)
            .head_time(self.head_time)
            .idle_time(self.idle_time)
            .body_progress_time(self.body_progress_time)
            .body_progress_bytes_min(self.body_progress_bytes_min)
            .handler_time(self.handler_time)
            .write_time(self.write_time)
            .write_bytes_min(self.write_bytes_min)
            .connection_time(self.connection_time)
            .requests_per_connection_max(self.requests_per_connection_max)
    }
}

impl Args {
    /// The arguments of this process. If they are wrong, or ask for help, it says so and ends.
    pub(crate) fn read() -> Self {
        let command = without_empty_variables(Self::command());
        let read = command.try_get_matches();
        let read = read.and_then(|matches| Self::from_arg_matches(&matches));
        read.unwrap_or_else(|error| error.exit())
    }
}

/// An empty variable of the environment is one that is not set, as where a script sets it to
/// nothing.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &std::ffi::OsStr| {
        let value = std::env::var_os(name);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| match arg.get_env().is_some_and(is_empty) {
            true => arg.env(None::<&'static str>),
            false => arg,
        })
        .mut_subcommands(without_empty_variables)
}

/// What is wrong with the arguments, each by its name.
pub(crate) fn explain(error: &BuildError) -> String {
    let lines = error.problems().map(|problem| match problem {
        Problem::Limit(error) => format!("{}: {}", flag(error.name()), error.problem()),
        Problem::Reactor(error) => format!("{}: {}", flag(error.name), error.problem),
        Problem::Address(error) => format!("{}: {error}", flag("bind")),
        other => {
            let text = other.to_string();
            match text.split_once(": ") {
                Some((name, problem)) if is_option(name) => format!("{}: {problem}", flag(name)),
                _ => text,
            }
        }
    });
    lines.collect::<Vec<_>>().join("\n       ")
}

/// The option that sets what the library has under a name.
fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// Whether the demo has an option of that name.
fn is_option(name: &str) -> bool {
    let command = Args::command();
    let demo = command.find_subcommand("demo");
    demo.is_some_and(|demo| demo.get_arguments().any(|arg| arg.get_id() == name))
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
        Ok(directives) if !directives.is_empty() => EnvFilter::try_new(directives)
            .map_err(|error| format!("RUST_LOG cannot be understood: {error}"))?,
        Ok(_) | Err(_) => EnvFilter::new(level),
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
    fn the_defaults_are_those_of_the_library() {
        let args = Args::try_parse_from(["ringlane", "demo"]).expect("no option is needed");
        let Command::Demo(demo) = args.command else {
            panic!("another command");
        };
        assert_eq!(demo.limits.to_limits(), Limits::default());
    }

    #[test]
    fn every_option_of_the_demo_says_its_default() {
        let command = Args::command();
        let demo = command.find_subcommand("demo").expect("a command");
        for arg in demo
            .get_arguments()
            .filter(|arg| arg.get_action().takes_values())
        {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let has_default = !arg.get_default_values().is_empty();
            assert!(
                has_default || help.contains("Default: "),
                "{}: {help}",
                arg.get_id()
            );
        }
    }

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
