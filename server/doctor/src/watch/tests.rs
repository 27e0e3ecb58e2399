//! What two samples of a faked machine say, and how that is shown.

use std::time::Duration;

use super::super::style::Style;
use super::super::tests::fake::Fake;
use super::rows::{CPUS_SHOWN, Row, State, between, json};
use super::sample::Sample;
use super::{Seen, block};

const SECOND: Duration = Duration::from_secs(1);
const PLAIN: Style = Style {
    width: 80,
    height: None,
    colour: false,
    redraws: false,
};

/// The rows between the machine as it is and as `change` leaves it, two seconds later.
fn rows(pid: Option<u32>, change: impl Fn(&Fake)) -> Vec<Row> {
    let fake = Fake::new();
    let before = Sample::read(&fake.machine(), pid);
    change(&fake);
    let after = Sample::read(&fake.machine(), pid);
    between(&before, &after, 2 * SECOND)
}

#[track_caller]
fn row<'a>(rows: &'a [Row], name: &str) -> &'a Row {
    let row = rows.iter().find(|row| row.name == name);
    row.unwrap_or_else(|| panic!("no row {name}: {rows:#?}"))
}

#[test]
fn a_machine_at_rest_hits_no_limit() {
    let rows = rows(None, |_| {});
    assert!(rows.iter().all(|row| row.state == State::Fine), "{rows:#?}");
    for name in [
        "accept queue overflows",
        "listen drops",
        "SYN cookies sent",
        "retransmits",
        "resets sent",
        "packet rounds cut short",
        "backlog drops",
        "TIME_WAIT",
        "TCP memory before pressure",
        "open files, system",
        "tracked connections",
        "memory in use",
        "CPU 0",
        "CPU 1",
    ] {
        row(&rows, name);
    }
}

#[test]
fn counters_become_rates_and_limits_are_named() {
    let rows = rows(None, |fake| {
        fake.set(
            "proc/net/netstat",
            "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPReqQFullDrop \
             TCPTimeWaitOverflow TCPMemoryPressures TCPAbortOnMemory\nTcpExt: 8 100 200 1 1 1 1\n",
        )
        .set(
            "proc/net/snmp",
            "Tcp: PassiveOpens CurrEstab OutSegs RetransSegs OutRsts EstabResets\n\
             Tcp: 1000000 12 6000 101 3 2\n",
        )
        .set(
            "proc/net/softnet_stat",
            "00100010 00000004 00000002\n00100000 00000000 00000001\n",
        );
    });
    let overflows = row(&rows, "accept queue overflows");
    assert_eq!((overflows.value, overflows.state), (50.0, State::Hit));
    assert_eq!(overflows.text, "50 per second");
    for name in [
        "listen drops",
        "SYN cookies sent",
        "SYN queue drops",
        "TIME_WAIT skipped",
        "TCP memory pressure",
        "backlog drops",
    ] {
        assert_eq!(row(&rows, name).state, State::Hit, "{name}");
    }
    assert_eq!(row(&rows, "packets handled").value, 8.0);
    assert_eq!(row(&rows, "packet rounds cut short").state, State::Near);
    let again = row(&rows, "retransmits");
    assert_eq!(again.state, State::Near);
    assert_eq!(again.text, "50 per second, 10.00 % of segments");
    assert_eq!(row(&rows, "resets sent").state, State::Fine);
}

#[test]
fn a_fill_is_near_from_80_percent_and_hit_from_95() {
    for (count, state) in [
        ("209715", State::Fine),
        ("209716", State::Near),
        ("249036", State::Near),
        ("249037", State::Hit),
    ] {
        let rows = rows(None, |fake| {
            fake.set(
                "proc/net/sockstat",
                format!("TCP: inuse 1 orphan 0 tw {count} alloc 1 mem 1\n"),
            );
        });
        assert_eq!(row(&rows, "TIME_WAIT").state, state, "{count}");
    }
}

#[test]
fn cpus_are_judged_by_their_times() {
    let rows = rows(None, |fake| {
        fake.set(
            "proc/stat",
            "cpu0 640 0 260 4000 0 0 100 0 0 0\ncpu1 500 0 250 4070 0 0 50 30 0 0\n",
        );
    });
    let first = row(&rows, "CPU 0");
    assert_eq!(first.state, State::Hit);
    assert!(first.text.contains("100 % busy: user 70"), "{}", first.text);
    assert_eq!(first.note, "all its time is used");
    let second = row(&rows, "CPU 1");
    assert!(second.text.ends_with("steal 30"), "{}", second.text);
    assert_eq!(second.note, "the host gives its time to others");
}

