//! What the two routes say of servers in every phase, with checks of every kind.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::Health;
use crate::blocking::tests::Held;
use crate::testing::{Answer, Client};
use crate::{Error, Result, Server, time};

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    serde_json::from_str(answer.text()).expect("JSON")
}

#[test]
fn liveness_shows_real_numbers_that_move() -> Result {
    let health = Health::new().details(true);
    let server = Server::builder().with(health).get("/", |_| "ok");
    let mut client = Client::new(server.build()?)?;
    let first = client.get("/healthz").send()?;
    assert_eq!(first.status(), 200);
    let first = json(&first);
    assert_eq!(first["status"], "ok");
    let held = first["process"]["memory_bytes"].as_u64().expect("memory");
    let all = first["system"]["memory_bytes"].as_u64().expect("memory");
    assert!(0 < held && held < all, "{first}");
    assert!(first["system"]["cpus"].as_u64() >= Some(1), "{first}");
    assert!(first["timestamp"].as_u64() > Some(0), "{first}");
    assert_eq!(first["connections"]["total"], 1, "{first}");
    let held = client.connect();
    held.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    client.run(Duration::from_secs(7))?;
    let second = json(&client.get("/healthz").send()?);
    // A request is counted when its core has looked at all that came with it: itself perhaps not.
    let requests = second["requests"].as_u64().expect("a number");
    assert!((4..=5).contains(&requests), "{second}");
    assert!(
        second["connections"]["active"].as_u64() >= Some(1),
        "{second}"
    );
    assert_eq!(second["connections"]["total"], 3, "{second}");
    let uptime = |report: &Value| report["uptime_seconds"].as_f64().expect("a number");
    assert!(uptime(&second) >= uptime(&first) + 7.0, "{second}");
    let cores = second["cores"].as_array().expect("a list");
    assert_eq!(cores.len(), 1);
    assert_eq!(cores[0]["accepted"], 3);
    Ok(())
}

#[test]
fn readiness_is_what_the_checks_say() -> Result {
    let health = Health::new()
        .check_time(Duration::from_secs(3))
        .check("fine", async || Ok::<_, Error>(()))
        .check("slow", async || {
            time::sleep(Duration::from_secs(2)).await;
            Ok::<_, Error>(())
        });
    let ask = |health: Health| -> Result<(u16, Value)> {
        let mut client = Client::new(Server::builder().with(health).build()?)?;
        let answer = client.get("/readyz").send()?;
        Ok((answer.status().as_u16(), json(&answer)))
    };
    let (status, report) = ask(health)?;
    assert_eq!(status, 200, "{report}");
    assert_eq!(report["status"], "ready");
    assert_eq!(report["checks"]["slow"], "ok");
    let health = Health::new()
        .check("fine", async || Ok::<_, Error>(()))
        .check("failing", async || Err::<(), _>("the password is 1234"))
        .check("panicking", async || -> Result<(), &str> {
            panic!("on purpose")
        })
        .check("for ever", async || pending::<Result<(), &str>>().await)
        .check("later", async || pending::<Result<(), &str>>().await);
    let (status, report) = ask(health)?;
    assert_eq!(status, 503, "{report}");
    assert_eq!(report["status"], "failing");
    for (name, word) in [
        ("fine", "ok"),
        ("failing", "failed"),
        ("panicking", "failed"),
        ("for ever", "timed out"),
        ("later", "timed out"),
    ] {
        assert_eq!(report["checks"][name], word, "{report}");
    }
    assert!(!report.to_string().contains("1234"), "{report}");
    Ok(())
}

#[test]
fn liveness_says_no_more_unless_asked() -> Result {
    let mut client = Client::new(Server::builder().with(Health::new()).build()?)?;
    let answer = client.get("/healthz").send()?;
    assert_eq!(answer.status(), 200);
    assert_eq!(json(&answer), serde_json::json!({ "status": "ok" }));
    Ok(())
}

