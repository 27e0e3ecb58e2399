//! A server's numbers move with what happens to it, and can be read from another thread.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use crate::testing::Client;
use crate::{Builder, Context, Result, Server, ServerPhase};

fn routes() -> Builder {
    Server::builder()
        .get("/", |_| "ok")
        .get("/panic", |_: Context| -> String { panic!("on purpose") })
}

#[test]
fn requests_and_connections_are_counted() -> Result {
    let server = routes().build()?;
    let vitals = Arc::clone(&server.app().vitals);
    let mut client = Client::new(server)?;
    let status = || vitals.status();
    let connection = client.connect();
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    client.run(Duration::from_secs(5))?;
    let now = status();
    assert_eq!(now.phase, ServerPhase::Ready);
    assert_eq!(now.uptime, Duration::from_secs(5));
    let [core] = now.cores[..] else {
        panic!("one core, not {}", now.cores.len())
    };
    assert_eq!((core.connections, core.accepted, core.requests), (1, 1, 3));
    connection.send("nonsense\r\n\r\n");
    let panicking = client.connect();
    panicking.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
    client.run(Duration::from_secs(10))?;
    let now = status();
    assert_eq!(now.sum(|core| core.connections), 0);
    assert_eq!(now.sum(|core| core.accepted), 2);
    assert_eq!(now.sum(|core| core.requests), 4);
    assert_eq!(now.sum(|core| core.heads_refused), 1);
    assert_eq!(now.sum(|core| core.panics), 1);
    client.shut_down(Duration::ZERO);
    assert_eq!(status().phase, ServerPhase::Draining);
    Ok(())
}

#[test]
fn every_core_of_a_running_server_is_seen() -> Result {
    let handle = routes().bind("127.0.0.1:0").workers(2).build()?.start()?;
    let address = handle.addresses().next().expect("it listens");
    for _ in 0..10 {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        assert!(answer.ends_with("ok"), "{answer}");
    }
    let status = handle.status();
    assert_eq!(status.cores.len(), 2);
    let numbers: Vec<usize> = status.cores.iter().map(|core| core.core).collect();
    assert_eq!(numbers, [0, 1]);
    assert_eq!(status.sum(|core| core.requests), 10);
    assert_eq!(status.phase, ServerPhase::Ready);
    let shutdown = handle.shutdown_handle();
    shutdown.withdraw();
    assert_eq!(handle.status().phase, ServerPhase::Withdrawn);
    shutdown.drain();
    assert_eq!(handle.status().phase, ServerPhase::Draining);
    handle.wait()
}