#[test]
fn of_very_many_cpus_the_busiest_are_shown() {
    let table = |busy: u64| -> String {
        let line = |cpu: u64| format!("cpu{cpu} {} 0 0 1000 0 0 0 0 0 0\n", busy * cpu);
        (0..=CPUS_SHOWN as u64).map(line).collect()
    };
    let fake = Fake::new();
    fake.set("proc/stat", table(0));
    let before = Sample::read(&fake.machine(), None);
    fake.set("proc/stat", table(10));
    let rows = between(&before, &Sample::read(&fake.machine(), None), SECOND);
    let shown: Vec<&str> = rows
        .iter()
        .filter(|row| row.name.starts_with("CPU"))
        .map(|row| row.name.as_str())
        .collect();
    assert_eq!(shown.len(), CPUS_SHOWN);
    assert!(
        !shown.contains(&"CPU 0"),
        "the idle one is left out: {shown:?}"
    );
    assert_eq!(shown.first(), Some(&"CPU 1"));
}

#[test]
fn a_process_is_watched_until_it_ends() {
    let start = |fake: &Fake| {
        fake.set("proc/77/limits", "Max open files 4 8 files\n")
            .set("proc/77/status", "VmRSS:\t2048 kB\n")
            .set("proc/77/fd/0", "")
            .set("proc/77/fd/1", "")
            .set("proc/77/fd/2", "")
            .set("proc/77/fd/3", "");
    };
    let full = rows(Some(77), start);
    let files = row(&full, "open files, process");
    assert_eq!(
        (files.text.as_str(), files.state),
        ("4 of 4, 100 %", State::Hit)
    );
    assert_eq!(row(&full, "memory, process").text, "2 MiB");
    let gone = rows(Some(77), |_| {});
    assert_eq!(row(&gone, "open files, process").text, "it has ended");
}

#[test]
fn nonsense_and_nothing_make_no_rows_and_no_panic() {
    let fake = Fake::new();
    let good = Sample::read(&fake.machine(), None);
    for path in fake.files() {
        fake.set(&path, "\u{0}18446744073709551615 nonsense: [");
    }
    let bad = Sample::read(&fake.machine(), Some(1));
    for (before, after) in [(&good, &bad), (&bad, &good), (&bad, &bad)] {
        let rows = between(before, after, Duration::ZERO);
        assert!(json(&rows, SECOND).is_ok());
        assert!(!block(&rows, SECOND, PLAIN).is_empty());
    }
    let nothing = Sample::default();
    assert!(between(&nothing, &nothing, SECOND).is_empty());
}

#[test]
fn counters_that_went_back_are_no_rate() {
    let fake = Fake::new();
    fake.set("proc/net/netstat", "TcpExt: ListenDrops\nTcpExt: 500\n");
    let before = Sample::read(&fake.machine(), None);
    fake.set("proc/net/netstat", "TcpExt: ListenDrops\nTcpExt: 3\n");
    let rows = between(&before, &Sample::read(&fake.machine(), None), SECOND);
    assert_eq!(row(&rows, "listen drops").value, 0.0);
}

#[test]
fn a_block_names_limits_in_words_and_a_terminal_is_written_over() {
    let rows = rows(None, |fake| {
        fake.set("proc/net/netstat", "TcpExt: ListenOverflows\nTcpExt: 5\n");
    });
    let text = block(&rows, SECOND, PLAIN);
    assert!(
        text.starts_with("ringlane doctor --watch, after 1.0 s\n"),
        "{text}"
    );
    assert!(
        text.contains("LIMIT HIT: a listener's queue is full"),
        "{text}"
    );
    assert!(text.ends_with("\n\n") && !text.contains('\x1b'));
    let redraws = Style {
        redraws: true,
        ..PLAIN
    };
    assert!(block(&rows, SECOND, redraws).starts_with("\x1b[H"));
}

#[test]
fn a_low_terminal_shows_what_is_not_fine() {
    let rows = rows(None, |fake| {
        fake.set("proc/net/netstat", "TcpExt: ListenOverflows\nTcpExt: 5\n");
    });
    let low = Style {
        height: Some(6),
        redraws: true,
        ..PLAIN
    };
    let text = block(&rows, SECOND, low);
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.contains("accept queue overflows"), "{text}");
    assert!(text.ends_with(&format!("and {} more that are fine\n", rows.len() - 3)));
}

#[test]
fn the_end_says_which_limits_were_hit() {
    let mut seen = Seen::default();
    assert_eq!(seen.summary(), "No limit was hit in 0 intervals.\n");
    let bad = rows(None, |fake| {
        fake.set("proc/net/netstat", "TcpExt: ListenDrops\nTcpExt: 5\n");
    });
    seen.note(&bad);
    seen.note(&rows(None, |_| {}));
    assert_eq!(
        seen.summary(),
        "Limits hit: listen drops (in 1 of 2 intervals).\n"
    );
}
