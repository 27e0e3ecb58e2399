//! Tests that `wrk` runs against the demo without an error.

use std::process::Command;

use super::Demo;

/// Runs `wrk` for a second and checks that nothing but good answers came.
#[track_caller]
fn check(demo: &Demo, connections: usize, headers: &[&str]) {
    let mut wrk = Command::new("wrk");
    wrk.args([
        "-t1",
        "-d1s",
        "--timeout",
        "8s",
        &format!("-c{connections}"),
    ]);
    for header in headers {
        wrk.args(["-H", header]);
    }
    let output = wrk
        .arg(format!("http://{}/plaintext", demo.address))
        .output();
    let output = output.expect("wrk is installed (Debian: wrk)");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
    let count = report
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "));
    let count: u64 = count
        .and_then(|(count, _)| count.parse().ok())
        .expect("a count");
    assert!(count > 0, "{report}");
    assert!(
        !report.contains("Socket errors"),
        "{connections} connections: {report}"
    );
    assert!(
        !report.contains("Non-2xx"),
        "{connections} connections: {report}"
    );
}

fn check_all(driver: &str) {
    let demo = Demo::start(&["--driver", driver]);
    for connections in [1, 64, 512, 4096] {
        check(&demo, connections, &[]);
    }
    check(&demo, 64, &["Connection: close"]);
}

#[test]
fn from_one_to_4096_connections() {
    check_all("auto");
}

#[test]
fn from_one_to_4096_connections_over_epoll() {
    check_all("epoll");
}
