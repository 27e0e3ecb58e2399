//! The threads of the cores: raised together on one kind of ring, or not at all.
//!
//! Always true here:
//! - A thread serves only after every thread of its crew has an open ring.
//! - A core that fails or panics ends all the others.
//!
//! Not here: which kinds of ring are tried, and in which order (`cores.rs`).

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::addresses::Counts;
use crate::application::Application;
use crate::budget::Budget;
use crate::config::Config;
use crate::cores::{Control, Setup};
use crate::ends::Running;
use crate::listener::BoundPath;
use crate::mailbox::Post;
use crate::metrics::Metrics;
use crate::op::Socket;
use crate::reactor::Reactor;
use crate::ring::Ring;
use crate::rungs::{self, RingError, Rung};
use crate::sys::epoll::Epoll;

fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    if let Err(error) = sched_setaffinity(None, &set) {
        tracing::warn!(cpu, %error, "a core could not be pinned; it runs unpinned");
    }
}

/// A kind of ring to open.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Uring(Rung),
    Epoll,
}

/// Why a crew was not raised.
pub(crate) enum RaiseError {
    Ring(RingError),
    Os(&'static str, io::Error),
}

/// The cores to deal connections to, and the path that they come by.
pub(crate) type Dealt = (Vec<Post>, BoundPath);

/// What a core is told once all are ready. Dropping the sender instead sends it home.
#[derive(Default)]
pub(crate) struct Orders {
    /// With whom to deal to, where the kernel cannot share one among them.
    pub(crate) listeners: Vec<(Socket, Option<Dealt>)>,
    pub(crate) alarm: Option<Control>,
    /// To be dropped when the core has ended.
    pub(crate) running: Option<Running>,
}

/// Threads whose rings are open, waiting for orders.
pub(crate) struct Crew {
    pub(crate) members: Vec<Member>,
}

pub(crate) struct Member {
    pub(crate) thread: JoinHandle<io::Result<()>>,
    pub(crate) orders: Sender<Orders>,
    pub(crate) post: Post,
    pub(crate) metrics: Arc<Metrics>,
}

type Ready = Result<(Post, Arc<Metrics>), RaiseError>;

/// What every member of a crew is made from.
struct Brief<F> {
    kind: Kind,
    config: Config,
    budget: Option<Budget>,
    addresses: Option<Arc<Counts>>,
    application: Arc<F>,
}

impl Crew {
    /// Starts all threads; either every one opens its ring, or none is left.
    pub(crate) fn raise<A, F>(
        kind: Kind,
        setup: &Setup,
        cores: usize,
        pins: Option<&[usize]>,
        application: &Arc<F>,
    ) -> Result<Self, RaiseError>
    where
        A: Application + 'static,
        F: Fn(usize) -> A + Send + Sync + 'static,
    {
        let budget = setup
            .connections_total
            .map(|total| Budget::new(total, cores));
        let addresses = setup.address_limit.clone();
        let addresses = addresses.map(|limit| Arc::new(Counts::new(limit)));
        let mut starting = Vec::new();
        for core in 0..cores {
            let cpu = pins.map(|cpus| cpus[core]);
            let application = Arc::clone(application);
            let brief = Brief {
                kind,
                config: setup.config,
                budget: budget.clone(),
                addresses: addresses.clone(),
                application,
            };
            let (ready, is_ready) = mpsc::channel();
            let (orders, await_orders) = mpsc::channel();
            let thread = std::thread::Builder::new()
                .name(format!("ringlane-{core}"))
                .spawn(move || run_core(core, cpu, brief, &ready, &await_orders))
                .map_err(|error| RaiseError::Os("starting a thread", error))?;
            starting.push((thread, orders, is_ready));
        }
        let mut members = Vec::new();
        let mut failure = None;
        for (thread, orders, is_ready) in starting {
            match is_ready.recv() {
                Ok(Ok((post, metrics))) => members.push(Member {
                    thread,
                    orders,
                    post,
                    metrics,
                }),
                Ok(Err(error)) => failure = Some(error),
                Err(_) => {
                    let panicked = io::Error::other("it panicked");
                    failure = Some(RaiseError::Os(
                        "making an application on its core",
                        panicked,
                    ));
                }
            }
        }
        let Some(failure) = failure else {
            return Ok(Self { members });
        };
        Self { members }.dismiss();
        Err(failure)
    }

    /// Sends all home, who get no orders, and waits until they have gone.
    pub(crate) fn dismiss(self) {
        for member in self.members {
            drop(member.orders);
            let _ = member.thread.join(); // it has served nobody
        }
    }
}

/// The life of a core's thread.
fn run_core<A, F>(
    core: usize,
    cpu: Option<usize>,
    brief: Brief<F>,
    ready: &Sender<Ready>,
    orders: &Receiver<Orders>,
) -> io::Result<()>
where
    A: Application + 'static,
    F: Fn(usize) -> A,
{
    if let Some(cpu) = cpu {
        pin(cpu);
    }
    match brief.kind {
        Kind::Uring(rung) => match rungs::open(rung, &brief.config) {
            Ok(ring) => run_on(core, ring, brief, ready, orders),
            Err(error) => report(ready, RaiseError::Ring(error)),
        },
        Kind::Epoll => match Epoll::open(&brief.config) {
            Ok(ring) => run_on(core, ring, brief, ready, orders),
            Err(error) => report(ready, RaiseError::Os("setting epoll up", error)),
        },
    }
}

fn report(ready: &Sender<Ready>, error: RaiseError) -> io::Result<()> {
    let _ = ready.send(Err(error)); // whoever raised the crew waits for it
    Ok(())
}

fn run_on<R, A, F>(
    core: usize,
    ring: R,
    brief: Brief<F>,
    ready: &Sender<Ready>,
    orders: &Receiver<Orders>,
) -> io::Result<()>
where
    R: Ring,
    A: Application,
    F: Fn(usize) -> A,
{
    let _running; // before the reactor, so that it is dropped after it
    let mut reactor = match Reactor::new(ring, brief.config, || (brief.application)(core)) {
        Ok(reactor) => reactor,
        Err(error) => return report(ready, RaiseError::Os("starting a core", error)),
    };
    if let Some(budget) = &brief.budget {
        reactor.share_budget(budget.lease());
    }
    if let Some(counts) = brief.addresses {
        reactor.share_addresses(counts);
    }
    let _ = ready.send(Ok((reactor.post(), reactor.metrics())));
    let Ok(orders) = orders.recv() else {
        return Ok(());
    }; // another core failed
    _running = orders.running;
    if let Some(control) = &orders.alarm {
        reactor.know_peers(control.others(core));
    }
    for (socket, deal) in orders.listeners {
        match deal {
            Some((posts, path)) => reactor.listen_and_deal(socket, path, posts, core),
            None => reactor.listen(socket),
        }
    }
    let alarm = Alarm(orders.alarm);
    let result = reactor.run();
    alarm.disarm_if(result.is_ok());
    result
}

/// Ends the other cores when this one fails or panics: a server that answers on some cores only is
/// worse than one that ends and is started again.
struct Alarm(Option<Control>);

impl Alarm {
    fn disarm_if(mut self, in_order: bool) {
        if in_order {
            self.0 = None;
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(control) = self.0.take() {
            tracing::error!("a core has failed; the others end too");
            control.stop();
        }
    }
}
