//! When a breaker opens and closes, in simulated time.

use std::time::Duration;

use super::{Breaker, BreakerState};
use crate::middleware::Timeout;
use crate::testing::Client;
use crate::{Limits, Result, Server};

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
fn a_dropped_call_has_failed() {
    let mut clock = Clock::new();
    let breaker = breaker();
    for _ in 0..2 {
        drop(breaker.enter().expect("it is let through"));
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    drop(breaker.enter().expect("it is let through"));
    assert_eq!(breaker.state(), BreakerState::Open);
    clock.pass(5 * SECOND);
    drop(breaker.enter().expect("a probe"));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn an_abandoned_call_counts_neither_way() {
    let mut clock = Clock::new();
    let breaker = breaker();
    for _ in 0..10 {
        breaker.enter().expect("it is let through").abandon();
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    (0..3).for_each(|_| fail(&breaker));
    clock.pass(5 * SECOND);
    for _ in 0..10 {
        breaker.enter().expect("its place is free again").abandon();
    }
    succeed(&breaker);
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_probe_that_never_ends_has_failed_in_time() {
    let mut clock = Clock::new();
    let breaker = breaker().probe_time(7 * SECOND);
    (0..3).for_each(|_| fail(&breaker));
    clock.pass(5 * SECOND);
    let hanging = breaker.enter().expect("a probe");
    clock.pass(SECOND);
    let later = breaker.enter().expect("a second");
    clock.pass(6 * SECOND);
    assert!(breaker.enter().is_err(), "the places are taken");
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    clock.pass(SECOND);
    let stopped = breaker.enter().expect_err("the last one's time is over");
    assert_eq!(stopped.retry_after(), 5 * SECOND);
    assert_eq!(breaker.state(), BreakerState::Open);
    hanging.end(true);
    later.end(true);
    assert_eq!(breaker.state(), BreakerState::Open, "they count no more");
    clock.pass(5 * SECOND);
    succeed(&breaker);
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_backend_that_hangs_opens_it_whichever_deadline_ends_the_calls() {
    let hang = |breaker: &'static Breaker| async move {
        let call = std::future::pending::<Result<()>>();
        breaker.run(call).await
    };
    let patient = |breaker: &'static Breaker| {
        let limits = Limits::default().handler_time(SECOND);
        let routes = Server::builder().limits(limits);
        routes.get("/", move |_| hang(breaker))
    };
    let own = |breaker: &'static Breaker| {
        Server::builder().get("/", move |_| async move {
            crate::time::timeout(SECOND, hang(breaker)).await?
        })
    };
    let layer = |breaker: &'static Breaker| {
        let routes = Server::builder().with(Timeout::new(SECOND));
        routes.get("/", move |_| hang(breaker))
    };
    let opened = |server: crate::Builder, breaker: &Breaker| {
        let server = server.build().expect("it is well-formed");
        let mut client = Client::new(server).expect("a core is free");
        for count in 1..=3 {
            let connection = client.connect();
            connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.run(2 * SECOND).expect("the core runs");
            let is_open = breaker.state() == BreakerState::Open;
            assert_eq!(is_open, count == 3, "after {count}");
        }
    };
    static BREAKERS: [Breaker; 3] = [const { Breaker::new().failures(3) }; 3];
    opened(patient(&BREAKERS[0]), &BREAKERS[0]);
    opened(own(&BREAKERS[1]), &BREAKERS[1]);
    opened(layer(&BREAKERS[2]), &BREAKERS[2]);
}

#[test]
fn clients_that_leave_say_nothing_of_the_backend() {
    static BREAKER: Breaker = Breaker::new().failures(1);
    let server = Server::builder().get("/", |_| async {
        let call = std::future::pending::<Result<()>>();
        BREAKER.run(call).await
    });
    let server = server.build().expect("it is well-formed");
    let mut client = Client::new(server).expect("a core is free");
    let connection = client.connect();
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.run(SECOND).expect("the core runs");
    drop(connection);
    client.run(SECOND).expect("the core runs");
    assert_eq!(client.connections(), 0);
    assert_eq!(BREAKER.state(), BreakerState::Closed);
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
    assert!(answers.contains("\r\nRetry-After: 10\r\n"), "{answers}");
    Ok(())
}
