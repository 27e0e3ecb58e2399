//! Tests the messages for wrong command lines.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{Demo, binary};

/// What the command says, after it has failed.
#[track_caller]
fn refusal(command: &mut Command) -> String {
    let output = command.output().expect("started");
    assert!(!output.status.success(), "it should have failed");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_taken_port_is_named() {
    let demo = Demo::start(&[]);
    let address = demo.address.to_string();
    let message = refusal(Command::new(binary()).args(["demo", "--bind", &address]));
    assert!(
        message.contains(&address) && message.contains("another process"),
        "{message}"
    );
}

#[test]
fn a_privileged_port_is_explained() {
    let nobody = 65_534;
    let mut command = Command::new(binary());
    command.args(["demo", "--bind", "127.0.0.1:81"]);
    let lowest = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let lowest: u16 = lowest.expect("Linux").trim().parse().expect("a number");
    if lowest <= 81 {
        return; // on this machine port 81 is not privileged
    }
    if rustix::process::getuid().is_root() {
        command.uid(nobody).gid(nobody);
    }
    let message = refusal(&mut command);
    assert!(
        message.contains("privileged") && message.contains("127.0.0.1:81"),
        "{message}"
    );
}

#[test]
fn bad_addresses_and_limits_are_named_all_at_once() {
    let message = refusal(Command::new(binary()).args([
        "demo",
        "--bind",
        "8080",
        "--bind",
        "127.0.0.1:99999",
        "--headers-max",
        "0",
        "--workers",
        "0",
    ]));
    for part in [
        "`8080`",
        "the port is missing",
        "`127.0.0.1:99999`",
        "headers_max",
        "workers",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn an_unknown_driver_is_refused_with_the_choices() {
    let message = refusal(Command::new(binary()).args(["demo", "--driver", "kqueue"]));
    assert!(message.contains("auto, uring or epoll"), "{message}");
}

#[test]
fn the_driver_can_be_forced_by_the_environment() {
    let output = Command::new(binary())
        .args(["demo", "--bind", "127.0.0.1:0"])
        .env("RINGLANE_DRIVER", "nonsense")
        .output()
        .expect("started");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("nonsense"), "{message}");
}

#[test]
fn a_unix_socket_is_served_and_removed_at_the_end() {
    use std::io::{Read, Write};
    let path = std::env::temp_dir().join(format!("ringlane-demo-{}.sock", std::process::id()));
    let bind = format!("unix:{}", path.display());
    let demo = Demo::start(&["--bind", &bind, "--workers", "2"]);
    for _ in 0..4 {
        let mut stream = std::os::unix::net::UnixStream::connect(&path).expect("connected");
        let request = b"GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.ends_with("Hello, World!"), "{answer}");
    }
    demo.signal(rustix::process::Signal::TERM);
    assert!(demo.wait().success());
    assert!(!path.exists(), "the socket is still there");
}
