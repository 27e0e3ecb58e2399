//! Who is limited, for how long, and by whom else.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ringlane_reactor::clock::Instant;

use super::lease::OnCore;
use super::table::{PLACES, Rate, Table};
use super::{RateKey, RateLimit};
use crate::testing::{Answer, Client};
use crate::{Context, Server};

const SECOND: Duration = Duration::from_secs(1);

fn client(limit: RateLimit) -> Client {
    let server = Server::builder().with(limit).get("/", |_| "ok").build();
    Client::new(server.expect("valid")).expect("a core is free for the test")
}

fn ask(client: &mut Client, key: &str) -> Answer {
    let request = client.get("/").header("X-Key", key);
    let request = request.header("Accept", "application/json");
    request.send().expect("an answer")
}

fn by_header(ctx: &Context) -> Option<RateKey> {
    ctx.header("X-Key")
        .filter(|key| *key != "none")
        .map(RateKey::of)
}

#[test]
fn a_burst_passes_and_then_a_steady_rate() {
    for limit in [
        RateLimit::new(5, 10 * SECOND),
        RateLimit::new(5, 10 * SECOND).per_core(),
        RateLimit::new(1, 2 * SECOND).burst(5),
    ] {
        let mut client = client(limit);
        for _ in 0..5 {
            assert_eq!(ask(&mut client, "a").status(), 200);
        }
        for wait in ["2", "1"] {
            let answer = ask(&mut client, "a");
            assert_eq!(answer.status(), 429);
            assert_eq!(answer.header("retry-after"), Some(wait));
            let body: serde_json::Value = answer.json().expect("JSON");
            assert_eq!(body["error"], "Too Many Requests");
            assert_eq!(body["code"], "RATE_LIMIT");
            client.run(SECOND).expect("the core runs");
        }
        assert_eq!(ask(&mut client, "a").status(), 200);
        assert_eq!(ask(&mut client, "a").status(), 429);
        client.run(3600 * SECOND).expect("the core runs");
        let passed = (0..10).filter(|_| ask(&mut client, "a").status() == 200);
        assert_eq!(passed.count(), 5);
    }
}

#[test]
fn keys_have_buckets_of_their_own_and_those_without_one_share_theirs() {
    let mut client = client(RateLimit::new(1, SECOND).key(by_header));
    for (key, status) in [("a", 200), ("a", 429), ("b", 200), ("a", 429), ("b", 429)] {
        assert_eq!(ask(&mut client, key).status(), status, "{key}");
    }
    for status in [200, 429, 429] {
        assert_eq!(ask(&mut client, "none").status(), status);
    }
}

#[test]
fn a_request_without_a_required_key_is_refused() {
    let limit = RateLimit::new(1, SECOND).key(by_header).require_key();
    let mut client = client(limit);
    for (key, status) in [("none", 403), ("a", 200), ("none", 403), ("a", 429)] {
        assert_eq!(ask(&mut client, key).status(), status, "{key}");
    }
}

#[test]
fn identities_are_limited_and_who_has_none_by_its_address() {
    struct Name(String);
    let limit = RateLimit::new(1, SECOND).by_identity(|name: &Name| RateKey::of(&name.0));
    let server = Server::builder()
        .before(|ctx: &Context| {
            if let Some(name) = ctx.header("X-Key").filter(|key| *key != "none") {
                ctx.insert(Name(name.to_owned()));
            }
        })
        .with(limit)
        .get("/", |_| "ok");
    let mut client = Client::new(server.build().expect("valid")).expect("a core is free");
    for (key, status) in [
        ("a", 200),
        ("b", 200),
        ("none", 200),
        ("a", 429),
        ("none", 429),
    ] {
        assert_eq!(ask(&mut client, key).status(), status, "{key}");
    }
}

#[test]
fn a_client_that_resets_is_limited_like_any_other() {
    const REQUESTS: usize = 1_500;
    for driver in [crate::Driver::Auto, crate::Driver::Epoll] {
        let runs = Arc::new(AtomicUsize::new(0));
        let asked = Arc::new(AtomicUsize::new(0));
        let (ran, counted) = (Arc::clone(&runs), Arc::clone(&asked));
        let server = Server::builder()
            .bind("127.0.0.1:0")
            .workers(1)
            .driver(driver)
            .before(move |_: &Context| {
                if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                    std::thread::sleep(SECOND / 5); // meanwhile the client resets
                }
            })
            .with(RateLimit::new(2, 3600 * SECOND))
            .get("/", move |_| {
                ran.fetch_add(1, Ordering::SeqCst);
            });
        let handle = server.build().expect("valid").start().expect("started");
        let address = handle.addresses().next().expect("an address");
        for _ in 0..3 {
            let mut client = TcpStream::connect(address).expect("connected");
            let requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(REQUESTS);
            client.write_all(&requests).expect("sent");
            rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO))
                .expect("an option of sockets");
        }
        let deadline = std::time::Instant::now() + 20 * SECOND;
        let is_busy = |status: crate::ServerStatus| {
            status.sum(|core| core.accepted) < 3 || status.sum(|core| core.connections) > 0
        };
        while is_busy(handle.status()) && std::time::Instant::now() < deadline {
            std::thread::sleep(SECOND / 50);
        }
        handle.shutdown_handle().stop();
        handle.wait().expect("a clean end");
        assert!(asked.load(Ordering::SeqCst) > 2, "no request was read");
        assert!(runs.load(Ordering::SeqCst) <= 2, "{driver:?}: {runs:?}");
    }
}

