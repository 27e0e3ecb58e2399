//! When a breaker opens and closes, in simulated time.

use std::time::Duration;

use super::{Breaker, BreakerState};
use crate::testing::Client;
use crate::{Result, Server};

const SECOND: Duration = Duration::from_secs(1);

/// Time passes on the simulated clock of this thread.
struct Clock(Client);

impl Clock {
    fn new() -> Self {
        let server = Server::builder().build().expect("an empty server");
        Self(Client::new(server).expect("a core is free"))
    }

    fn pass(&mut self, time: Duration) {
        // A sleeper makes the clock go on.
        let _slept = self.0.spawn(crate::time::sleep(time));
        self.0.run(time).expect("the core runs");
    }
}

fn fail(breaker: &Breaker) {
    breaker.enter().expect("it is let through").end(false);
}

fn succeed(breaker: &Breaker) {
    breaker.enter().expect("it is let through").end(true);
}

fn breaker() -> Breaker {
    Breaker::new()
        .failures(3)
        .window(10 * SECOND)
        .open_time(5 * SECOND)
        .probes(2)
}

#[test]
fn it_opens_at_the_last_failure_within_the_window() {
    let mut clock = Clock::new();
    let breaker = breaker();
    fail(&breaker);
    succeed(&breaker);
    fail(&breaker);
    clock.pass(11 * SECOND);
    fail(&breaker); // the first of a new window
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open);
    let stopped = breaker.enter().expect_err("it is stopped");
    assert_eq!(stopped.retry_after(), 5 * SECOND);
    clock.pass(5 * SECOND);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn probes_decide() {
    let mut clock = Clock::new();
    let breaker = breaker();
    let open = || (0..3).for_each(|_| fail(&breaker));
    open();
    clock.pass(5 * SECOND);
    let one = breaker.enter().expect("a probe");
    let other = breaker.enter().expect("a second");
    assert!(breaker.enter().is_err(), "no third");
    one.end(true);
    assert!(
        breaker.enter().is_err(),
        "the places are taken until all is decided"
    );
    other.end(true);
    assert_eq!(breaker.state(), BreakerState::Closed);
    open();
    clock.pass(5 * SECOND);
    let late = breaker.enter().expect("a probe");
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open);
    clock.pass(5 * SECOND);
    let now = breaker.enter().expect("a probe of the next time");
    late.end(true); // counts no more
    now.end(true);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_dropped_call_counts_neither_way() {
    let mut clock = Clock::new();
    let breaker = breaker();
    for _ in 0..10 {
        drop(breaker.enter().expect("it is let through"));
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    (0..3).for_each(|_| fail(&breaker));
    clock.pass(5 * SECOND);
    for _ in 0..10 {
        drop(breaker.enter().expect("its place is free again"));
    }
    succeed(&breaker);
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn what_is_stopped_is_a_503() -> Result {
    static FAILING: Breaker = Breaker::new().failures(2);
    let server = Server::builder().get("/", async |_| -> Result {
        let call = async { Err(crate::Error::new(502, "it failed")) };
        FAILING.run(call).await
    });
    let mut client = Client::new(server.build()?)?;
    let connection = client.connect();
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    client.run(Duration::ZERO)?;
    let answers = String::from_utf8_lossy(&connection.read()).into_owned();
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["502", "502", "503"]);
    Ok(())
}
