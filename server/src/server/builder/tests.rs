//! Everything that is wrong with a server is said at once, by name.

use super::*;
use crate::Server;

#[track_caller]
fn check(builder: Builder, expected: &[&str]) {
    let problems: Vec<String> = match builder.build() {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    };
    let fits = problems.len() == expected.len()
        && problems
            .iter()
            .zip(expected)
            .all(|(problem, part)| problem.contains(part));
    assert!(fits, "{problems:#?}");
}

#[test]
fn all_problems_are_named() {
    check(Server::builder(), &[]);
    check(
        Server::builder()
            .bind("8080")
            .bind("127.0.0.1:0")
            .workers(0)
            .limits(Limits::default().headers_max(0))
            .get("no-slash", |_| "a")
            .get("/{a}", |_| "a")
            .group("/", |routes| routes.get("/{b}", |_| "b")),
        &[
            "`8080` is not an address to listen on",
            "limit `headers_max`: 0 is not within 1 to 1024",
            "workers: at least one is needed",
            "route `GET no-slash`",
            "`GET /{b}` conflicts with `GET /{a}`",
        ],
    );
    let config = Config {
        buffers: 3,
        ..Config::default()
    };
    check(
        Server::builder().reactor(config),
        &["buffers: 3 is not a power of two"],
    );
    check(
        Server::builder().backlog(0).ttl(0),
        &["backlog: at least one", "ttl: at least one"],
    );
    check(Server::builder().backlog(1).ttl(1), &[]);
}

#[test]
fn limits_reach_the_event_loop() {
    let limits = Limits::default()
        .head_bytes_max(1 << 20)
        .write_time(Duration::from_secs(7));
    let server = Server::builder()
        .limits(limits)
        .build()
        .expect("it is well-formed");
    let config = server.reactor_config();
    assert_eq!(config.write_timeout, Duration::from_secs(7));
    assert_eq!(config.input_bytes_max, 1 << 20, "a whole head fits");
}