#[test]
fn clients_are_told_what_is_left() {
    let limit = RateLimit::new(60, 30 * SECOND)
        .burst(2)
        .headers("per-client");
    let mut client = client(limit);
    for left in ["r=1", "r=0", "r=0;t=1"] {
        let answer = ask(&mut client, "a");
        assert_eq!(
            answer.header("ratelimit-policy"),
            Some("\"per-client\";q=2;w=1")
        );
        let expected = format!("\"per-client\";{left}");
        assert_eq!(answer.header("ratelimit"), Some(&*expected));
    }
    // What the core has leased is still the client's, and never more than there can be.
    let mut client = self::client(RateLimit::new(640, SECOND).headers("x"));
    for left in (560..640).rev() {
        let expected = format!("\"x\";r={left}");
        assert_eq!(ask(&mut client, "a").header("ratelimit"), Some(&*expected));
    }
    for left in ["\"x\";r=639", "\"x\";r=640"] {
        client.run(SECOND / 2).expect("the core runs");
        assert_eq!(ask(&mut client, "a").header("ratelimit"), Some(left));
    }
}

#[test]
fn two_limits_are_both_obeyed() {
    let server = Server::builder()
        .with(RateLimit::new(2, SECOND).key(by_header).headers("each"))
        .with(
            RateLimit::new(3, SECOND)
                .key(|_| Some(RateKey::of("all")))
                .headers("all"),
        )
        .get("/", |_| "ok");
    let mut client = Client::new(server.build().expect("valid")).expect("a core is free");
    for (key, status) in [("a", 200), ("a", 200), ("a", 429), ("b", 200), ("b", 429)] {
        let answer = ask(&mut client, key);
        assert_eq!(answer.status(), status, "{key}");
        let policies = answer
            .headers()
            .filter(|(name, _)| *name == "RateLimit-Policy");
        assert_eq!(
            policies.count(),
            if (key, status) == ("a", 429) { 1 } else { 2 }
        );
    }
}

/// Parts of one limit, for so many cores.
fn parts(rate: Rate, keys: usize, cores: usize) -> Vec<OnCore> {
    let table = Arc::new(Table::new(rate, keys));
    let count = Arc::new(AtomicUsize::new(cores));
    let part = || OnCore::new(Arc::clone(&table), Arc::clone(&count));
    std::iter::repeat_with(part).take(cores).collect()
}

#[test]
fn cores_together_let_no_more_through_than_the_limit() {
    let now = Instant::from_nanos(1_000_000);
    for (burst, cores) in [(1, 4), (31, 2), (32, 2), (1000, 2), (1000, 4), (100_000, 4)] {
        let passed = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|threads| {
            for part in parts(Rate::new(1, SECOND, burst), 64, cores) {
                let passed = Arc::clone(&passed);
                threads.spawn(move || {
                    let mine = (0..2 * burst).filter(|_| part.take(7, now).is_ok());
                    passed.fetch_add(mine.count(), Ordering::Relaxed);
                });
            }
        });
        let passed = passed.load(Ordering::Relaxed);
        assert_eq!(passed, burst as usize, "{burst} over {cores}");
    }
}

#[test]
fn a_server_of_two_cores_lets_no_more_through_than_the_limit() {
    let day = 24 * 3600 * SECOND;
    let server = Server::builder()
        .bind("127.0.0.1:0")
        .workers(2)
        .with(RateLimit::new(10_000, day).burst(100))
        .get("/", |_| "ok");
    let handle = server.build().expect("valid").start().expect("it starts");
    let address = handle.addresses().next().expect("an address");
    let mut passed = 0;
    for _ in 0..15 {
        let mut stream = TcpStream::connect(address).expect("connected");
        let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10);
        stream.write_all(requests.as_bytes()).expect("sent");
        stream.shutdown(Shutdown::Write).expect("sent");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("answers");
        passed += answers.matches("HTTP/1.1 200 ").count();
    }
    assert!((100 - 2 * 3..=100 + 20).contains(&passed), "{passed}"); // a token each 8.6 s
    handle.shutdown();
    handle.wait().expect("a clean end");
}

