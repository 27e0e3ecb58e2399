//! Test support: a reactor on the test's own thread, and its clients.
//!
//! Always true here:
//! - Nothing waits for ever: clients give up after [`PATIENCE`], and a reactor that does not come
//!   back ends the process with a word on what it was doing.
//!
//! Not here: what is tested.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use ringlane_reactor::{
    Application, CloseReason, Config, Epoll, Intent, Io, Letter, Post, Reactor, Ring, Socket,
    Uring, cores,
};
use ringlane_tests::kernel_allows_io_uring;

/// How long a client waits for one step of the server.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a reactor may take for all that one call here asks of it.
const WATCH: Duration = Duration::from_secs(40);

/// A driver that this machine may have.
pub(super) trait RealRing: Ring + Sized {
    const DRIVER: cores::Driver;

    fn open(config: &Config) -> Self;

    /// Whether the machine has it. Says so if it need not.
    fn is_here() -> bool;
}

impl RealRing for Uring {
    const DRIVER: cores::Driver = cores::Driver::Uring;

    fn open(config: &Config) -> Self {
        Self::open(config).unwrap_or_else(|error| panic!("{error}"))
    }

    fn is_here() -> bool {
        if std::env::var_os("RINGLANE_TEST_DRIVER").is_some_and(|driver| driver == "epoll") {
            eprintln!("NOT RUN over io_uring: RINGLANE_TEST_DRIVER=epoll");
            return false;
        }
        match Self::open(&Config::default()) {
            Ok(_) => true,
            Err(error) => {
                assert!(
                    !kernel_allows_io_uring(),
                    "the kernel allows it, and yet: {error}"
                );
                eprintln!("NOT RUN over io_uring: {error}");
                false
            }
        }
    }
}

impl RealRing for Epoll {
    const DRIVER: cores::Driver = cores::Driver::Epoll;

    fn open(config: &Config) -> Self {
        Self::open(config).unwrap_or_else(|error| panic!("{error}"))
    }

    fn is_here() -> bool {
        true
    }
}

/// An application that is one function, called whenever something has changed.
pub(super) struct Script<C, F> {
    step: F,
    /// How connections have ended, in order.
    pub(super) closed: Vec<CloseReason>,
    conversation: std::marker::PhantomData<C>,
}

