//! Tests the memory of a client that follows a topic.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::sockets::check_memory;

/// Opens a stream whose head has come.
fn follow(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).expect("an answer");
        assert!(count > 0, "the server has closed");
        head.extend_from_slice(&bytes[..count]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"), "a stream");
    stream
}

#[test]
fn an_idle_stream_of_a_topic_holds_little() {
    check_memory("/news", 640, follow);
}
