//! Whatever ends a request, it is recorded; and what is recorded can be read.

use std::collections::HashSet;
use std::future::pending;
use std::time::Duration;

use super::Metrics;
use crate::testing::Client;
use crate::{Builder, Bytes, Context, Error, Limits, Result, Server, time};

fn routes(metrics: &Metrics) -> Builder {
    let limits = Limits::default().handler_time(Duration::from_secs(30));
    Server::builder()
        .limits(limits)
        .with(metrics.clone())
        .get("/", |_| "ok")
        .get("/metrics", metrics.page())
        .get("/error", |_: Context| -> Result {
            Err(Error::new(502, "no"))
        })
        .get("/panic", |_: Context| -> String { panic!("on purpose") })
        .get("/for-ever", async |_| pending::<()>().await)
        .get("/sleep/{millis}", async |ctx: Context| -> Result {
            time::sleep(Duration::from_millis(ctx.param("millis")?)).await;
            crate::ok()
        })
        .get("/stream", async |ctx: Context| -> Result {
            let mut stream = ctx.stream()?;
            stream.send(Bytes::from_static(b"streamed")).await?;
            time::sleep(Duration::from_millis(300)).await;
            stream.finish();
            crate::ok()
        })
}

#[test]
fn every_way_to_end_is_recorded() -> Result {
    let metrics = Metrics::new();
    let mut client = Client::new(routes(&metrics).build()?)?;
    for (path, status) in [
        ("/", 200),
        ("/nowhere", 404),
        ("/error", 502),
        ("/panic", 500),
        ("/for-ever", 503),
        ("/stream", 200),
    ] {
        assert_eq!(client.get(path).send()?.status(), status, "{path}");
    }
    let leaving = client.connect();
    leaving.send("GET /for-ever HTTP/1.1\r\nHost: a\r\n\r\n");
    client.run(Duration::ZERO)?;
    assert_eq!(metrics.snapshot().requests, 6, "it has not ended yet");
    leaving.finish();
    client.run(Duration::ZERO)?;
    let snapshot = metrics.snapshot();
    assert_eq!(snapshot.requests, 7);
    assert_eq!(snapshot.by_class, [0, 2, 0, 2, 3]);
    assert_eq!(snapshot.errors, 3);
    let ended_early = [snapshot.panicked, snapshot.timed_out, snapshot.client_gone];
    assert_eq!(ended_early, [1, 1, 1]);
    assert!((snapshot.error_rate - 300.0 / 7.0).abs() < 1e-9);
    assert!(snapshot.max >= Duration::from_secs(30));
    Ok(())
}

#[test]
fn what_a_shutdown_cuts_off_is_an_error_of_ours_and_no_client_that_has_left() -> Result {
    let metrics = Metrics::new();
    let mut client = Client::new(routes(&metrics).build()?)?;
    let waiting = client.connect();
    waiting.send("GET /for-ever HTTP/1.1\r\nHost: a\r\n\r\n");
    client.run(Duration::ZERO)?;
    drop(client);
    let snapshot = metrics.snapshot();
    assert_eq!((snapshot.shut_down, snapshot.client_gone), (1, 0));
    assert_eq!((snapshot.requests, snapshot.errors), (1, 1));
    Ok(())
}

#[test]
fn times_are_those_of_the_requests() -> Result {
    let metrics = Metrics::new();
    let mut client = Client::new(routes(&metrics).build()?)?;
    for millis in 1..=100 {
        client.get(&format!("/sleep/{millis}")).send()?;
    }
    let snapshot = metrics.snapshot();
    let near = |time: Duration, millis: f64| {
        let ours = time.as_secs_f64() * 1000.0;
        (millis..millis * 1.01 + 0.1).contains(&ours)
    };
    assert!(near(snapshot.p50, 50.0), "{snapshot:?}");
    assert!(near(snapshot.p90, 90.0), "{snapshot:?}");
    assert!(near(snapshot.p99, 99.0), "{snapshot:?}");
    assert!(near(snapshot.p999, 100.0), "{snapshot:?}");
    assert!(near(snapshot.max, 100.0), "{snapshot:?}");
    assert!(near(snapshot.mean, 50.5), "{snapshot:?}");
    let json = serde_json::to_value(snapshot)?;
    assert_eq!(json["requests"], 100);
    assert!(
        json["p50_ms"]
            .as_f64()
            .is_some_and(|p50| (50.0..51.0).contains(&p50))
    );
    Ok(())
}

#[test]
fn cores_are_merged_and_any_thread_reads() -> Result {
    let metrics = Metrics::new();
    let before = time::now();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let server = routes(&metrics).build();
            std::thread::spawn(move || -> Result {
                let mut client = Client::new(server?)?;
                for _ in 0..250 {
                    client.get("/").send()?;
                }
                crate::ok()
            })
        })
        .collect();
    for thread in threads {
        let ended = thread.join().expect("no assertion failed");
        assert!(ended.is_ok());
    }
    let snapshot = metrics.snapshot();
    assert_eq!((snapshot.requests, snapshot.errors), (1000, 0));
    assert!(snapshot.elapsed >= before.elapsed().saturating_sub(Duration::from_secs(60)));
    assert!(snapshot.rate > 0.0);
    Ok(())
}

/// Every sample line of the page, as its name with labels, and its value.
fn samples(page: &str) -> Vec<(&str, f64)> {
    let mut described = HashSet::new();
    let mut samples = Vec::new();
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.split(' ').skip(1);
            described.insert(words.next().expect("a name"));
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        let plain = name.split('{').next().expect("a name");
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
            plain
                .strip_suffix(end)
                .filter(|base| described.contains(base))
        });
        assert!(
            described.contains(base.unwrap_or(plain)),
            "{line} is not described"
        );
        assert!(plain.starts_with("ringlane_"), "{line}");
        samples.push((name, value.parse().expect("a number")));
    }
    samples
}

#[test]
fn the_page_is_what_prometheus_reads() -> Result {
    let metrics = Metrics::new();
    let mut client = Client::new(routes(&metrics).build()?)?;
    for path in ["/", "/sleep/20", "/sleep/200", "/error", "/panic"] {
        client.get(path).send()?;
    }
    let answer = client.get("/metrics").send()?;
    let content_type = answer.header("content-type");
    assert_eq!(
        content_type,
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let page = answer.text();
    let samples = samples(page);
    let value = |name: &str| {
        let found = samples.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("no {name} in\n{page}")).1
    };
    let times = |rest: &str| value(&format!("ringlane_request_duration_seconds{rest}"));
    assert_eq!(value("ringlane_requests_total{status=\"2xx\"}"), 3.0);
    assert_eq!(value("ringlane_requests_total{status=\"5xx\"}"), 2.0);
    assert_eq!(
        value("ringlane_requests_ended_early_total{how=\"panicked\"}"),
        1.0
    );
    assert_eq!(times("_bucket{le=\"0.01\"}"), 3.0);
    assert_eq!(times("_bucket{le=\"0.1\"}"), 4.0);
    assert_eq!(times("_bucket{le=\"+Inf\"}"), 5.0);
    assert_eq!(times("_count"), 5.0);
    assert!((0.22..0.23).contains(&times("_sum")), "{page}");
    assert_eq!(value("ringlane_ready"), 1.0);
    assert_eq!(value("ringlane_panics_total{core=\"0\"}"), 1.0);
    assert!(value("ringlane_connections_accepted_total{core=\"0\"}") >= 6.0);
    Ok(())
}