#[test]
fn over_a_long_time_cores_exceed_the_rate_by_a_sixteenth_of_the_burst_at_most() {
    let burst = 1600;
    let parts = parts(Rate::new(1600, 16 * SECOND, burst), 64, 4); // 100 a second
    let mut passed = 0;
    for step in 0..100_000_u64 {
        // A hundred seconds, ten attempts in each hundredth of one; the cores take turns.
        let now = Instant::from_nanos(step / 10 * 10_000_000);
        let part = &parts[(step / 37 % 4) as usize];
        passed += u32::from(part.take(7, now).is_ok());
    }
    let due = burst + 100 * 100;
    assert!(passed <= due + burst / 16, "{passed}");
    assert!(passed >= due - burst / 16, "{passed}");
}

#[test]
fn leases_lapse_and_leases_that_are_in_the_way_are_given_back() {
    let rate = Rate::new(64, 64 * SECOND, 64);
    let mut parts = parts(rate, 64, 1);
    let part = parts.pop().expect("one core");
    let start = Instant::from_nanos(1_000_000_000);
    assert_eq!(part.take(1, start), Ok(()));
    assert_eq!(part.left(1, start), 63);
    // The same place in the core's list, another key: nothing of the first one is lost.
    assert_eq!(part.take(1 + 1024, start), Ok(()));
    assert_eq!(part.left(1, start), 63);
    let passed = (0..200).filter(|_| part.take(1, start).is_ok()).count();
    assert_eq!(passed, 63);
    // A spare token of long ago does not come on top of a full bucket.
    let later = start + 1000 * SECOND;
    let passed = (0..200)
        .filter(|_| part.take(1 + 1024, later).is_ok())
        .count();
    assert_eq!(passed, 64);
}

#[test]
fn the_table_does_not_grow_and_who_is_limited_stays_limited() {
    let rate = Rate::new(1, 1000 * SECOND, 2);
    let table = Table::new(rate, PLACES); // one line
    let now = Instant::from_nanos(1);
    let limited = 1;
    assert_eq!(table.take(limited, 2, now), Ok(2));
    assert!(table.take(limited, 1, now).is_err());
    for key in 2..10_000 {
        assert_eq!(
            table.take(key, 1, now),
            Ok(1),
            "a new key has a full bucket"
        );
        assert!(table.take(limited, 1, now).is_err(), "after {key}");
    }
    // Eight that are as empty: one of them has to go.
    let table = Table::new(rate, PLACES);
    for key in 1..=PLACES as u64 + 1 {
        assert_eq!(table.take(key, 2, now), Ok(2));
    }
    let forgotten = (1..=PLACES as u64 + 1).filter(|&key| table.left(key, now) == 2);
    assert_eq!(forgotten.count(), 1);
}

#[test]
fn as_many_keys_as_were_asked_for_are_mostly_told_apart() {
    let table = Table::new(Rate::new(1, 1000 * SECOND, 1), 65_536);
    let now = Instant::from_nanos(1);
    let keys: HashSet<u64> = (0..32_768).map(|number| RateKey::of(number).0).collect();
    for &key in &keys {
        assert_eq!(table.take(key, 1, now), Ok(1));
    }
    let remembered = keys
        .iter()
        .filter(|&&key| table.left(key, now) == 0)
        .count();
    assert!(remembered > keys.len() * 95 / 100, "{remembered}");
}

#[test]
fn the_extremes_of_rates_are_exact() {
    let start = Instant::from_nanos(u64::MAX / 2);
    for (requests, window, burst) in [
        (1, 24 * 3600 * SECOND, 31),
        (u32::MAX, SECOND, 1),
        (u32::MAX, Duration::from_nanos(1), u32::MAX),
        (1_000_000, SECOND, 1_000_000),
    ] {
        let table = Table::new(Rate::new(requests, window, burst), 1);
        assert_eq!(table.take(7, u32::MAX, start), Ok(burst));
        let wait = table.take(7, 1, start).expect_err("it is empty");
        assert_eq!(table.take(7, 1, start + wait), Ok(1));
        assert!(table.take(7, 1, start + wait).is_err());
    }
}

#[test]
#[should_panic(expected = "within 31 days")]
fn a_bucket_that_never_fills_is_a_mistake() {
    let _ = Server::builder().with(RateLimit::new(1, 24 * 3600 * SECOND).burst(32));
}
