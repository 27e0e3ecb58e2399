//! Tests `EventSource` in a real browser: named events, a cut stream, a restarted server.
//!
//! Not here: the same over plain sockets (`event_stream.rs`), the demo's stream (`demo/events.rs`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ringlane::event_stream::{Event, Options};
use ringlane::topics::{History, Topics};
use ringlane::{Context, Handle, Server};
use ringlane_tests::browser::Browser;
use serde::Deserialize;

/// How long anything may take on a machine that is busy.
const TIME_MAX: Duration = Duration::from_secs(60);
/// The shortest that there is.
const LIFETIME: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(50);
/// More than is published, so that nothing is missing because it was long ago.
const EVENTS_MAX: usize = 100_000;

/// Notes what comes, in the order in which it comes.
const PAGE: &str = r#"<!doctype html>
<title>News</title>
<script>
  var seen = [], opens = 0;
  const news = new EventSource("/news");
  news.onopen = () => opens += 1;
  for (const name of ["message", "weather", "gap"]) {
    news.addEventListener(name, (event) => {
      seen.push({ name: event.type, data: event.data, id: event.lastEventId });
    });
  }
</script>"#;

/// One event as the page saw it.
#[derive(Debug, Deserialize, PartialEq)]
struct Seen {
    name: String,
    data: String,
    id: String,
}

/// A server, and the ids that clients came with.
struct Stage {
    handle: Handle,
    address: String,
    topics: Topics,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    fn start(address: &str, options: Options) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let ids = Arc::clone(&asked);
        // A browser that is slow misses nothing.
        let options = options.retry(RETRY).max_backpressure(64 * 1024 * 1024);
        let builder = Server::builder()
            .bind(address)
            .workers(2)
            .drain_time(Duration::from_millis(200))
            .history("news", History::default().max_events(EVENTS_MAX))
            .get("/", |ctx: Context| ctx.html(PAGE))
            .get("/news", move |ctx: Context| {
                let id = ctx.last_event_id().unwrap_or_default();
                let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
                ids.push(id);
                ctx.event_stream_of_with("news", &options)
            });
        let topics = builder.topics();
        let handle = builder.build().expect("valid").start().expect("started");
        let address = handle.addresses().next().expect("an address");
        Self {
            address: address.to_string(),
            handle,
            topics,
            asked,
        }
    }

    /// Waits until the page is there: a client that comes without an id gets only what is new.
    #[track_caller]
    fn await_client(&self) {
        let started = Instant::now();
        while self.topics.subscribers("news") == 0 {
            assert!(started.elapsed() < TIME_MAX, "nobody follows");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }

    fn stop(self) {
        self.handle.shutdown();
        self.handle.wait().expect("a clean end");
    }
}

/// A browser that shows the page.
fn open(stage: &Stage) -> Browser {
    let browser = Browser::start();
    browser.go_to(&format!("http://{}/", stage.address));
    stage.await_client();
    browser
}

/// What the page has seen when it has seen so much.
#[track_caller]
fn await_seen(browser: &Browser, count: usize) -> Vec<Seen> {
    browser.wait_until(&format!("seen.length >= {count}"));
    let seen: Vec<Seen> = serde_json::from_value(browser.run("return seen")).expect("events");
    assert_eq!(seen.len(), count, "{:?}", seen.last());
    seen
}

/// `epoch:number`, taken apart.
fn parts(id: &str) -> (&str, usize) {
    let (epoch, number) = id.split_once(':').expect("an epoch and a number");
    (epoch, number.parse().expect("a number"))
}

fn event(seen: &Seen) -> (&str, &str) {
    (&seen.name, &seen.data)
}

#[test]
fn events_reach_those_who_listen_for_their_names() {
    let stage = Stage::start("127.0.0.1:0", Options::default());
    let browser = open(&stage);
    assert!(stage.topics.publish("news", "plain"));
    let rain = Event::data("rain").event("weather");
    assert!(stage.topics.publish("news", rain));
    // Nobody listens for this one; it counts all the same.
    assert!(
        stage
            .topics
            .publish("news", Event::data("x").event("sport"))
    );
    assert!(
        stage
            .topics
            .publish("news", "two lines,\nüber alles: <b>bold</b>")
    );
    let seen = await_seen(&browser, 3);
    let expected = [
        ("message", "plain"),
        ("weather", "rain"),
        ("message", "two lines,\nüber alles: <b>bold</b>"),
    ];
    assert_eq!(seen.iter().map(event).collect::<Vec<_>>(), expected);
    let numbers: Vec<_> = seen.iter().map(|seen| parts(&seen.id).1).collect();
    assert_eq!(numbers, [1, 2, 4]);
    drop(browser);
    stage.stop();
}

#[test]
fn a_browser_that_is_cut_off_gets_everything_once_and_in_order() {
    let stage = Stage::start("127.0.0.1:0", Options::default().max_lifetime(LIFETIME));
    let browser = open(&stage);
    let is_enough = AtomicBool::new(false);
    let count = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut count = 0;
            while !is_enough.load(Ordering::Relaxed) && count < EVENTS_MAX {
                assert!(stage.topics.publish("news", count.to_string()));
                count += 1;
                std::thread::sleep(Duration::from_millis(2)); // the pace, no more
            }
            count
        });
        let _ends_the_publisher = Raised(&is_enough);
        browser.wait_until("opens >= 4");
        is_enough.store(true, Ordering::Relaxed);
        publisher.join().expect("all is published")
    });
    let seen = await_seen(&browser, count);
    let (epoch, _) = parts(&seen[0].id);
    for (index, seen) in seen.iter().enumerate() {
        assert_eq!(event(seen), ("message", index.to_string().as_str()));
        assert_eq!(parts(&seen.id), (epoch, index + 1));
    }
    // It said each time where it was, and was never further back than before.
    let asked = stage.asked();
    assert!(asked.len() >= 4, "{asked:?}");
    assert_eq!(asked[0], "");
    let numbers: Vec<_> = asked[1..].iter().map(|id| parts(id)).collect();
    assert!(numbers.is_sorted(), "{asked:?}");
    assert!(numbers.iter().all(|&(name, _)| name == epoch), "{asked:?}");
    assert!(
        numbers.last().is_some_and(|&(_, number)| number > 0),
        "{asked:?}"
    );
    drop(browser);
    stage.stop();
}

/// Set when it goes out of scope, however it does.
struct Raised<'f>(&'f AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_browser_is_told_that_the_server_was_restarted() {
    let stage = Stage::start("127.0.0.1:0", Options::default());
    let browser = open(&stage);
    for text in ["one", "two"] {
        assert!(stage.topics.publish("news", text));
    }
    let before = await_seen(&browser, 2);
    let address = stage.address.clone();
    stage.stop();

    let stage = Stage::start(&address, Options::default());
    assert!(stage.topics.publish("news", "three")); // it may be there by now, or not
    stage.await_client();
    assert!(stage.topics.publish("news", "four"));
    let seen = await_seen(&browser, 5);
    let expected = [
        ("message", "one"),
        ("message", "two"),
        ("gap", r#"{"reason":"restarted"}"#),
        ("message", "three"),
        ("message", "four"),
    ];
    assert_eq!(seen.iter().map(event).collect::<Vec<_>>(), expected);
    assert_eq!(stage.asked()[0], before[1].id);
    let (old, new) = (parts(&before[1].id), parts(&seen[3].id));
    assert_ne!(old.0, new.0, "another epoch");
    assert_eq!(new.1, 1);
    assert_eq!(parts(&seen[4].id), (new.0, 2));
    drop(browser);
    stage.stop();
}
