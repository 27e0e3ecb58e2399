//! A thousand sockets on two cores follow what one of them says; one follower never reads.
//!
//! Not here: how long that takes, which is measured in `bench/`.

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use ringlane::websocket::{CloseReason, Handler, Message, Options, SlowClient, Socket};
use ringlane::{Context, Driver, Handle, Result, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Client, stop};
use crate::drivers::uring_is_here;

const FOLLOWERS: usize = 1_000;
const MESSAGES: usize = 200;
/// What the stalled client gets with each message: together more than the kernel buffers.
const FLOOD_BYTES: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// Passes on what comes to everyone else, and a flood to those who asked for it.
struct Crowd {
    flood: Vec<u8>,
    /// Sockets that were closed for being slow.
    slow: Sender<CloseReason>,
}

impl Handler for Crowd {
    type State = ();

    fn on_open(&self, ctx: &Context, socket: &Socket) -> Result {
        socket.subscribe("crowd")?;
        if ctx.target().ends_with("?stalls") {
            socket.subscribe("flood")?;
        }
        Ok(())
    }

    fn on_message(&self, (): &mut (), socket: &Socket, message: Message<'_>) {
        socket.publish("crowd", message);
        socket.publish("flood", self.flood.as_slice());
    }

    fn on_close(&self, (): (), _: &Socket, reason: CloseReason) {
        if matches!(reason, CloseReason::Slow) {
            let _ = self.slow.send(reason); // the test may be over
        }
    }
}

fn start(driver: Driver) -> (Handle, SocketAddr, Receiver<CloseReason>) {
    let (slow, told) = mpsc::channel();
    let crowd = Crowd {
        flood: vec![0; FLOOD_BYTES],
        slow,
    };
    let options = Options::default()
        .slow_client(SlowClient::Close)
        .close_timeout(Duration::from_millis(50));
    let server = Server::builder()
        .bind("127.0.0.1:0")
        .workers(2)
        .driver(driver)
        .websocket_with("/crowd", options, crowd);
    let handle = server.build().expect("valid").start().expect("started");
    let address = handle.addresses().next().expect("an address");
    (handle, address, told)
}

/// Both ends of each connection are descriptors of this process.
fn allow_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit).expect("the soft limit can be raised to the hard one");
}

fn each_follower_hears_everything_once_and_in_order(driver: Driver) {
    allow_descriptors();
    let (handle, address, told) = start(driver);
    let stalled = Client::new(address, "/crowd?stalls", &[]);
    let mut followers: Vec<Client> = (0..FOLLOWERS)
        .map(|_| Client::new(address, "/crowd", &[]))
        .collect();
    let mut publisher = Client::new(address, "/crowd", &[]);
    for number in 0..MESSAGES {
        publisher.send(&format!("word {number}"));
    }
    publisher.send("the end");
    for follower in &mut followers {
        for number in 0..MESSAGES {
            assert_eq!(follower.receive(), format!("word {number}"));
        }
        assert_eq!(follower.receive(), "the end");
    }
    told.recv_timeout(PATIENCE)
        .expect("the stalled client is closed for being slow");
    assert!(told.try_recv().is_err(), "and nobody else");
    drop((stalled, followers, publisher));
    stop(handle);
}

#[test]
fn each_follower_hears_everything_over_uring() {
    if uring_is_here() {
        each_follower_hears_everything_once_and_in_order(Driver::Uring);
    }
}

#[test]
fn each_follower_hears_everything_over_epoll() {
    each_follower_hears_everything_once_and_in_order(Driver::Epoll);
}
