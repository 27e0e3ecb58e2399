//! Tests the demo's event stream of metrics, and replay after a reconnect.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use ringlane_tests::browser::Browser;
use serde_json::Value;

use super::Demo;

/// Connects to `/events`, and reads until so many events have come; gives their ids and data.
fn events(demo: &Demo, header: &str, count: usize) -> Vec<(String, Value)> {
    let mut stream = demo.connect();
    let request = format!("GET /events HTTP/1.0\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    loop {
        let data = |block: &str| -> Option<(String, Value)> {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            assert!(!block.contains("event: gap"), "{block}");
            let value = serde_json::from_str(field("data: ")?).expect("JSON");
            Some((field("id: ")?.to_owned(), value))
        };
        let (blocks, _) = answer.rsplit_once("\n\n").unwrap_or_default();
        let all: Vec<_> = blocks.split("\n\n").filter_map(data).collect();
        if all.len() >= count {
            return all;
        }
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).expect("an event each second");
        assert!(read > 0, "the server has closed: {answer}");
        answer.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}

#[test]
fn metrics_are_real_and_go_on_where_they_were_cut_off() {
    let demo = Demo::start(&["--workers", "2"]);
    let first = events(&demo, "", 2);
    let (id, last) = &first[1];
    let number = |value: &Value, name: &str| value[name].as_f64();
    assert!(number(last, "memory_bytes") > Some(1_000_000.0), "{last}");
    assert!(number(last, "connections") >= Some(1.0), "{last}");
    assert!(number(last, "requests") >= Some(1.0), "{last}");
    let more = events(&demo, &format!("Last-Event-ID: {id}\r\n"), 2);
    let parse = |id: &str| -> u64 {
        let (_, number) = id.split_once(':').expect("an epoch and a number");
        number.parse().expect("a number")
    };
    assert_eq!(parse(&more[0].0), parse(id) + 1);
    assert!(number(&more[0].1, "cpu_percent").is_some(), "{}", more[0].1);
}

/// Follows the stream in the page, and asks for something else all the time, so that there is
/// something to measure.
const FOLLOW: &str = r#"
    window.seen = [];
    const stream = new EventSource("/events");
    stream.addEventListener("metrics", (event) => {
        seen.push({ id: event.lastEventId, ...JSON.parse(event.data) });
    });
    const ask = () => fetch("/json").finally(() => setTimeout(ask, 1));
    ask();
"#;

#[test]
fn a_browser_gets_metrics_once_a_second() {
    const EVENTS: usize = 4;
    let demo = Demo::start(&["--workers", "2"]);
    let browser = Browser::start();
    browser.go_to(&format!("http://{}/plaintext", demo.address));
    let started = Instant::now();
    browser.run(FOLLOW);
    browser.wait_until(&format!("seen.length >= {EVENTS}"));
    // Nothing is measured before the first visit.
    let least = Duration::from_secs(EVENTS as u64 - 1);
    assert!(started.elapsed() >= least, "{:?}", started.elapsed());
    // The first ones may have come before there was work to be seen.
    browser.wait_until("seen.some((metrics) => metrics.cpu_percent > 0)");
    browser.wait_until("seen.at(-1).requests > seen[0].requests");

    let seen: Vec<Value> = serde_json::from_value(browser.run("return seen")).expect("events");
    let processors = std::thread::available_parallelism().expect("a count");
    for (index, metrics) in seen.iter().enumerate() {
        let number = |name: &str| metrics[name].as_f64().unwrap_or(-1.0);
        let id = metrics["id"].as_str().unwrap_or_default();
        assert!(id.ends_with(&format!(":{}", index + 1)), "{metrics}");
        let cpu_max = 110.0 * processors.get() as f64; // clocks are not exact
        let cpu = metrics["cpu_percent"].as_f64();
        // It takes two samples, and one may be shown twice.
        let is_early = index < 2 && metrics["cpu_percent"].is_null();
        assert!(
            is_early || cpu.is_some_and(|cpu| (0.0..=cpu_max).contains(&cpu)),
            "{metrics}"
        );
        // A server takes a megabyte at least; more than 16 GiB this one never does.
        assert!((1e6..16e9).contains(&number("memory_bytes")), "{metrics}");
        assert!(number("connections") >= 1.0, "{metrics}");
        assert!(number("requests") >= 1.0, "{metrics}");
    }
}
