//! Collecting what a server is to be, and checking all of it at once.
//!
//! Always true here:
//! - `build()` reports everything that is wrong, each by the name under which it was set.
//!
//! Not here: routes and layers (`routes.rs`).

mod connections;
mod proxies;
mod workers;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ringlane_protocol::{HeaderError, PROXY_BYTES_MAX};
use ringlane_reactor::cores::{CpuList, CpuListError, Driver, Setup};
use ringlane_reactor::listener::{AddressError, Bind};
use ringlane_reactor::{AddressLimit, CORES_MAX, Config, ConfigError, OverLimit};
use ringlane_router::{RouteError, TrailingSlash};

use super::Server;
use crate::app::{App, Settings};
use crate::handler::HandlerReturn;
use crate::limits::{LimitError, Limits};
use crate::networks::NetworkError;
use crate::routes::{Builder, Scope};
use crate::topics::{History, Topics};
use crate::{Context, Error, Panic};

pub use proxies::OtherPeers;

/// What a whole server has beyond its routes: its settings.
pub struct Whole {
    settings: Settings,
    binds: Vec<Result<Vec<Bind>, AddressError>>,
    wrong_networks: Vec<NetworkError>,
    setup: Setup,
    cpus: Option<Result<CpuList, CpuListError>>,
    connections_per_core_max: Option<usize>,
    over_limit: Option<OverLimit>,
    spin: Option<Duration>,
    stall_time: Option<Duration>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            whole: Whole {
                settings: Settings::default(),
                binds: Vec::new(),
                wrong_networks: Vec::new(),
                setup: Setup::default(),
                cpus: None,
                connections_per_core_max: None,
                over_limit: None,
                spin: None,
                stall_time: None,
            },
        }
    }
}

/// Settings of a server.
impl Builder {
    /// Listens on an address: `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`. May be called several
    /// times. Port 0 is any free one. Of a host's name all addresses that this machine has are
    /// listened on: `localhost` mostly is `127.0.0.1` and `[::1]`.
    pub fn bind(mut self, address: &str) -> Self {
        self.whole.binds.push(Bind::all(address));
        self
    }

    /// Sends small segments at once, without waiting for more (`TCP_NODELAY`). Default on.
    pub fn nodelay(mut self, yes: bool) -> Self {
        self.whole.setup.listen.nodelay = yes;
        self
    }

    /// Connections that the kernel may keep waiting to be accepted, per address and core; it caps
    /// them at `net.core.somaxconn`. Default 4,096; at least 1.
    pub fn backlog(mut self, connections: i32) -> Self {
        self.whole.setup.listen.backlog = connections;
        self
    }

    /// How many routers an answer's packets may pass, 1 to 255. Default: the machine's.
    pub fn ttl(mut self, hops: u8) -> Self {
        self.whole.setup.listen.ttl = Some(hops);
        self
    }

    /// Lets other processes that do the same listen on the same ports (`SO_REUSEPORT`): the kernel
    /// deals connections among them. Default off: a taken port is an error.
    pub fn share_port(mut self, yes: bool) -> Self {
        self.whole.setup.listen.share_port = yes;
        self
    }

    /// What moves the bytes. Default: `io_uring` where it can be had, else `epoll`.
    pub fn driver(mut self, driver: Driver) -> Self {
        self.whole.setup.driver = driver;
        self
    }

