//! Each limit at its edges, and its default in the guide.

use super::*;

#[track_caller]
fn check(set: impl FnOnce(Limits) -> Limits, expected: &[&str]) {
    let errors = set(Limits::default()).check();
    let names: Vec<&str> = errors.iter().map(LimitError::name).collect();
    assert_eq!(names, expected);
}

#[test]
fn what_is_allowed_can_be_read() {
    let limits = Limits::default().head_time(Duration::ZERO).headers_max(0);
    let errors = limits.grace_time(Duration::MAX).check();
    let errors: Vec<String> = errors.iter().map(LimitError::to_string).collect();
    assert_eq!(errors[0], "limit `headers_max`: 0 is not within 1 to 1024");
    assert_eq!(
        errors[1],
        "limit `head_time`: 0s is too little: at least 10ms"
    );
    assert!(
        errors[2].ends_with(" is not within 0ns to 60s"),
        "{errors:?}"
    );
}

#[test]
fn each_limit_is_checked_by_name_at_its_edges() {
    let millis = Duration::from_millis;
    check(|limits| limits, &[]);
    check(
        |limits| limits.head_bytes_max(512).head_bytes_max(1 << 20),
        &[],
    );
    check(|limits| limits.head_bytes_max(511), &["head_bytes_max"]);
    check(
        |limits| limits.head_bytes_max((1 << 20) + 1),
        &["head_bytes_max"],
    );
    check(|limits| limits.headers_max(1024), &[]);
    check(|limits| limits.headers_max(0), &["headers_max"]);
    check(|limits| limits.headers_max(1025), &["headers_max"]);
    check(|limits| limits.target_bytes_max(63), &["target_bytes_max"]);
    check(|limits| limits.body_bytes_max(0), &[]);
    check(|limits| limits.body_bytes_max(u64::MAX), &[]);
    check(|limits| limits.unread_body_bytes_max(1 << 30), &[]);
    check(
        |limits| limits.unread_body_bytes_max((1 << 30) + 1),
        &["unread_body_bytes_max"],
    );
    check(|limits| limits.head_time(millis(9)), &["head_time"]);
    check(|limits| limits.head_time(Duration::MAX), &[]);
    check(|limits| limits.idle_time(millis(9)), &["idle_time"]);
    check(
        |limits| limits.body_progress_time(millis(9)),
        &["body_progress_time"],
    );
    check(
        |limits| limits.body_progress_bytes_min(0),
        &["body_progress_bytes_min"],
    );
    check(
        |limits| limits.handler_time(Duration::ZERO),
        &["handler_time"],
    );
    check(|limits| limits.grace_time(Duration::ZERO), &[]);
    check(|limits| limits.grace_time(millis(60_001)), &["grace_time"]);
    check(|limits| limits.write_time(millis(99)), &["write_time"]);
    check(|limits| limits.write_bytes_min(1 << 30), &[]);
    check(
        |limits| limits.write_bytes_min((1 << 30) + 1),
        &["write_bytes_min"],
    );
    check(|limits| limits.write_bytes_min(1), &[]);
    check(|limits| limits.write_bytes_min(0), &["write_bytes_min"]);
    check(|limits| limits.connection_time(millis(1000)), &[]);
    check(
        |limits| limits.connection_time(millis(999)),
        &["connection_time"],
    );
    check(
        |limits| limits.requests_per_connection_max(Some(0)),
        &["requests_per_connection_max"],
    );
    check(
        |limits| limits.headers_max(0).idle_time(millis(1)),
        &["headers_max", "idle_time"],
    );
}

#[test]
fn the_guide_names_every_limit_with_its_default() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/GUIDE.md");
    let guide = std::fs::read_to_string(guide).expect("the guide is there");
    let rows = guide
        .split("| `Limits::` |")
        .nth(1)
        .expect("it has the table");
    let rows = rows
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.split('|').map(str::trim).collect())
        .collect();
    let kib = |bytes: u64| match bytes % (1 << 20) {
        0 => format!("{} MiB", bytes >> 20),
        _ => format!("{} KiB", bytes >> 10),
    };
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    let limits = Limits::default();
    let defaults = [
        ("head_bytes_max", kib(limits.head.head_bytes_max as u64)),
        ("headers_max", limits.head.headers_max.to_string()),
        ("target_bytes_max", kib(limits.head.target_bytes_max as u64)),
        ("body_bytes_max", kib(limits.body_bytes_max)),
        ("unread_body_bytes_max", kib(limits.unread_body_bytes_max)),
        ("head_time", seconds(limits.head_time)),
        ("idle_time", seconds(limits.idle_time)),
        ("body_progress_time", seconds(limits.body_progress_time)),
        (
            "body_progress_bytes_min",
            kib(limits.body_progress_bytes_min),
        ),
        ("handler_time", seconds(limits.handler_time)),
        ("grace_time", seconds(limits.grace_time)),
        ("write_time", seconds(limits.write_time)),
        ("write_bytes_min", kib(limits.write_bytes_min)),
        ("requests_per_connection_max", "unlimited".to_owned()),
        ("connection_time", "1 h".to_owned()),
    ];
    assert_eq!(rows.len(), defaults.len());
    for (row, (name, default)) in rows.iter().zip(defaults) {
        assert_eq!(
            (row[1], row[2]),
            (format!("`{name}`").as_str(), default.as_str())
        );
    }
    assert_eq!(limits.requests_per_connection_max, None);
    assert_eq!(limits.connection_time, Duration::from_secs(3600));
}
