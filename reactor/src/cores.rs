//! One pinned thread per core, all on the same driver, all serving from the same moment on.
//!
//! Always true here:
//! - Every core's ring is open and tested before any of them listens.
//! - If one core cannot have a ring of a kind, none keeps it: all go down one rung together.
//! - A core that fails ends all the others, and the reason reaches whoever waits.
//! - A start that fails leaves no core, no listening socket and no Unix path behind.
//!
//! Not here: what a ring needs (`rungs.rs`), binding (`listener.rs`).

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::addresses::AddressLimit;
use crate::application::Application;
use crate::config::{Config, ConfigError, OverLimit, within};
use crate::cpus::{self, Plan, PlanError, Ranges, Wish};
use crate::crew::{Crew, Kind, Orders, RaiseError};
use crate::descriptors::{self, Needs};
use crate::ends::Ends;
use crate::listener::{self, Bind, BindError, Bound, BoundPath, Options, TAKEN_FOR};
use crate::mailbox::{Letter, Post};
use crate::metrics::Metrics;
use crate::op::Socket;
use crate::quota::Quota;
use crate::rungs::{RingError, Rung};
use crate::wake::CORES_MAX;
use crate::watchdog::{self, StallHook, Watched};

pub use crate::cpus::{CpuList, CpuListError};

/// Which driver moves the bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Driver {
    /// `io_uring` where it can be had, else `epoll`.
    #[default]
    Auto,
    /// `io_uring`, or not at all.
    Uring,
    /// `epoll`.
    Epoll,
}

impl FromStr for Driver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "uring" => Ok(Self::Uring),
            "epoll" => Ok(Self::Epoll),
            _ => Err(format!(
                "`{text}` is not a driver: choose auto, uring or epoll"
            )),
        }
    }
}

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Addresses to listen on; at least one.
    pub binds: Vec<Bind>,
    /// How to listen.
    pub listen: Options,
    /// How many cores, each with a thread of its own, 1 to [`CORES_MAX`]. `None` is one for each
    /// CPU that this process may use, but no more than the CPU quota of its control group, rounded
    /// up.
    pub cores: Option<usize>,
    /// CPUs to pin the cores to, one to each. `None` pins them only if each CPU that this process
    /// may use has its core: other processes may run on the rest, or share them.
    pub cpus: Option<CpuList>,
    /// Pins no core in any case.
    pub unpinned: bool,
    /// Which driver.
    pub driver: Driver,
    /// Limits and timings of each core.
    pub config: Config,
    /// Told of cores that are stalled, and of those that go on.
    pub stall_hook: StallHook,
    /// Connections of all cores together, at least 1 and at most as many as descriptors allow;
    /// `None` is as many. Those are RLIMIT_NOFILE, whose soft limit is first raised to the hard
    /// one, less `descriptors_reserved` and what the cores need for themselves.
    pub connections_total: Option<usize>,
    /// How many connections one address may have; `None` is any number.
    pub address_limit: Option<AddressLimit>,
    /// Descriptors that connections leave to the application: for its files, sockets and
    /// databases. `None` is an eighth of all, from 64 to 16,384.
    pub descriptors_reserved: Option<usize>,
}

/// Why nothing was started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is out of its range.
    Config(ConfigError),
    /// An address cannot be listened on.
    Bind(BindError),
    /// No address was given to listen on.
    NoAddress,
    /// `io_uring` was demanded and cannot be had.
    Ring(RingError),
    /// Connections were to go to the core on whose CPU they come in, and cores have no CPU of
    /// their own.
    NotPinned,
    /// A CPU was named that this process may not use.
    CpuNotAllowed {
        /// Which.
        cpu: usize,
        /// Those that it may use.
        allowed: Vec<usize>,
    },
    /// A number of cores was asked for that is not the number of CPUs named for them.
    CpuCount {
        /// The number of cores.
        cores: usize,
        /// The number of CPUs.
        cpus: usize,
    },
    /// Something that the kernel should give and did not.
    Os(&'static str, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Bind(error) => error.fmt(f),
            Self::NoAddress => f.write_str("there is no address to listen on; bind at least one"),
            Self::Ring(error) => error.fmt(f),
            Self::NotPinned => f.write_str(
                "incoming_cpu needs pinned workers: start one for each CPU that this process may \
                 use, or name their CPUs (cpus)",
            ),
            Self::CpuNotAllowed { cpu, allowed } => write!(
                f,
                "cpus: this process may not use CPU {cpu}, only {}",
                Ranges(allowed)
            ),
            Self::CpuCount { cores, cpus } => write!(
                f,
                "workers and cpus disagree: {cores} workers, {cpus} CPUs; leave workers out"
            ),
            Self::Os(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<BindError> for StartError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<PlanError> for StartError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::NotAllowed(cpu, allowed) => Self::CpuNotAllowed { cpu, allowed },
            PlanError::Count(cores, cpus) => Self::CpuCount { cores, cpus },
        }
    }
}

