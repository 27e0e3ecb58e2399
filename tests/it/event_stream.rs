//! Tests event streams over real sockets: both drivers, several cores, clients that disconnect.
//!
//! Not here: each rule by itself; those are tested over simulated connections (`server`).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::drivers::uring_is_here;
use ringlane::topics::{History, Topics};
use ringlane::{Context, Driver, Handle, Result, Server};
use ringlane_protocol::event_stream::{Decoder, Event, Item};
use ringlane_protocol::{BodyDecoder, BodyPart, Framing};

/// How long anything may take on a machine that is busy.
const TIME_MAX: Duration = Duration::from_secs(60);
const SILENT_CLIENTS: usize = 1_000;
const EVENTS: u64 = 3_000;
const READERS: usize = 8;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// One handler that is under way.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn silent(ctx: Context) -> Result {
    RUNNING.fetch_add(1, Ordering::Relaxed);
    let _running = Running;
    let events = ctx.event_stream()?;
    std::future::pending::<()>().await;
    drop(events);
    Ok(())
}

fn start(driver: Driver) -> (Handle, SocketAddr, Topics) {
    let builder = Server::builder()
        .bind("127.0.0.1:0")
        .workers(2)
        .driver(driver)
        .history("news", History::default().max_events(2 * EVENTS as usize))
        .get("/news", |ctx: Context| ctx.event_stream_of("news"))
        .post("/news", |ctx: Context| {
            ctx.topics().publish("news", "from a core");
        })
        .get("/silent", silent);
    let topics = builder.topics();
    let handle = builder.build().expect("valid").start().expect("started");
    let address = handle.addresses().next().expect("an address");
    (handle, address, topics)
}

fn stop(handle: Handle) {
    handle.shutdown_handle().stop();
    handle.wait().expect("a clean end");
}

#[track_caller]
fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < TIME_MAX, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A client's end, over a socket of the kernel's.
struct Client {
    stream: TcpStream,
    chunks: BodyDecoder,
    body: Vec<u8>,
    decoder: Decoder,
    events: std::collections::VecDeque<Event>,
}

impl Client {
    fn new(address: SocketAddr, path: &str, last: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(TIME_MAX)).expect("a timeout");
        let last = match last {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{last}\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut body = Vec::new();
        let end = loop {
            let end = body.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            match end {
                Some(end) => break end,
                None => read_more(&mut stream, &mut body),
            }
        };
        assert!(body.starts_with(b"HTTP/1.1 200 OK\r\n"), "{body:?}");
        body.drain(..end + 4);
        Self {
            stream,
            chunks: BodyDecoder::new(Framing::Chunked),
            body,
            decoder: Decoder::default(),
            events: [].into(),
        }
    }

    /// The next event.
    fn receive(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            self.decode();
            if self.events.is_empty() {
                read_more(&mut self.stream, &mut self.body);
            }
        }
    }

    /// Reads until it knows where it is, if it does not yet.
    fn position(&mut self) -> String {
        while self.decoder.last_event_id().is_empty() {
            read_more(&mut self.stream, &mut self.body);
            self.decode();
        }
        self.decoder.last_event_id().to_owned()
    }

    fn decode(&mut self) {
        loop {
            let step = self.chunks.decode(&self.body).expect("chunks");
            let consumed = step.consumed;
            let mut data = match step.part {
                BodyPart::Data(data) => data,
                BodyPart::NeedMore => {
                    self.body.drain(..consumed);
                    return;
                }
                BodyPart::End => panic!("the stream was ended"),
            };
            loop {
                let step = self.decoder.decode(data).expect("events");
                data = &data[step.consumed..];
                match step.item {
                    Some(Item::Event(event)) => self.events.push_back(event),
                    Some(Item::Comment(_) | Item::Retry(_)) => {}
                    None => break,
                }
            }
            self.body.drain(..consumed);
        }
    }
}

fn read_more(stream: &mut TcpStream, received: &mut Vec<u8>) {
    let mut bytes = [0; 16 * 1024];
    let count = stream.read(&mut bytes).expect("bytes in time");
    assert!(count > 0, "the server has closed");
    received.extend_from_slice(&bytes[..count]);
}

/// Clients come and go while others publish: each gets everything, once, in order.
fn nothing_is_lost_or_doubled(driver: Driver) {
    let (handle, address, topics) = start(driver);
    let first = Client::new(address, "/news", "").position();
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let first = &first;
            scope.spawn(move || {
                let (mut seen, mut last) = (0, first.clone());
                while seen < EVENTS {
                    let mut client = Client::new(address, "/news", &last);
                    // Each stays for a different while; some leave with events unread.
                    let until = EVENTS.min(seen + 1 + 97 * (reader as u64 + 1));
                    while seen < until {
                        let event = client.receive();
                        seen += 1;
                        assert_eq!(event.event, "message", "{}", event.data);
                        assert!(event.id.ends_with(&format!(":{seen}")), "{}", event.id);
                        last = event.id;
                    }
                }
            });
        }
        scope.spawn(|| {
            for number in 0..EVENTS / 2 {
                assert!(topics.publish("news", number.to_string()));
                if number % 64 == 0 {
                    std::thread::yield_now();
                }
            }
        });
        scope.spawn(move || {
            let mut stream = TcpStream::connect(address).expect("connected");
            stream.set_read_timeout(Some(TIME_MAX)).expect("a timeout");
            for _ in 0..EVENTS - EVENTS / 2 {
                let request = b"POST /news HTTP/1.1\r\nHost: a\r\n\r\n";
                stream.write_all(request).expect("sent");
                let mut answer = Vec::new();
                while !answer.ends_with(b"\r\n\r\n") {
                    read_more(&mut stream, &mut answer);
                }
            }
        });
    });
    await_that("all have left", || topics.subscribers("news") == 0);
    stop(handle);
}

/// Clients of a stream that sends nothing leave: their handlers are cancelled all the same.
fn leaving_is_noticed(driver: Driver) {
    let (handle, address, topics) = start(driver);
    let clients: Vec<Client> = (0..SILENT_CLIENTS)
        .map(|_| Client::new(address, "/silent", ""))
        .collect();
    let followers: Vec<Client> = (0..SILENT_CLIENTS / 10)
        .map(|_| Client::new(address, "/news", ""))
        .collect();
    assert_eq!(RUNNING.load(Ordering::Relaxed), SILENT_CLIENTS);
    assert_eq!(topics.subscribers("news"), SILENT_CLIENTS / 10);
    drop((clients, followers));
    await_that("every handler is cancelled", || {
        RUNNING.load(Ordering::Relaxed) == 0
    });
    await_that("every follower has left", || {
        topics.subscribers("news") == 0
    });
    await_that("every connection has ended", || {
        handle.status().sum(|core| core.connections) == 0
    });
    stop(handle);
}

#[test]
fn nothing_is_lost_or_doubled_over_uring() {
    if uring_is_here() {
        nothing_is_lost_or_doubled(Driver::Uring);
    }
}

#[test]
fn nothing_is_lost_or_doubled_over_epoll() {
    nothing_is_lost_or_doubled(Driver::Epoll);
}

#[test]
fn leaving_is_noticed_over_uring() {
    if uring_is_here() {
        leaving_is_noticed(Driver::Uring);
    }
}

#[test]
fn leaving_is_noticed_over_epoll() {
    leaving_is_noticed(Driver::Epoll);
}
