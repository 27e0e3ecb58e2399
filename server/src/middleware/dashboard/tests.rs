//! The dashboard shows what happens, to those who may see it, and measures only for them.

use std::time::Duration;

use serde_json::Value;

use super::sampler::ALONE_MAX;
use super::{Board, Dashboard};
use crate::testing::{Client, EventStream, Item};
use crate::{Builder, Context, Result, Server, TrailingSlash};

const SECOND: Duration = Duration::from_secs(1);

fn routes(dashboard: Dashboard) -> Builder {
    Server::builder()
        .with(dashboard)
        .get("/", |ctx: Context| ctx.text("ok"))
        .get("/panic", |_| -> &'static str { panic!("on purpose") })
}

/// The samples that came since the last call.
fn samples(stream: &mut EventStream) -> Result<Vec<Value>> {
    let sample = |item| match item {
        Item::Event(event) if event.event == "sample" => serde_json::from_str(&event.data).ok(),
        _ => None,
    };
    Ok(stream.read()?.into_iter().filter_map(sample).collect())
}

#[test]
fn others_find_nothing() -> Result {
    let paths = [
        "/_ringlane",
        "/_ringlane/",
        "/_ringlane/page.css",
        "/_ringlane/charts.js",
        "/_ringlane/page.js",
        "/_ringlane/icon.svg",
        "/_ringlane/about",
        "/_ringlane/events",
    ];
    let mut client = Client::new(routes(Dashboard::new()).build()?)?; // its peer is elsewhere
    for path in paths {
        let connection = client.connect();
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        client.run(Duration::ZERO)?;
        let answer = connection.read();
        assert!(answer.starts_with(b"HTTP/1.1 404 "), "{path}");
    }
    Ok(())
}

#[test]
fn the_page_may_load_what_this_server_sends_and_nothing_else() -> Result {
    let mut client = Client::new(routes(Dashboard::new().public(true)).build()?)?;
    for (path, content_type) in [
        ("/_ringlane/", "text/html; charset=utf-8"),
        ("/_ringlane/page.css", "text/css"),
        ("/_ringlane/charts.js", "text/javascript"),
        ("/_ringlane/page.js", "text/javascript"),
        ("/_ringlane/icon.svg", "image/svg+xml"),
    ] {
        let answer = client.get(path).send()?;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.header("Content-Type"), Some(content_type));
        let policy = answer.header("Content-Security-Policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        let text = answer.text();
        let foreign = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!foreign.contains("http"), "{path} names another server");
        let is_page = path == "/_ringlane/";
        assert!(
            !is_page || !text.contains(" style="),
            "the policy forbids it"
        );
    }
    let moved = client.get("/_ringlane").send()?;
    assert_eq!(moved.header("Location"), Some("/_ringlane/"));
    let about: Value = client.get("/_ringlane/about").send()?.json()?;
    assert_eq!(
        (&about["cores"], &about["driver"]),
        (&1.into(), &"simulated".into())
    );
    Ok(())
}

#[test]
fn each_second_is_told_with_what_happened_in_it() -> Result {
    let mut client = Client::new(routes(Dashboard::new().public(true)).build()?)?;
    let mut stream = client.get("/_ringlane/events").event_stream()?;
    client.run(SECOND / 2)?;
    for _ in 0..40 {
        client.get("/").send()?;
    }
    client.run(SECOND)?;
    let [sample] = &samples(&mut stream)?[..] else {
        panic!("one second has passed")
    };
    assert_eq!(sample["requests_per_second"], 40.0, "{sample}");
    assert_eq!(sample["cores"][0]["requests_per_second"], 40.0, "{sample}");
    assert!(sample["latency"]["p50"].is_number(), "{sample}");
    assert!(sample["memory_bytes"].is_number(), "{sample}");
    assert!(sample["cores"][0]["cpu_percent"].is_number(), "{sample}");
    client.run(SECOND)?;
    let [quiet] = &samples(&mut stream)?[..] else {
        panic!("another second has passed")
    };
    assert_eq!(quiet["requests_per_second"], 0.0, "{quiet}");
    assert_eq!(quiet["latency"], Value::Null, "{quiet}");
    // Whoever comes later sees both.
    let late = client.get("/_ringlane/events?last_event_id=none");
    let mut late = late.event_stream()?;
    client.run(SECOND / 4)?;
    assert_eq!(samples(&mut late)?, [sample.clone(), quiet.clone()]);
    Ok(())
}