/// Running cores.
#[derive(Debug)]
pub struct Cores {
    threads: Vec<JoinHandle<io::Result<()>>>,
    posts: Vec<Post>,
    ends: Ends,
    metrics: Vec<Arc<Metrics>>,
    addresses: Vec<Bind>,
    paths: Vec<BoundPath>,
    driver: String,
}

/// Reaches running cores from any thread.
#[derive(Clone, Debug)]
pub struct Control {
    posts: Vec<Post>,
    ends: Ends,
}

impl Control {
    /// Stops accepting, lets the conversations end, and closes what is left after `grace`.
    pub fn drain(&self, grace: Duration) {
        self.send_all(|| Letter::Drain(grace));
        self.ends.drain(grace);
    }

    /// Closes everything now.
    pub fn stop(&self) {
        self.send_all(|| Letter::Stop);
        self.ends.stop();
    }

    /// Where all cores but this one are reached.
    pub(crate) fn others(&self, core: usize) -> Vec<Post> {
        let posts = self.posts.iter().enumerate();
        let others = posts.filter(|&(index, _)| index != core);
        others.map(|(_, post)| post.clone()).collect()
    }

    fn send_all(&self, letter: impl Fn() -> Letter) {
        for post in &self.posts {
            let _ = post.send(letter()); // a core that has ended needs no letter
        }
    }
}

impl Cores {
    /// The addresses that are listened on, with their ports.
    pub fn addresses(&self) -> &[Bind] {
        &self.addresses
    }

    /// Which driver was chosen, with which flags, and why.
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// What each core has done and holds.
    pub fn metrics(&self) -> &[Arc<Metrics>] {
        &self.metrics
    }

    /// Has the cores watched for as long as they run.
    fn watch(&self, stall_time: Duration, hook: StallHook) {
        if stall_time == Duration::MAX {
            return;
        }
        let cores = self.posts.iter().zip(&self.metrics);
        let watched =
            cores.map(|(post, metrics)| Watched::new(post.station(), Arc::clone(metrics)));
        if let Err(error) = watchdog::start(watched.collect(), stall_time, hook, self.ends.clone())
        {
            tracing::warn!(%error, "no thread watches the cores: one that is blocked is not told");
        }
    }

    /// A way to end the cores.
    pub fn control(&self) -> Control {
        Control {
            posts: self.posts.clone(),
            ends: self.ends.clone(),
        }
    }

    /// Waits until all cores have ended, and once they were told to, for two seconds longer than
    /// that may take: one second after [`Control::stop`].
    ///
    /// # Errors
    ///
    /// If one ended because its ring failed, or it panicked; then the others were ended too. Of the
    /// kind `TimedOut` if one has not ended in time, as what it runs blocks its thread: it is named
    /// and left to itself, and its connections stay open until the process ends.
    pub fn wait(self) -> io::Result<()> {
        let mut result = self.ends.wait().map_err(io::Error::from);
        let is_overdue = result.is_err();
        for thread in self.threads {
            if is_overdue && !thread.is_finished() {
                continue;
            }
            let ended = thread.join();
            let ended = ended.unwrap_or_else(|_| Err(io::Error::other("a core's thread panicked")));
            result = result.and(ended);
        }
        for path in &self.paths {
            path.remove(); // unless it was at the drain
        }
        result
    }
}

