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
fn a_server_that_could_serve_nobody_is_none() {
    check(Server::builder().connections_max(1).workers(1024), &[]);
    check(
        Server::builder().connections_max(0).workers(1025),
        &[
            "workers: 1025 are too many: at most 1024",
            "connections_max: at least one is needed",
        ],
    );
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
        .write_time(Duration::from_secs(7))
        .write_bytes_min(77);
    let server = Server::builder()
        .limits(limits)
        .build()
        .expect("it is well-formed");
    let config = server.reactor_config();
    assert_eq!(config.write_timeout, Duration::from_secs(7));
    assert_eq!(config.write_bytes_min, 77);
    assert_eq!(config.input_bytes_max, 1 << 20, "a whole head fits");
}

#[test]
fn a_setting_with_a_method_of_its_own_counts_wherever_the_loops_settings_stand() {
    let config = Config {
        connections_max: 5,
        over_limit: OverLimit::Wait,
        buffers: 64,
        ..Config::default()
    };
    let set = |builder: Builder| {
        let builder = builder.connections_per_core_max(7);
        builder.over_limit(OverLimit::Refuse)
    };
    let check = |builder: Builder, connections_max, over_limit| {
        let server = builder.build().expect("it is well-formed");
        let config = server.reactor_config();
        assert_eq!(config.connections_max, connections_max);
        assert_eq!(config.over_limit, over_limit);
        assert_eq!(config.buffers, 64);
    };
    check(Server::builder().reactor(config), 5, OverLimit::Wait);
    check(set(Server::builder().reactor(config)), 7, OverLimit::Refuse);
    check(set(Server::builder()).reactor(config), 7, OverLimit::Refuse);
}