    /// How much clients may send, and how long anything may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.whole.settings.limits = limits;
        self
    }

    /// How long something may keep a core from its other requests, a handler that blocks or
    /// computes, before that is logged with the route that ran last, and counted in
    /// [`CoreStatus::stalls`](crate::CoreStatus::stalls). Default 1 s, from 10 ms; `Duration::MAX`
    /// watches nothing. What is looked for is seen half of this time later at most.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let server = ringlane::Server::builder().stall_time(Duration::from_millis(100)).build()?;
    /// # drop(server);
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn stall_time(mut self, time: Duration) -> Self {
        self.whole.stall_time = Some(time);
        self
    }

    /// The event loop's own settings. Those that have a method of their own here, or among
    /// [`Limits`], are replaced by what is set there, before this or after it.
    pub fn reactor(mut self, config: Config) -> Self {
        self.whole.setup.config = config;
        self
    }

    /// How long a shutdown waits for requests in flight. Default 10 s.
    pub fn drain_time(mut self, time: Duration) -> Self {
        self.whole.settings.drain_time = time;
        self
    }

    /// What a slash at the end of a path means. Default: another path.
    pub fn trailing_slash(mut self, policy: TrailingSlash) -> Self {
        self.whole.settings.trailing_slash = policy;
        self
    }

    /// Whether a client that finished sending is still answered by a handler that has to wait.
    /// Default no: it is taken to have left, and the handler is cancelled.
    pub fn half_close(mut self, yes: bool) -> Self {
        self.whole.settings.half_close = yes;
        self
    }

    /// The `Server` header of all answers. Default `ringlane`; `None` sends none.
    pub fn server_name(mut self, name: Option<&str>) -> Self {
        self.whole.settings.server_name = name.map(Arc::from);
        self
    }

    /// Makes a value on each core, for the requests of that core alone: see
    /// [`Context::state`](crate::Context::state). It needs no lock, and need not be `Send`. The
    /// factory is given the core's number and runs on its thread.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use ringlane::{Context, Server};
    ///
    /// struct Visits(Cell<u64>);
    ///
    /// let server = Server::builder()
    ///     .state(|_core| Visits(Cell::new(0)))
    ///     .get("/", |ctx: Context| {
    ///         let visits = &ctx.state::<Visits>().0;
    ///         visits.set(visits.get() + 1);
    ///         ctx.text(visits.get().to_string());
    ///     })
    ///     .build()?;
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn state<T: 'static>(mut self, make: impl Fn(usize) -> T + Send + Sync + 'static) -> Self {
        let make = move |core| Box::new(make(core)) as Box<dyn Any>;
        self.whole.settings.states.push(Arc::new(make));
        self
    }

    /// The topics that this server's sockets and streams may follow: to be published to from other
    /// threads.
    pub fn topics(&self) -> Topics {
        self.whole.settings.topics.clone()
    }

    /// Keeps what is published to a topic, for streams that come back: see
    /// [`Topics::keep_history`].
    pub fn history(mut self, topic: &str, history: History) -> Self {
        let kept = self.topics().keep_history(topic, history);
        self.scope.problems.extend(kept.err().map(Problem::Limit));
        self
    }

    /// Answers requests whose path no route matches, instead of the plain 404. Within the outermost
    /// layers.
    pub fn fallback<H, R, K>(mut self, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.whole.settings.fallback = Some(R::erase(handler));
        self
    }

    /// Says what errors of a type mean, wherever a handler or a layer returns one by `?`. Without
    /// it, they are what [`Error`] says: mostly a 500 that tells clients nothing. Of several for
    /// one type the first counts.
    ///
    /// ```
    /// use std::io;
    /// use ringlane::{Context, Error, Result, Server, testing::Client};
    ///
    /// fn read(_: Context) -> Result<String> {
    ///     Ok(std::fs::read_to_string("no such file")?)
    /// }
    ///
    /// let server = Server::builder()
    ///     .map_error(|error: &io::Error| match error.kind() {
    ///         io::ErrorKind::NotFound => Error::new(404, "no such note"),
    ///         _ => Error::new(500, "the note cannot be read"),
    ///     })
    ///     .get("/", read)
    ///     .build()?;
    /// assert_eq!(Client::new(server)?.get("/").send()?.status(), 404);
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn map_error<E, F>(mut self, map: F) -> Self
    where
        E: std::error::Error + 'static,
        F: Fn(&E) -> Error + Send + Sync + 'static,
    {
        self.whole.settings.errors.add_map(map);
        self
    }

    /// Writes the answers to errors in place of the usual ones: those of handlers and layers, and
    /// the server's own, such as 404, 405, 413 and 500. Status and headers are set already. Where
    /// it writes no body, the usual one is sent.
    ///
    /// What is no request at all, such as a malformed head, has no Context and is answered as ever.
    ///
    /// ```
    /// use ringlane::{Context, Error, Server, testing::Client};
    ///
    /// let server = Server::builder()
    ///     .on_error(|ctx: &Context, error: &Error| {
    ///         ctx.html(format!("<h1>{}</h1>", error.status()));
    ///     })
    ///     .build()?;
    /// assert_eq!(Client::new(server)?.get("/").send()?.text(), "<h1>404 Not Found</h1>");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn on_error(mut self, page: impl Fn(&Context, &Error) + Send + Sync + 'static) -> Self {
        self.whole.settings.errors.set_page(page);
        self
    }

    /// Tells a monitor of each panic in a handler or a layer, as [`Panic`] says. The client gets
    /// its 500 in any case, also if the hook itself panics. The last hook that is set counts.
    ///
    /// It runs on the core that the request is on: what takes long belongs on another thread.
    pub fn on_panic(mut self, hook: impl Fn(&Panic<'_>) + Send + Sync + 'static) -> Self {
        self.whole.settings.on_panic = Some(Arc::new(hook));
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// All that is wrong: malformed patterns and conflicts between them, limits out of range,
    /// addresses that are none, headers that cannot be sent.
    pub fn build(self) -> Result<Server, BuildError> {
        let Self { mut scope, whole } = self;
        let Whole {
            settings,
            binds,
            wrong_networks,
            mut setup,
            cpus,
            connections_per_core_max,
            over_limit,
            spin,
            stall_time,
        } = whole;
        let drain_time = settings.drain_time;
        let config = &mut setup.config;
        config.connections_max = connections_per_core_max.unwrap_or(config.connections_max);
        config.over_limit = over_limit.unwrap_or(config.over_limit);
        config.spin = spin.unwrap_or(config.spin);
        config.stall_time = stall_time.unwrap_or(config.stall_time);
        let mut problems = Vec::new();
        for bind in binds {
            match bind {
                Ok(binds) => setup.binds.extend(binds),
                Err(error) => problems.push(Problem::Address(error)),
            }
        }
        match cpus.transpose() {
            Ok(cpus) => setup.cpus = cpus,
            Err(error) => problems.push(Problem::Cpus(error)),
        }
        problems.extend(wrong_networks.into_iter().map(Problem::Network));
        let limits = settings.limits;
        problems.extend(limits.check().into_iter().map(Problem::Limit));
        problems.extend(scope.take_problems());
        if problems.is_empty() {
            configure(&mut setup.config, &limits, settings.preface.is_some());
            problems.extend(setup.config.check().err().map(Problem::Reactor));
        }
        if setup.address_limit == Some(AddressLimit::new(0)) {
            problems.push(Problem::NoConnectionsPerAddress);
        }
        match setup.cores {
            Some(0) => problems.push(Problem::NoWorkers),
            Some(count) if count > CORES_MAX => problems.push(Problem::TooManyWorkers(count)),
            Some(_) | None => {}
        }
        if setup.connections_total == Some(0) {
            problems.push(Problem::NoConnections);
        }
        if setup.listen.backlog < 1 {
            problems.push(Problem::NoBacklog);
        }
        if setup.listen.ttl == Some(0) {
            problems.push(Problem::NoHops);
        }
        match App::build(scope, settings) {
            Ok(app) if problems.is_empty() => Ok(Server {
                app,
                setup,
                drain_time,
            }),
            Ok(_) => Err(BuildError(problems)),
            Err(errors) => {
                problems.extend(errors.iter().cloned().map(Problem::Route));
                Err(BuildError(problems))
            }
        }
    }
}

/// What of the limits is the reactor's to obey.
fn configure(config: &mut Config, limits: &Limits, has_prefaces: bool) {
    config.write_timeout = limits.write_time;
    config.write_bytes_min = limits.write_bytes_min;
    // A head must fit, and what comes in one burst behind its last missing byte.
    config.input_bytes_max = config.input_bytes_max.max(limits.head.head_bytes_max);
    if has_prefaces {
        config.input_bytes_max = config.input_bytes_max.max(PROXY_BYTES_MAX);
    }
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whole")
            .field("binds", &self.binds)
            .field("setup", &self.setup)
            .finish_non_exhaustive()
    }
}