/// Starts the cores. `application` is called once on each core's own thread, with its number.
///
/// # Errors
///
/// See [`StartError`]; nothing is left running then.
pub fn start<A, F>(setup: Setup, application: F) -> Result<Cores, StartError>
where
    A: Application + 'static,
    F: Fn(usize) -> A + Send + Sync + 'static,
{
    setup.config.check()?;
    within("cores", setup.cores.unwrap_or(1), 1..=CORES_MAX)?;
    within(
        "connections_total",
        setup.connections_total.unwrap_or(1),
        1..,
    )?;
    if setup.binds.is_empty() {
        return Err(StartError::NoAddress);
    }
    let allowed = cpus::allowed();
    let allowed = allowed.map_err(|error| StartError::Os("reading the CPU set", error))?;
    let wish = Wish {
        workers: setup.cores,
        cpus: setup.cpus.as_ref(),
        unpinned: setup.unpinned,
    };
    let Plan {
        workers: cores,
        pins,
        why,
    } = cpus::plan(wish, allowed, Quota::of_process(Path::new("/")))?;
    let mut setup = setup;
    let needs = Needs {
        cores,
        binds: setup.binds.len(),
        refuses: setup.config.over_limit == OverLimit::Refuse,
        reserved: setup.descriptors_reserved,
    };
    let total = descriptors::connections(descriptors::limit(), needs, setup.connections_total);
    setup.connections_total = Some(total);
    if setup.listen.incoming_cpu && pins.is_none() {
        return Err(StartError::NotPinned);
    }
    let bounds: Vec<Bound> = setup
        .binds
        .iter()
        .map(|bind| listener::prepare(bind, cores, setup.listen, TAKEN_FOR))
        .collect::<Result<_, _>>()?;
    let application = Arc::new(application);
    let (crew, driver) = choose(&setup, cores, pins.as_deref(), &application)?;
    let pinned = pins.is_some();
    let steered = pins.filter(|_| setup.listen.incoming_cpu);
    let running = serve(crew, bounds, setup.listen, steered.as_deref(), driver)?;
    running.watch(setup.config.stall_time, setup.stall_hook);
    let addresses: Vec<String> = running.addresses.iter().map(Bind::to_string).collect();
    let addresses = addresses.join(",");
    tracing::info!(cores, why, pinned, %addresses, "{}", running.driver);
    Ok(running)
}

/// Raises the first driver that works on all cores, and says why it is that one.
fn choose<A, F>(
    setup: &Setup,
    cores: usize,
    pins: Option<&[usize]>,
    application: &Arc<F>,
) -> Result<(Crew, String), StartError>
where
    A: Application + 'static,
    F: Fn(usize) -> A + Send + Sync + 'static,
{
    let raise = |kind| Crew::raise(kind, setup, cores, pins, application);
    let mut why = "as asked".to_owned();
    if setup.driver != Driver::Epoll {
        for rung in Rung::ALL {
            let failure = match raise(Kind::Uring(rung)) {
                Ok(crew) => return Ok((crew, format!("driver io_uring ({rung})"))),
                Err(RaiseError::Ring(failure)) => failure,
                Err(RaiseError::Os(what, error)) => return Err(StartError::Os(what, error)),
            };
            let is_last = failure.is_final() || rung == Rung::Plain;
            if is_last && setup.driver == Driver::Uring {
                return Err(StartError::Ring(failure));
            }
            why = failure.to_string();
            if is_last {
                break;
            }
        }
    }
    match raise(Kind::Epoll) {
        Ok(crew) => Ok((crew, format!("driver epoll: {why}"))),
        Err(RaiseError::Ring(failure)) => Err(StartError::Ring(failure)),
        Err(RaiseError::Os(what, error)) => Err(StartError::Os(what, error)),
    }
}

/// All rings are open: now the addresses go live, and the cores get to work. Connections go to the
/// cores on these CPUs, in their order, if any are given.
fn serve(
    crew: Crew,
    bounds: Vec<Bound>,
    options: Options,
    steered: Option<&[usize]>,
    driver: String,
) -> Result<Cores, StartError> {
    let posts: Vec<Post> = crew
        .members
        .iter()
        .map(|member| member.post.clone())
        .collect();
    let metrics = crew
        .members
        .iter()
        .map(|member| Arc::clone(&member.metrics))
        .collect();
    let begun = bounds
        .iter()
        .try_for_each(|bound| listener::begin(bound, options, steered));
    if let Err(error) = begun {
        drop(bounds); // first: nobody accepts those who still get through
        crew.dismiss();
        return Err(error.into());
    }
    // Nothing can fail any more: from here on sockets are names, which are closed by the rings.
    let mut orders: Vec<Orders> = crew.members.iter().map(|_| Orders::default()).collect();
    let (mut addresses, mut paths) = (Vec::new(), Vec::new());
    for bound in bounds {
        let deal = bound.path.map(|path| {
            paths.push(path.clone());
            (posts.clone(), path)
        });
        for (order, socket) in orders.iter_mut().zip(bound.sockets) {
            order.listeners.push((Socket::from(socket), deal.clone()));
        }
        addresses.push(bound.bind);
    }
    let ends = Ends::default();
    let control = Control {
        posts: posts.clone(),
        ends: ends.clone(),
    };
    let mut threads = Vec::new();
    for (core, (member, mut order)) in crew.members.into_iter().zip(orders).enumerate() {
        order.alarm = Some(control.clone());
        order.running = Some(ends.enter(core));
        // It can only have ended by a panic, which `wait` reports.
        let _ = member.orders.send(order);
        threads.push(member.thread);
    }
    Ok(Cores {
        threads,
        posts,
        ends,
        metrics,
        addresses,
        paths,
        driver,
    })
}
