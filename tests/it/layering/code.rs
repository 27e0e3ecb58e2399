//! Tests which names the code of each crate may use: no I/O in pure crates, no HTTP in the reactor.

use crate::source::{Finding, SourceFile, none, paths, rust_files, text_files};

/// Sockets, threads, clocks and files of the standard library, which the pure crates do without.
const WORLD: [&str; 8] = [
    "std::env",
    "std::fs",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Within `WORLD`, but values without a socket: a `Host` may hold one.
const VALUES: [&str; 3] = [
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
];

/// Crates of ours, and of others, that the pure crates never name.
const STRANGERS: [&str; 7] = [
    "async_std",
    "io_uring",
    "libc",
    "mio",
    "ringlane",
    "rustix",
    "tokio",
];

/// Names of the world in the code of `protocol` and `router`.
fn worldly_names(file: &SourceFile) -> Vec<Finding> {
    let tokens = file.tokens();
    let mut found = Vec::new();
    for (path, line) in paths(&tokens) {
        let plain = path.replacen("core::", "std::", 1);
        let within = |list: &[&str]| list.iter().any(|name| is_within(&plain, name));
        let first = path.split("::").next().unwrap_or_default();
        let stranger =
            STRANGERS.contains(&first) || path.split("::").any(|part| part.contains("reactor"));
        let own_clock = path.ends_with("Instant::now") || path.ends_with("SystemTime::now");
        if (within(&WORLD) && !within(&VALUES)) || stranger || own_clock {
            found.push(file.finding(line, format!("a pure crate names {path}")));
        }
    }
    found
}

/// Whether `path` is `name` or something inside it.
fn is_within(path: &str, name: &str) -> bool {
    path.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The web's name in the reactor, in code, comments and manifest alike; page addresses excepted.
fn web_names(file: &SourceFile) -> Vec<Finding> {
    let is_web = |word: &str| {
        let word = word.to_ascii_lowercase();
        let addresses = ["http://", "https://"].map(|scheme| word.find(scheme));
        let address = addresses.into_iter().flatten().min().unwrap_or(word.len());
        word[..address].contains("http")
    };
    file.lines()
        .filter(|(_, line)| line.split_whitespace().any(is_web))
        .map(|(line, text)| {
            file.finding(line, format!("the reactor knows no web: {}", text.trim()))
        })
        .collect()
}

/// Crates that only Linux can build say so in the first error that another system shows.
fn missing_refusal(file: &SourceFile) -> Vec<Finding> {
    let tokens = file.tokens();
    let form = [
        "#",
        "[",
        "cfg",
        "(",
        "not",
        "(",
        "target_os",
        "=",
        "\"linux\"",
        ")",
        ")",
        "]",
    ];
    let starts = |at: usize| {
        let texts = tokens[at..].iter().map(|token| token.text.as_str());
        texts.take(form.len()).eq(form)
            && tokens[at + form.len()..]
                .iter()
                .take(2)
                .map(|token| token.text.as_str())
                .eq(["compile_error", "!"])
    };
    let message = (0..tokens.len())
        .find(|&at| starts(at))
        .map(|at| &tokens[at + form.len() + 3]);
    match message {
        Some(message) if message.content().contains("Linux") => Vec::new(),
        Some(message) => vec![file.finding(
            message.line,
            "the message does not say that Linux is needed",
        )],
        None => vec![file.finding(1, "no compile_error! off Linux")],
    }
}

#[test]
fn protocol_and_router_know_nothing_of_the_world() {
    let pure = |file: &SourceFile| {
        file.path.starts_with("protocol/src/") || file.path.starts_with("router/src/")
    };
    none(
        rust_files()
            .iter()
            .filter(|file| pure(file))
            .flat_map(worldly_names),
    );
}

#[test]
fn the_reactor_knows_nothing_of_the_web() {
    none(
        text_files()
            .iter()
            .filter(|file| file.path.starts_with("reactor/"))
            .flat_map(web_names),
    );
}

#[test]
fn other_systems_are_refused_by_name() {
    let roots = ["reactor/src/lib.rs", "server/src/lib.rs"];
    none(
        rust_files()
            .iter()
            .filter(|file| roots.contains(&file.path.as_str()))
            .flat_map(missing_refusal),
    );
}

#[track_caller]
fn check(rule: fn(&SourceFile) -> Vec<Finding>, text: &str, expected: &[usize]) {
    let found = rule(&SourceFile::sample("protocol/src/sample.rs", text));
    let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn planted_worldly_names_are_found() {
    check(worldly_names, "use std::net::TcpStream;", &[1]);
    check(worldly_names, "use std::{\n    fmt,\n    thread,\n};", &[3]);
    check(
        worldly_names,
        "fn f() {\n    ::std::fs::read(\"a\");\n}",
        &[2],
    );
    check(
        worldly_names,
        "fn f() { assert!(Instant::now() > x); }",
        &[1],
    );
    check(worldly_names, "use core::net::SocketAddr;", &[1]);
    check(worldly_names, "use ringlane_reactor::Token;", &[1]);
    check(worldly_names, "use ringlane::Server;", &[1]);
    check(worldly_names, "use tokio::spawn;", &[1]);
    check(
        worldly_names,
        "use std::net::Ipv6Addr;\nuse std::time::Duration;",
        &[],
    );
    check(
        worldly_names,
        "//! Sockets: see `reactor`.\nconst A: &str = \"std::net\"; // std::fs",
        &[],
    );
}

#[test]
fn planted_web_names_are_found() {
    check(web_names, "fn f() {}\nstruct HttpThing;", &[2]);
    check(web_names, "// as in HTTP/1.1\n", &[1]);
    check(
        web_names,
        "// https://example.org/http, http://example.org/\n",
        &[],
    );
    check(web_names, "// (http://example.org/) is http\n", &[1]);
}

#[test]
fn a_planted_root_without_refusal_is_found() {
    let cfg = "#[cfg(not(target_os = \"linux\"))]";
    check(missing_refusal, "//! Head.\n", &[1]);
    check(
        missing_refusal,
        &format!("//! Head.\n{cfg}\ncompile_error!(\"no\");"),
        &[3],
    );
    check(
        missing_refusal,
        &format!("//! Head.\n{cfg}\ncompile_error!(\"needs Linux\");"),
        &[],
    );
    check(
        missing_refusal,
        "//! Head.\ncompile_error!(\"needs Linux\");",
        &[1],
    );
}