#[test]
fn answers_are_told_by_class_with_errors_and_bytes() -> Result {
    let mut client = Client::new(routes(Dashboard::new().public(true)).build()?)?;
    let mut stream = client.get("/_ringlane/events").event_stream()?;
    client.run(SECOND / 2)?;
    for (path, count) in [("/", 5), ("/none", 3), ("/panic", 2), ("/_ringlane", 1)] {
        for _ in 0..count {
            client.get(path).send()?;
        }
    }
    client.request(crate::Method::HEAD, "/").send()?;
    client.run(SECOND)?;
    let [sample] = &samples(&mut stream)?[..] else {
        panic!("one second has passed")
    };
    let classes = serde_json::json!([0.0, 6.0, 1.0, 3.0, 2.0]);
    assert_eq!(sample["classes_per_second"], classes, "{sample}");
    assert_eq!(sample["errors_per_second"], 2.0, "{sample}");
    let errors = ["no such path".len() * 3, "internal server error".len() * 2];
    let bytes = 5 * "ok".len() + errors.iter().sum::<usize>();
    assert_eq!(sample["body_bytes_per_second"], bytes as f64, "{sample}");
    client.run(SECOND)?;
    let [quiet] = &samples(&mut stream)?[..] else {
        panic!("another second has passed")
    };
    assert_eq!(
        quiet["classes_per_second"],
        serde_json::json!([0.0, 0.0, 0.0, 0.0, 0.0])
    );
    Ok(())
}

#[test]
fn it_stands_under_every_policy_for_trailing_slashes() -> Result {
    for policy in [
        TrailingSlash::Strict,
        TrailingSlash::Ignore,
        TrailingSlash::Redirect,
    ] {
        let server = routes(Dashboard::new().public(true)).trailing_slash(policy);
        let mut client = Client::new(server.build()?)?;
        let moved = client.get("/_ringlane").send()?;
        assert_eq!(moved.header("Location"), Some("/_ringlane/"), "{policy:?}");
        let page = client.get("/_ringlane/").send()?;
        assert!(page.text().contains("<h1"), "{policy:?}");
        assert_eq!(client.get("/_ringlane/page.js").send()?.status(), 200);
        assert_eq!(client.get("/_ringlane/other").send()?.status(), 404);
    }
    Ok(())
}

/// An application may let its clients choose what they follow.
#[test]
fn no_other_route_leads_to_what_its_pages_follow() -> Result {
    let server = routes(Dashboard::new().public(true))
        .get("/follow/{topic}", |ctx: Context| -> Result {
            ctx.event_stream_of(&ctx.param::<String>("topic")?)
        });
    let topics = server.topics();
    let mut client = Client::new(server.build()?)?;
    let mut page = client.get("/_ringlane/events").event_stream()?;
    let mut other = client.get("/follow/_ringlane").event_stream()?;
    client.run(2 * SECOND)?;
    assert_eq!(samples(&mut page)?.len(), 2);
    assert_eq!(samples(&mut other)?.len(), 0);
    assert_eq!(topics.subscribers("_ringlane"), 1);
    Ok(())
}

#[test]
fn nothing_is_measured_unless_somebody_looks() -> Result {
    let mut client = Client::new(routes(Dashboard::new().public(true)).build()?)?;
    let stream = client.get("/_ringlane/events").event_stream()?;
    client.run(2 * SECOND)?;
    stream.connection().finish();
    client.run((ALONE_MAX + 3) * SECOND)?;
    // The next page sees that nothing was measured for a while, and then what is new.
    let mut later = client
        .get("/_ringlane/events?last_event_id=none")
        .event_stream()?;
    client.run(SECOND / 2)?;
    let before = samples(&mut later)?.len();
    assert!(before <= 2 + ALONE_MAX as usize + 1, "{before}");
    client.run(2 * SECOND)?;
    assert_eq!(samples(&mut later)?.len(), 2);
    Ok(())
}

#[test]
fn a_flag_that_is_down_leaves_no_histogram() -> Result {
    let board = std::sync::Arc::<Board>::default();
    let theirs = std::sync::Arc::clone(&board);
    let server = Server::builder()
        .after_on_core(move |core| Board::lay(&theirs, core))
        .get("/", |_| "ok")
        .build()?;
    let mut client = Client::new(server)?;
    client.get("/").send()?;
    let has_times = || {
        let lanes = board.lanes();
        let lane = lanes[0].as_ref().expect("one core");
        lane.times.get().is_some()
    };
    assert!(!has_times());
    board
        .is_watched
        .store(true, std::sync::atomic::Ordering::SeqCst);
    client.get("/").send()?;
    assert!(has_times());
    Ok(())
}