/// `C` is what the function keeps of each connection.
pub(super) fn script<C, F>(step: F) -> Script<C, F>
where
    C: Default,
    F: FnMut(&mut C, &mut Io<'_>) -> Intent,
{
    Script {
        step,
        closed: Vec::new(),
        conversation: std::marker::PhantomData,
    }
}

impl<C, F> Application for Script<C, F>
where
    C: Default,
    F: FnMut(&mut C, &mut Io<'_>) -> Intent,
{
    type Conversation = C;

    fn opened(&mut self, _io: &mut Io<'_>) -> C {
        C::default()
    }

    fn advance(&mut self, conversation: &mut C, io: &mut Io<'_>) -> Intent {
        (self.step)(conversation, io)
    }

    fn timed_out(&mut self, _: &mut C, _io: &mut Io<'_>) -> Intent {
        Intent::Abort
    }

    fn closed(&mut self, _: C, reason: CloseReason) {
        self.closed.push(reason);
    }
}

/// Sends back what comes, until the peer has finished.
pub(super) fn echo(_: &mut (), io: &mut Io<'_>) -> Intent {
    take_into_output(io);
    if io.peer_finished {
        Intent::Finish
    } else {
        Intent::Continue
    }
}

/// Moves the input to the output, and says how much it was.
pub(super) fn take_into_output(io: &mut Io<'_>) -> usize {
    let bytes = io.input.bytes();
    io.output.buffer().extend_from_slice(bytes);
    let count = bytes.len();
    io.input.consume(count);
    count
}

/// A reactor that listens on a port of its own.
pub(super) struct Stand<R: RealRing, A: Application> {
    pub(super) reactor: Reactor<R, A>,
    pub(super) address: SocketAddr,
}

impl<R: RealRing, A: Application> Stand<R, A> {
    pub(super) fn new(config: Config, application: A) -> Self {
        config.check().expect("the test's own settings");
        let (listener, address) = listener();
        let ring = <R as RealRing>::open(&config);
        let reactor = Reactor::new(ring, config, || application);
        let mut reactor = reactor.expect("a core is free in this process");
        reactor.listen(listener);
        Self { reactor, address }
    }

    /// A client of this reactor. Needs no turn of it: the kernel answers for a listener.
    pub(super) fn client(&self) -> TcpStream {
        client(self.address)
    }

    /// Turns while `clients` run on a thread of their own, until they have ended.
    pub(super) fn serve<T: Send>(&mut self, clients: impl FnOnce() -> T + Send) -> T {
        let _watched = watch("serving clients");
        let ended = AtomicBool::new(false);
        let ender = Ender(&ended, self.reactor.post());
        std::thread::scope(|scope| {
            let clients = scope.spawn(move || {
                let _ender = ender;
                clients()
            });
            while !ended.load(Ordering::SeqCst) {
                self.turn();
            }
            match clients.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Turns until `condition` holds.
    pub(super) fn turn_until(&mut self, what: &'static str, condition: impl Fn(&Self) -> bool) {
        let _watched = watch(what);
        while !condition(self) {
            self.turn();
        }
    }

    /// Turns until no connection is left.
    pub(super) fn turn_until_idle(&mut self) {
        self.turn_until("waiting for the last connection to end", |stand| {
            stand.reactor.connections() == 0
        });
    }

    pub(super) fn turn(&mut self) -> bool {
        self.reactor.turn().expect("the ring is of use")
    }

    /// What must hold of every reactor once all its connections have ended.
    #[track_caller]
    pub(super) fn check_nothing_is_held(&self) {
        let metrics = self.reactor.metrics();
        assert_eq!(self.reactor.connections(), 0, "a slot is held");
        assert_eq!(metrics.buffers_lent.get(), 0, "a buffer is held");
        assert_eq!(metrics.stale.get(), 0, "a completion came for nobody");
    }
}

/// Tells the reactor that the clients have ended, also if they panicked.
struct Ender<'a>(&'a AtomicBool, Post);

impl Drop for Ender<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        let woken = self.1.send(Letter::Run(Box::new(|| ())));
        assert!(woken.is_ok(), "the mailbox is full");
    }
}

/// While this lives, somebody minds how long it takes.
pub(super) struct Watched {
    _ended: Sender<()>,
}

/// Ends the process if the result is not dropped in time: a test that hangs tells nothing.
pub(super) fn watch(what: &'static str) -> Watched {
    let (_ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        if end.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout) {
            eprintln!("gave up after {WATCH:?}: {what}");
            std::process::abort();
        }
    });
    Watched { _ended }
}

/// A socket that listens, with room for thousands to wait.
pub(super) fn listener() -> (Socket, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    rustix::net::listen(&listener, 4096).expect("a longer queue");
    let address = listener.local_addr().expect("an address");
    (OwnedFd::from(listener).into(), address)
}

pub(super) fn client(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).expect("connecting");
    be_patient(&client);
    client
}

pub(super) fn be_patient(client: &TcpStream) {
    client.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    client
        .set_write_timeout(Some(PATIENCE))
        .expect("a time-out");
    client.set_nodelay(true).expect("an option of TCP");
}

/// Sends all, says that it was all, and reads what comes until the other end says the same.
#[track_caller]
pub(super) fn exchange(mut client: &TcpStream, bytes: &[u8]) -> Vec<u8> {
    client.write_all(bytes).expect("sending");
    client.shutdown(Shutdown::Write).expect("the end");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("the answer");
    answer
}

/// Sends a short message and waits until it has come back.
#[track_caller]
pub(super) fn ping(mut client: &TcpStream, bytes: &[u8]) {
    client.write_all(bytes).expect("sending");
    let mut answer = vec![0; bytes.len()];
    client.read_exact(&mut answer).expect("the answer");
    assert_eq!(answer, bytes);
}

/// Bytes of which no part looks like another.
pub(super) fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(step).collect()
}

/// Descriptors that this process has open.
pub(super) fn descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").expect("this process's descriptors");
    open.count()
}

/// Runs a test that counts or limits what the whole process has in a process of its own.
pub(super) fn alone(body: impl FnOnce()) {
    const CHILD: &str = "RINGLANE_TEST_CHILD";
    let is_alone = |name| std::env::var_os(name).is_some();
    if is_alone("NEXTEST") || is_alone(CHILD) {
        return body();
    }
    let thread = std::thread::current();
    let name = thread.name().filter(|name| name.contains("::"));
    let name = name.expect("a test's thread bears its name");
    let program = std::env::current_exe().expect("this program's path");
    let status = std::process::Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .status()
        .expect("running this program again");
    assert!(status.success(), "{name} failed in a process of its own");
}
