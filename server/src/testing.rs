//! Requests against an application, without a socket and without waiting.
//!
//! The whole server runs as it does in production, over a simulated ring: bytes that a client sends
//! are parsed, routed and answered. Time is simulated too, so a handler that sleeps for an hour
//! answers at once.
//!
//! ```
//! use ringlane::{Context, Result, Server, testing};
//!
//! async fn greet(ctx: Context) -> Result {
//!     let name = ctx.body().text().await?;
//!     ringlane::time::sleep(std::time::Duration::from_secs(3600)).await;
//!     ctx.set_header("X-Patient", "yes").text(format!("Hello, {name}!"));
//!     Ok(())
//! }
//!
//! # fn main() -> Result {
//! let limits = ringlane::Limits::default().handler_time(std::time::Duration::MAX);
//! let server = Server::builder().limits(limits).post("/greet", greet).build()?;
//! let mut client = testing::Client::new(server)?;
//!
//! let answer = client.post("/greet").body("Ferris").send()?;
//! assert_eq!((answer.status().as_u16(), answer.text()), (200, "Hello, Ferris!"));
//! assert_eq!(answer.header("x-patient"), Some("yes"));
//! assert_eq!(client.get("/nowhere").send()?.status(), 404);
//! # Ok(())
//! # }
//! ```
//!
//! Not here: faults (the reactor's simulation has them), several cores.

mod answer;
mod events;
#[cfg(test)]
mod logged;
mod socket;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringlane_reactor::sim::{self, SimRing, World};
use ringlane_reactor::{Application, Config, Letter, Reactor, Socket};

use crate::conversation::HttpCore;
use crate::status::Vitals;
use crate::{Method, Result, Server, Task, blocking};

pub use answer::Answer;
pub use events::EventStream;
#[cfg(test)]
pub(crate) use logged::logged;
pub use ringlane_protocol::event_stream::{Event, Item};
pub use socket::{Received, WebSocket};

/// How much simulated time a request may take: more than any limit that a server has by default.
const TIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// How often a thread with blocking work is looked after, in the machine's time.
const BLOCKING_PAUSE: Duration = Duration::from_millis(1);

/// A client of a server that runs on one simulated core, on this thread.
pub struct Client {
    reactor: Reactor<SimRing, HttpCore>,
    world: World,
    listener: Socket,
    vitals: Arc<Vitals>,
}

impl Client {
    /// Starts the server. Addresses and workers that were set do not count here.
    ///
    /// # Errors
    ///
    /// If more cores are running in this process than one can have.
    pub fn new(server: Server) -> io::Result<Self> {
        let world = World::scripted();
        let config = server.config();
        let listener = world.listen();
        let ring = world.ring(&config);
        let mut reactor = Reactor::new(ring, config, || server.app().on_core(0))?;
        reactor.listen(listener);
        server.app().vitals.start(&[reactor.metrics()], "simulated");
        Ok(Self {
            reactor,
            world,
            listener,
            vitals: Arc::clone(&server.app().vitals),
        })
    }

    /// Begins a request.
    pub fn request(&mut self, method: Method, target: &str) -> Request<'_> {
        Request {
            client: self,
            method,
            target: target.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Begins a `GET`.
    pub fn get(&mut self, target: &str) -> Request<'_> {
        self.request(Method::GET, target)
    }

