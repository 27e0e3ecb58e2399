//! Technical Foundation and Architecture: the configuration, and the server that it describes.
//!
//! Always true here:
//! - What is wrong with a configuration is said with the key's name, before the server listens.

use std::fmt::Display;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringlane::{Bind, Builder, Config, Limits, OverLimit, Server};
use serde::{Deserialize, Serialize};

const CONNECTIONS_MAX: usize = 1_000_000;
const BUFFER_BYTES_MIN: u32 = 64;
const BUFFER_BYTES_MAX: u32 = 1 << 20;
/// What the server waits longer than the layer that answers 408.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(1);

/// The article's configuration, and what its samples need besides.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApplicationConfig {
    pub(crate) server_host: String,
    /// 0 is any free one.
    pub(crate) server_port: u16,
    /// On all cores together. One more is answered 503.
    pub(crate) max_connections: usize,
    /// In seconds.
    pub(crate) request_timeout: u64,
    pub(crate) enable_compression: bool,
    /// `*` is any.
    pub(crate) cors_origins: Vec<String>,
    pub(crate) nodelay: bool,
    /// The size of one receive buffer, in bytes.
    pub(crate) http_buffer_size: u32,
    /// Cores that serve; without it, all.
    pub(crate) workers: Option<usize>,
    /// Where SQLite keeps its data; without it, in memory.
    pub(crate) database: Option<PathBuf>,
    /// What tokens are signed with, 32 bytes at least; without it, no token is valid.
    #[serde(skip_serializing)]
    pub(crate) jwt_secret: Option<String>,
    /// A server that speaks the protocol of Redis.
    pub(crate) cache_address: Option<String>,
}

impl Default for ApplicationConfig {
    fn default() -> Self {
        Self {
            server_host: "0.0.0.0".to_owned(),
            server_port: 8080,
            max_connections: 10_000,
            request_timeout: 30,
            enable_compression: true,
            cors_origins: vec!["*".to_owned()],
            nodelay: true,
            http_buffer_size: 8192,
            workers: None,
            database: None,
            jwt_secret: None,
            cache_address: None,
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("configuration: `{key}`: {problem}")]
pub(crate) struct ConfigError {
    key: String,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, problem: impl Display) -> Self {
        Self {
            key: key.into(),
            problem: problem.to_string(),
        }
    }
}

impl ApplicationConfig {
    /// Reads a file of JSON. What it leaves out is as by default.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::new(file, error))?;
        let mut json = serde_json::Deserializer::from_str(&text);
        let config: Self = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| ConfigError::new(error.path().to_string(), error.inner()))?;
        json.end()
            .map_err(|error| ConfigError::new(path.display().to_string(), error))?;
        Ok(config)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout)
    }

    fn address(&self) -> Result<String, ConfigError> {
        let (host, port) = (&self.server_host, self.server_port);
        let address = match host.parse::<Ipv6Addr>() {
            Ok(host) => format!("[{host}]:{port}"),
            Err(_) => format!("{host}:{port}"),
        };
        match address.parse::<Bind>() {
            Ok(_) if !host.starts_with("unix:") => Ok(address),
            Ok(_) => Err(ConfigError::new("server_host", "it is no host")),
            Err(error) => Err(ConfigError::new("server_host", error)),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        within("max_connections", self.max_connections, 1, CONNECTIONS_MAX)?;
        within("request_timeout", self.request_timeout, 1, u64::MAX)?;
        let bytes = self.http_buffer_size;
        within(
            "http_buffer_size",
            bytes,
            BUFFER_BYTES_MIN,
            BUFFER_BYTES_MAX,
        )?;
        if let Some(workers) = self.workers {
            within("workers", workers, 1, workers_max())?;
        }
        for (at, origin) in self.cors_origins.iter().enumerate() {
            if !is_origin(origin) {
                let problem = format!("`{origin}` is not `*` and no origin, as https://a.example");
                return Err(ConfigError::new(format!("cors_origins[{at}]"), problem));
            }
        }
        Ok(())
    }
}

/// As many cores as one process can have here.
fn workers_max() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn within<T: PartialOrd + Display>(
    key: &str,
    value: T,
    least: T,
    most: T,
) -> Result<(), ConfigError> {
    if (&least..=&most).contains(&&value) {
        return Ok(());
    }
    let problem = format!("{value} is not within {least} to {most}");
    Err(ConfigError::new(key, problem))
}

/// A scheme, a host, and a port if there is one; no path (RFC 6454 §6.2).
fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_fit))
}

/// The server that a configuration describes, still without routes.
pub(crate) fn initialize_server(config: &ApplicationConfig) -> Result<Builder, ConfigError> {
    config.check()?;
    let limits = Limits::default()
        .handler_time(config.timeout().saturating_add(TIMEOUT_MARGIN))
        .handler_timeout_is_408(true)
        .handler_timeout_is_json(true);
    // `SO_LINGER` stays off: a close never discards what is on its way to the client.
    let server = Server::builder()
        .bind(&config.address()?)
        .reactor(Config {
            buffer_bytes: config.http_buffer_size,
            ..Config::default()
        })
        .nodelay(config.nodelay)
        .connections_max(config.max_connections)
        .over_limit(OverLimit::Refuse)
        .limits(limits);
    Ok(match config.workers {
        Some(count) => server.workers(count),
        None => server,
    })
}
