//! The server: what is registered and set, checked once, then started on all cores.
//!
//! ```text
//! Builder ── build() ──► Server ── start() ──► Handle ── wait()
//! (anything)  (checked)            └── run(): the same, until a signal
//! ```
//!
//! Always true here:
//! - After `build()` nothing that was set can be wrong; only the system can still refuse.
//!
//! Not here: signals (`server/signals.rs`), one connection's conversation (`conversation.rs`).

mod builder;
mod signals;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringlane_reactor::cores::{self, Control, Cores, Setup, StartError};
use ringlane_reactor::listener::Bind;
use ringlane_reactor::{Config, Metrics, StallHook};

use crate::Result;
use crate::app::App;
use crate::routes::Builder;
use crate::status::Vitals;

pub use builder::{BuildError, OtherPeers, Problem, Whole};

/// A server that was checked, and serves once it is started.
///
/// ```no_run
/// use ringlane::{Context, Server};
///
/// fn hello(ctx: Context) {
///     ctx.text("Hello, World!");
/// }
///
/// fn main() -> ringlane::Result {
///     Server::builder()
///         .bind("127.0.0.1:8080")
///         .get("/", hello)
///         .build()?
///         .run()
/// }
/// ```
#[must_use = "a server does nothing until it is started"]
pub struct Server {
    app: App,
    setup: Setup,
    drain_time: Duration,
}

impl Server {
    /// Collects routes, layers and settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Serves on all cores until a signal: SIGTERM, SIGINT, SIGQUIT and SIGHUP let requests in
    /// flight end within the [drain time](Builder::drain_time), a second one ends at once. SIGHUP
    /// does nothing where it was ignored from the start, as under `nohup`; SIGUSR1 and SIGUSR2 do
    /// nothing.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or a core failed while it ran, or has not ended in time: see
    /// [`Handle::wait`]. Return from `main` then, so that the process ends.
    pub fn run(self) -> Result {
        self.run_with(|_| ())
    }

    /// As [`run`](Self::run); `ready` is called once all cores listen. A signal that comes from
    /// then on, and also one that came before, ends the server in order: the place to say that it
    /// serves.
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// fn main() -> ringlane::Result {
    ///     let server = ringlane::Server::builder().bind("127.0.0.1:8080").build()?;
    ///     server.run_with(|handle| {
    ///         for address in handle.addresses() {
    ///             let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    ///         }
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_with(self, ready: impl FnOnce(&Handle)) -> Result {
        let signals = signals::Signals::catch()?;
        let handle = self.start()?;
        signals.serve(handle.shutdown_handle());
        ready(&handle);
        handle.wait()
    }

    /// Starts serving on all cores, and returns.
    ///
    /// # Errors
    ///
    /// If an address cannot be listened on, or the system refuses what a core needs. Nothing is
    /// left running then.
    pub fn start(self) -> std::result::Result<Handle, StartError> {
        let Self {
            app,
            mut setup,
            drain_time,
        } = self;
        let vitals = Arc::clone(&app.vitals);
        let watched = Arc::clone(&vitals);
        setup.stall_hook = StallHook::new(move |stall| watched.tell_stall(stall));
        let cores = cores::start(setup, move |core| app.on_core(core))?;
        vitals.start(cores.metrics(), cores.driver());
        let shutdown = Shutdown {
            control: cores.control(),
            drain_time,
            vitals,
        };
        Ok(Handle { cores, shutdown })
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// What each core's event loop is set to.
    pub(crate) fn reactor_config(&self) -> Config {
        self.setup.config
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("setup", &self.setup)
            .field("drain_time", &self.drain_time)
            .finish_non_exhaustive()
    }
}

/// A server that runs.
///
/// Dropping it leaves the server running.
///
/// ```
/// use ringlane::Server;
///
/// fn main() -> ringlane::Result {
///     let server = Server::builder().bind("127.0.0.1:0").workers(1).build()?;
///     let handle = server.start()?;
///     assert_ne!(handle.addresses().next().map(|address| address.port()), Some(0));
///     handle.shutdown();
///     handle.wait()
/// }
/// ```
#[derive(Debug)]
#[must_use = "without its handle a server can be neither ended nor awaited"]
pub struct Handle {
    cores: Cores,
    shutdown: Shutdown,
}

impl Handle {
    /// The TCP addresses that are listened on, with their ports.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.binds().iter().filter_map(|bind| match bind {
            Bind::Tcp(address) => Some(*address),
            Bind::Unix(_) => None,
        })
    }

    /// All addresses that are listened on.
    pub fn binds(&self) -> &[Bind] {
        self.cores.addresses()
    }

    /// What moves the bytes, with its flags, and why it is that.
    pub fn driver(&self) -> &str {
        self.cores.driver()
    }

    /// Lets the server end, as [`Shutdown::drain`].
    pub fn shutdown(&self) {
        self.shutdown.drain();
    }

    /// A way to end the server from elsewhere.
    pub fn shutdown_handle(&self) -> Shutdown {
        self.shutdown.clone()
    }

    pub(crate) fn vitals(&self) -> &Vitals {
        &self.shutdown.vitals
    }

    /// What each core's event loop has done and holds; [`status`](Self::status) has more.
    pub fn metrics(&self) -> &[Arc<Metrics>] {
        self.cores.metrics()
    }

    /// Waits until the server has ended. It looks at no signals: [`Server::run_with`] does.
    ///
    /// # Errors
    ///
    /// If a core has failed; the others were ended then. If one has not ended 2 s after the
    /// [drain time](Builder::drain_time), or 1 s after [`Shutdown::stop`], since a handler blocks
    /// it: its thread is left to itself, and ends with the process.
    pub fn wait(self) -> Result {
        self.cores.wait()?;
        Ok(())
    }
}

/// Ends a running server, from any thread.
#[derive(Clone, Debug)]
pub struct Shutdown {
    control: Control,
    drain_time: Duration,
    vitals: Arc<Vitals>,
}

impl Shutdown {
    /// Has `/readyz` of [`Health`](crate::middleware::Health) say from now on that the server takes
    /// no new work, while it still does. Call it a while before [`drain`](Self::drain), so that
    /// whoever balances the load has noticed by then.
    pub fn withdraw(&self) {
        self.vitals.withdraw();
    }

    /// Accepts what has connected already and nothing more, answers what is in flight with
    /// `Connection: close`, closes idle connections at once, and all that are left after the
    /// [drain time](Builder::drain_time).
    pub fn drain(&self) {
        let is_first = self.vitals.drain();
        self.control.drain(self.drain_time);
        if is_first {
            tracing::info!(drain_time = ?self.drain_time, "shutting down");
        }
    }

    /// Closes all connections now.
    pub fn stop(&self) {
        self.control.stop();
        tracing::info!("closing all connections");
    }
}

const _: () = {
    const fn is_send<T: Send + Sync>() {}
    is_send::<App>();
    is_send::<Shutdown>();
};