    /// Begins a `POST`.
    pub fn post(&mut self, target: &str) -> Request<'_> {
        self.request(Method::POST, target)
    }

    /// Opens a connection for bytes as they are.
    pub fn connect(&mut self) -> Connection {
        Connection(self.world.connect(self.listener))
    }

    /// Begins a task on the server's core. It runs when the client [runs](Self::run).
    pub fn spawn<F: Future + 'static>(&mut self, future: F) -> Task<F::Output> {
        self.reactor.enter(|| crate::spawn(future))
    }

    /// Lets everything happen that happens within so much simulated time: requests, deadlines,
    /// sleeping tasks. With [`Duration::ZERO`]: what can happen at once.
    ///
    /// # Errors
    ///
    /// If the server has ended.
    pub fn run(&mut self, time: Duration) -> io::Result<()> {
        let until = self.world.now() + time;
        self.run_until(until, || false)
    }

    /// Shuts the server down, as [`Shutdown::drain`](crate::Shutdown::drain) does.
    pub fn shut_down(&mut self, grace: Duration) {
        self.vitals.drain();
        // It can only be refused by a core that has ended.
        let _ = self.reactor.post().send(Letter::Drain(grace));
    }

    /// How many connections the server holds.
    pub fn connections(&self) -> usize {
        self.reactor.connections()
    }

    fn run_until(
        &mut self,
        until: ringlane_reactor::clock::Instant,
        is_enough: impl Fn() -> bool,
    ) -> io::Result<()> {
        loop {
            // Simulated time stands still while a real thread works, and until all has happened
            // that happens at once: what is waited for may be among it.
            let is_busy = blocking::is_busy_for_this_thread();
            let now = self.world.now();
            for horizon in [now, if is_busy { now } else { until }] {
                self.world.set_horizon(horizon);
                let goes_on = self.reactor.turn()?;
                if is_enough() {
                    return Ok(());
                }
                if !goes_on {
                    return Err(io::Error::other("the server has ended"));
                }
                if !self.world.is_idle() {
                    break;
                }
            }
            match self.world.is_idle() {
                true if is_busy => std::thread::sleep(BLOCKING_PAUSE),
                true if !blocking::is_busy_for_this_thread() => return Ok(()),
                true | false => {}
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn http(&self) -> &HttpCore {
        self.reactor.application()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// What a server is to the event loop of one core, to be run by other means than a [`Client`].
pub fn application(server: &Server) -> impl Application + use<> {
    server.app().on_core(0)
}

/// A connection to a simulated server. Dropping it closes it.
#[derive(Debug)]
pub struct Connection(sim::Client);

impl Connection {
    /// Sends bytes. They arrive when the [`Client`] runs.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.0.send(bytes.as_ref());
    }

    /// Takes what has arrived since the last call.
    pub fn read(&self) -> Vec<u8> {
        self.0.read()
    }

    /// Stops reading, so that the server has to wait; or goes on.
    pub fn pause(&self, paused: bool) {
        self.0.pause(paused);
    }

    /// Says that it sends nothing more, and goes on reading.
    pub fn finish(&self) {
        self.0.finish();
    }

    /// Whether the server has ended its side.
    pub fn is_finished(&self) -> bool {
        match self.0.link() {
            sim::Link::Connecting | sim::Link::Open => false,
            sim::Link::Refused | sim::Link::Finished | sim::Link::Reset => true,
        }
    }
}

/// A request on its way to be sent.
#[derive(Debug)]
#[must_use = "a request is not sent until `send` is called"]
pub struct Request<'c> {
    client: &'c mut Client,
    method: Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Request<'_> {
    /// Adds a header. `Host` and `Content-Length` are there already.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request and waits for its answer, in simulated time.
    ///
    /// # Errors
    ///
    /// If the connection ends before the answer does, the answer is malformed, or none comes in a
    /// (simulated) day.
    pub fn send(self) -> Result<Answer> {
        let bytes = self.serialise();
        let connection = self.client.connect();
        connection.send(&bytes);
        let until = self.client.world.now() + TIME_MAX;
        let received = std::cell::RefCell::new(Vec::new());
        let is_head = self.method == Method::HEAD;
        let is_whole = || {
            let mut received = received.borrow_mut();
            received.extend(connection.read());
            let is_finished = connection.is_finished();
            is_finished || !matches!(Answer::parse(&received, is_head, false), Ok(None))
        };
        self.client.run_until(until, is_whole)?;
        let answer = Answer::parse(&received.borrow(), is_head, connection.is_finished())?;
        let missing = || io::Error::new(io::ErrorKind::UnexpectedEof, "there was no whole answer");
        Ok(answer.ok_or_else(missing)?)
    }

    fn serialise(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: test\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The settings of the one core.
impl Server {
    fn config(&self) -> Config {
        Config {
            buffers: 64,
            ..self.reactor_config()
        }
    }
}
