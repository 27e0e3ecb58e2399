//! The stream of metrics: real numbers, and what was missed when its client comes back.

use std::io::{Read, Write};

use super::Demo;

/// Connects to `/events`, and reads until so many events have come; gives their ids and data.
fn events(demo: &Demo, header: &str, count: usize) -> Vec<(String, serde_json::Value)> {
    let mut stream = demo.connect();
    let request = format!("GET /events HTTP/1.0\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    loop {
        let data = |block: &str| -> Option<(String, serde_json::Value)> {
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
    let number = |value: &serde_json::Value, name: &str| value[name].as_f64();
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