/// Handlers that keep all their threads keep no answer about the server's health.
#[test]
fn health_waits_for_no_handler() -> Result {
    let held = Held::begin(crate::BLOCKING_THREADS_MAX + 8);
    let server = Server::builder().with(Health::new().details(true));
    let mut client = Client::new(server.build()?)?;
    let live = json(&client.get("/healthz").send()?);
    assert!(live["process"]["memory_bytes"].as_u64() > Some(0), "{live}");
    assert_eq!(client.get("/readyz").send()?.status(), 200);
    assert!(held.is_held());
    Ok(())
}

/// A run of a check counts while it is under way.
struct Under(Arc<AtomicU32>);

impl Drop for Under {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_check_runs_once_for_all_who_ask_and_ends_in_its_time() -> Result {
    let (under_way, runs) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (count, all) = (Arc::clone(&under_way), Arc::clone(&runs));
    let health = Health::new().check("endless", async move || {
        count.fetch_add(1, Ordering::SeqCst);
        all.fetch_add(1, Ordering::SeqCst);
        let _under = Under(Arc::clone(&count));
        pending::<Result<(), &str>>().await
    });
    let mut client = Client::new(Server::builder().with(health).build()?)?;
    let (leaving, staying) = (client.connect(), client.connect());
    for connection in [&leaving, &staying] {
        connection.send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    client.run(Duration::ZERO)?;
    assert_eq!(under_way.load(Ordering::SeqCst), 1);
    leaving.finish();
    client.run(Duration::from_secs(1))?;
    assert_eq!(
        under_way.load(Ordering::SeqCst),
        1,
        "one still waits for it"
    );
    client.run(Duration::from_secs(2))?;
    assert_eq!(
        under_way.load(Ordering::SeqCst),
        0,
        "it has run out of its time"
    );
    let answer = String::from_utf8_lossy(&staying.read()).into_owned();
    assert!(answer.contains(r#""endless":"timed out""#), "{answer}");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    Ok(())
}

#[test]
fn a_result_is_kept_for_a_moment() -> Result {
    for (fresh_time, expected) in [(Duration::from_millis(1500), 2), (Duration::ZERO, 4)] {
        let runs = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&runs);
        let health = Health::new()
            .fresh_time(fresh_time)
            .check("counted", async move || {
                count.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Error>(())
            });
        let mut client = Client::new(Server::builder().with(health).build()?)?;
        for _ in 0..2 {
            assert_eq!(client.get("/readyz").send()?.status(), 200);
            assert_eq!(client.get("/readyz").send()?.status(), 200);
            client.run(Duration::from_secs(2))?;
        }
        assert_eq!(runs.load(Ordering::SeqCst), expected, "{fresh_time:?}");
    }
    Ok(())
}

#[test]
fn a_server_that_drains_is_alive_and_not_ready() -> Result {
    let server = Server::builder().with(Health::new());
    let mut client = Client::new(server.build()?)?;
    let connection = client.connect();
    // Its second request is on its way when the core begins to drain.
    let ask = |path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    connection.send(ask("/readyz"));
    client.run(Duration::ZERO)?;
    let answer = String::from_utf8_lossy(&connection.read()).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    connection.send(ask("/readyz") + &ask("/healthz"));
    client.shut_down(Duration::from_secs(10));
    let _ended = client.run(Duration::ZERO);
    let answer = String::from_utf8_lossy(&connection.read()).into_owned();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains(r#"{"status":"draining","checks":{}}"#),
        "{answer}"
    );
    assert!(answer.contains(r#"{"status":"ok"}"#), "{answer}");
    Ok(())
}

#[test]
fn paths_can_be_others() -> Result {
    let health = Health::new().live_path("/live").ready_path("/{zone}/ready");
    let mut client = Client::new(Server::builder().with(health).build()?)?;
    for (path, status) in [("/live", 200), ("/a/ready", 200), ("/healthz", 404)] {
        assert_eq!(client.get(path).send()?.status(), status, "{path}");
    }
    Ok(())
}
