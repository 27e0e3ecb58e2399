//! What the two routes say of servers in every phase, with checks of every kind.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::Health;
use crate::testing::{Answer, Client};
use crate::{Error, Result, Server, time};

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    serde_json::from_str(answer.text()).expect("JSON")
}

#[test]
fn liveness_shows_real_numbers_that_move() -> Result {
    let server = Server::builder().with(Health::new()).get("/", |_| "ok");
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
fn checks_end_with_whoever_asked() -> Result {
    struct Under(Arc<AtomicU32>);
    impl Drop for Under {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let under_way = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&under_way);
    let health = Health::new().check("endless", async move || {
        count.fetch_add(1, Ordering::SeqCst);
        let _under = Under(Arc::clone(&count));
        pending::<Result<(), &str>>().await
    });
    let mut client = Client::new(Server::builder().with(health).build()?)?;
    let leaving = client.connect();
    leaving.send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
    client.run(Duration::ZERO)?;
    assert_eq!(under_way.load(Ordering::SeqCst), 1);
    leaving.finish();
    client.run(Duration::ZERO)?;
    assert_eq!(under_way.load(Ordering::SeqCst), 0);
    assert_eq!(client.get("/readyz").send()?.status(), 503);
    client.run(Duration::ZERO)?;
    assert_eq!(under_way.load(Ordering::SeqCst), 0);
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
    assert!(answer.contains(r#"{"status":"ok","#), "{answer}");
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
