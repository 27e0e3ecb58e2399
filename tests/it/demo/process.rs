//! Tests the messages for wrong command lines.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::{Demo, binary};

/// What it ends with if the arguments or the environment are wrong, and if it cannot serve.
const ASKED_WRONGLY: i32 = 2;
const FAILED: i32 = 1;

/// What the command says, after it has failed with a code.
#[track_caller]
fn refusal(command: &mut Command, code: i32) -> String {
    let output = command.output().expect("started");
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_taken_port_is_named() {
    let demo = Demo::start(&[]);
    let address = demo.address.to_string();
    let message = refusal(
        Command::new(binary()).args(["demo", "--bind", &address]),
        FAILED,
    );
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
    let message = refusal(&mut command, FAILED);
    assert!(
        message.contains("privileged") && message.contains("127.0.0.1:81"),
        "{message}"
    );
}

#[test]
fn bad_addresses_and_limits_are_named_all_at_once() {
    let options = "demo --bind 8080 --bind 127.0.0.1:99999 --headers-max 0 --workers 0 \
                   --connections-max 0 --head-time 0 --write-time 99ms --spin 2ms";
    let message = refusal(
        Command::new(binary()).args(options.split(' ')),
        ASKED_WRONGLY,
    );
    for part in [
        "--bind: `8080`",
        "the port is missing",
        "--bind: `127.0.0.1:99999`",
        "--headers-max: 0 is not within 1 to 1024",
        "--workers: at least one is needed",
        "--connections-max: at least one is needed",
        "--head-time: 0s is too little: at least 10ms",
        "--write-time: 99ms is too little: at least 100ms",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for (option, value, part) in [
        (
            "--workers",
            "100000",
            "--workers: 100000 are too many: at most 1024",
        ),
        ("--spin", "2ms", "--spin: 2ms is not within 0ns to 1ms"),
        ("--head-time", "ten", "a time is a number"),
        ("--body-bytes-max", "64X", "a size is a number"),
        ("--connections-max", "many", "--connections-max"),
    ] {
        let mut command = Command::new(binary());
        command.args(["demo", option, value]);
        let message = refusal(&mut command, ASKED_WRONGLY);
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn sizes_and_times_have_units() {
    let demo = Demo::start(&["--head-bytes-max", "1K", "--head-time", "10m"]);
    let ask = |bytes: usize| {
        let value = "x".repeat(bytes);
        let head = "GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
        demo.exchange(format!("{head}X-Long: {value}\r\n\r\n").as_bytes())
    };
    assert!(ask(900).starts_with("HTTP/1.1 200 "));
    assert!(ask(1024).starts_with("HTTP/1.1 431 "));
}

#[test]
fn the_help_says_what_is_the_default() {
    let output = Command::new(binary()).args(["demo", "--help"]).output();
    let help = String::from_utf8_lossy(&output.expect("started").stdout).into_owned();
    for part in [
        "[default: 10s]",
        "[default: 2M]",
        "[default: 30s]",
        "Default: what RLIMIT_NOFILE allows",
        "Exit code: 0",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn the_first_line_has_the_addresses_to_open() {
    let mut command = Command::new(binary());
    command.args([
        "demo",
        "--log",
        "off",
        "--bind",
        "127.0.0.1:0",
        "--bind",
        "[::1]:0",
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    for host in ["127.0.0.1", "[::1]"] {
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let rest = line
            .trim_end()
            .strip_prefix(&format!("listening on http://{host}:"));
        let (port, page) = rest.and_then(|rest| rest.split_once(", ")).expect("both");
        let expected = format!("dashboard at http://{host}:{port}/_ringlane/");
        assert_eq!(page, expected);
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn an_unknown_driver_is_refused_with_the_choices() {
    let message = refusal(
        Command::new(binary()).args(["demo", "--driver", "kqueue"]),
        ASKED_WRONGLY,
    );
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
fn an_empty_variable_of_the_environment_is_not_set() {
    let mut command = Command::new(binary());
    command.env("RINGLANE_DRIVER", "").env("RUST_LOG", "");
    let demo = Demo::start_by(command, &[]);
    demo.signal(rustix::process::Signal::TERM);
    assert!(demo.wait().success());
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
