//! Every sample of the article "Single Core High Concurrency" as one program that works: with a
//! database instead of a simulated one, tokens that are verified, and figures that are real.
//!
//! ```text
//! cargo run --example article -- [CONFIG.json]
//! ```
//!
//! Each file is a section of the article, under its name.
//!
//! Not here: `simulate_…` anything. Where the article pretends, this does.

#![forbid(unsafe_code)]

mod benchmarking_results;
mod context_driven_architecture;
mod dynamic_routing;
mod ecosystem_integration;
mod error_handling;
mod memory_leak_detection;
mod memory_management;
mod middleware_system;
mod performance_debugging;
mod real_time_communication;
mod server_sent_events;
mod technical_foundation;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use ringlane::middleware::{Counters, Metrics};
use ringlane::{Builder, Server};

use error_handling::Monitor;
use memory_management::Database;
use technical_foundation::{ApplicationConfig, ConfigError, initialize_server};

fn main() -> ExitCode {
    let path = std::env::args_os().nth(1);
    match run(path.as_deref().map(Path::new)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Configuration → routes and layers → one reactor per core → until a signal.
fn run(config: Option<&Path>) -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(ringlane::log::stderr)
        .with_ansi(false)
        .init();
    let config = config.map(ApplicationConfig::read).transpose()?;
    let config = config.unwrap_or_default();
    tracing::info!("configuration: {}", serde_json::to_string(&config)?);
    let served = application(&config)?.run_with(|handle| {
        for address in handle.addresses() {
            // Whoever started this may wait for the line; nobody has to.
            let _ = writeln!(std::io::stdout(), "listening on http://{address}");
        }
    });
    served.map_err(|error| error.to_string().into())
}

fn application(config: &ApplicationConfig) -> Result<Server, Box<dyn Error>> {
    let database = Database::open(config.database.as_deref())
        .map_err(|error| ConfigError::new("database", error))?;
    let (metrics, counters) = (Metrics::new(), Counters::new());
    let server = initialize_server(config)?;
    let server = layers(server, config, &metrics, &counters);
    let server = error_handling::answer_errors(server, Monitor::start()?);

    let server = context_driven_architecture::routes(server, config, &database)?;
    let server = middleware_system::routes(server);
    let server = real_time_communication::routes(server);
    let server = benchmarking_results::routes(server, &metrics, &database);
    let server = memory_management::routes(server, &database);
    let server = server_sent_events::routes(server);
    let server = dynamic_routing::routes(server, &database);
    let server = error_handling::routes(server, &database);
    let server = performance_debugging::routes(server);
    let server = memory_leak_detection::routes(server, &counters, &database);
    let server = ecosystem_integration::routes(server, config)?;
    Ok(server.build()?)
}

/// The outermost first. All are on the server itself, so that answers like 404 pass them, too.
fn layers(
    server: Builder,
    config: &ApplicationConfig,
    metrics: &Metrics,
    counters: &Counters,
) -> Builder {
    let server = server
        .with(metrics.clone())
        .with(counters.clone().headers());
    let server = performance_debugging::layers(server);
    let server = middleware_system::layers(server, config);
    server.with(performance_debugging::timeout(config))
}