/// Everything that is wrong with a server, one line each; never empty.
#[derive(Debug)]
pub struct BuildError(Vec<Problem>);

impl BuildError {
    /// What is wrong.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

/// One thing that is wrong with a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// An address that is none.
    Address(AddressError),
    /// A list of CPUs that is none.
    Cpus(CpuListError),
    /// A header that a layer was to set, and that cannot be sent.
    Header {
        /// Its name, as it was given.
        name: String,
        /// What is wrong.
        error: HeaderError,
    },
    /// A limit out of its range.
    Limit(LimitError),
    /// A network that is none.
    Network(NetworkError),
    /// A setting of the event loop out of its range.
    Reactor(ConfigError),
    /// A malformed pattern, or two routes in conflict.
    Route(RouteError),
    /// No address may have a connection.
    NoConnectionsPerAddress,
    /// No core is to serve.
    NoWorkers,
    /// More cores are to serve than a process may have: so many.
    TooManyWorkers(usize),
    /// No connection is to be served.
    NoConnections,
    /// No connection may wait to be accepted.
    NoBacklog,
    /// Packets may pass no router.
    NoHops,
    /// [`Cors`](crate::middleware::Cors) allows any origin, and credentials.
    CredentialsOfAny,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Cpus(error) => write!(f, "cpus: {error}"),
            Self::Header { name, error } => write!(f, "header {name:?}: {error}"),
            Self::Limit(error) => error.fmt(f),
            Self::Network(error) => error.fmt(f),
            Self::Reactor(error) => error.fmt(f),
            Self::Route(error) => error.fmt(f),
            Self::NoConnectionsPerAddress => {
                f.write_str("connections_per_address_max: at least one is needed")
            }
            Self::NoWorkers => f.write_str("workers: at least one is needed"),
            Self::TooManyWorkers(count) => {
                write!(f, "workers: {count} are too many: at most {CORES_MAX}")
            }
            Self::NoConnections => f.write_str("connections_max: at least one is needed"),
            Self::NoBacklog => f.write_str("backlog: at least one is needed"),
            Self::NoHops => f.write_str("ttl: at least one is needed"),
            Self::CredentialsOfAny => f.write_str(
                "cors: `origin(\"*\")` does not go with `credentials()`: \
                 name each origin that may send them",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
