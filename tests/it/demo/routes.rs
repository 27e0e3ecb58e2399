//! Tests each route of the demo.

use ringlane_protocol::{BodyDecoder, BodyPart, Framing};

use super::Demo;

/// The status line and the body; every answer must bear a date and the server's name.
fn get(demo: &Demo, request_line: &str, more: &str) -> (String, String) {
    let request = format!("{request_line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}");
    let more_lines = if more.is_empty() { "\r\n" } else { "" };
    let answer = demo.exchange((request + more_lines).as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.contains("\r\nDate: ") && head.contains("\r\nServer: ringlane"),
        "{head}"
    );
    let status = head.lines().next().expect("a status line");
    (
        status.trim_start_matches("HTTP/1.1 ").to_owned(),
        body.to_owned(),
    )
}

#[track_caller]
fn check(demo: &Demo, request_line: &str, more: &str, status: &str, body: &str) {
    let (found_status, found_body) = get(demo, request_line, more);
    assert_eq!(
        (found_status.as_str(), found_body.as_str()),
        (status, body),
        "{request_line}"
    );
}

fn check_all(options: &[&str]) {
    let demo = Demo::start(options);
    check(&demo, "GET /plaintext", "", "200 OK", "Hello, World!");
    check(&demo, "HEAD /plaintext", "", "200 OK", "");
    check(
        &demo,
        "GET /json",
        "",
        "200 OK",
        r#"{"message":"Hello, World!"}"#,
    );
    check(&demo, "GET /users/42", "", "200 OK", "42");
    check(&demo, "GET /users/a%20b", "", "200 OK", "a b");
    check(&demo, "GET /nocontent", "", "204 No Content", "");
    let (status, health) = get(&demo, "GET /healthz", "");
    assert_eq!(status, "200 OK");
    assert!(health.starts_with(r#"{"status":"ok","#), "{health}");
    check(
        &demo,
        "GET /readyz",
        "",
        "200 OK",
        r#"{"status":"ready","checks":{}}"#,
    );
    check(&demo, "GET /pipeline", "", "200 OK", "ok");
    check(&demo, "GET /baseline11?a=13&b=42", "", "200 OK", "55");
    let post = "Content-Length: 2\r\n\r\n20";
    check(&demo, "POST /baseline11?a=13&b=42", post, "200 OK", "75");
    let chunked = "Transfer-Encoding: chunked\r\n\r\n1\r\n2\r\n1\r\n0\r\n0\r\n\r\n";
    check(&demo, "POST /baseline11?a=13&b=42", chunked, "200 OK", "75");
    check(
        &demo,
        "POST /upload",
        "Content-Length: 5\r\n\r\nabcde",
        "200 OK",
        "5",
    );
    check(
        &demo,
        "POST /echo",
        chunked,
        "200 OK",
        "2\r\n20\r\n0\r\n\r\n",
    );
    assert_eq!(get(&demo, "GET /ws", "").0, "426 Upgrade Required");
    assert_eq!(get(&demo, "GET /chat", "").0, "200 OK");
    assert_eq!(get(&demo, "GET /none", "").0, "404 Not Found");
    assert_eq!(
        get(&demo, "POST /plaintext", "Content-Length: 0\r\n\r\n").0,
        "405 Method Not Allowed"
    );
    assert_eq!(get(&demo, "BREW /plaintext", "").0, "501 Not Implemented");
    assert_eq!(
        get(&demo, "GET /baseline11?a=x&b=1", "").0,
        "400 Bad Request"
    );
    assert_eq!(get(&demo, "GET /users/%zz", "").0, "400 Bad Request");
    let (status, page) = get(&demo, "GET /", "");
    assert_eq!(status, "200 OK");
    assert!(
        page.contains("<title>Ringlane</title>") && page.contains("driver"),
        "{page}"
    );
}

#[test]
fn every_route_answers() {
    check_all(&[]);
}

#[test]
fn every_route_answers_over_epoll() {
    check_all(&["--driver", "epoll"]);
}

#[test]
fn a_body_beyond_the_limit_is_413_when_its_length_says_so() {
    let demo = Demo::start(&[]);
    let too_long = 16 * 1024 * 1024 + 1;
    let answer = demo.exchange(
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {too_long}\r\n\r\n").as_bytes(),
    );
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn an_echo_of_sixteen_mebibytes_comes_back_whole_and_one_byte_more_is_cut() {
    use std::io::{Read, Write};
    let demo = Demo::start(&[]);
    for (more, is_whole) in [(0, true), (1, false)] {
        let body = vec![b'x'; 16 * 1024 * 1024 + more];
        let mut sending = demo.connect();
        let mut receiving = sending.try_clone().expect("a second handle");
        let reader = std::thread::spawn(move || {
            let mut answer = Vec::new();
            let _ = receiving.read_to_end(&mut answer); // a reset ends it too
            answer
        });
        let head = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
            Transfer-Encoding: chunked\r\n\r\n";
        sending.write_all(head).expect("sent");
        for piece in body.chunks(64 * 1024) {
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            if sending.write_all(&chunk).is_err() {
                break; // it may be cut off while we send
            }
        }
        let _ = sending.write_all(b"0\r\n\r\n");
        let answer = reader.join().expect("read");
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert_eq!(answer.ends_with(b"\r\n0\r\n\r\n"), is_whole, "{more} more");
    }
}

/// Large pieces reach a handler in the memory that they were received in; each byte has its place.
#[track_caller]
fn check_large_echo(driver: &str) {
    use std::io::{Read, Write};
    let demo = Demo::start(&["--driver", driver]);
    let body: Vec<u8> = (0..1024 * 1024_u32).flat_map(u32::to_be_bytes).collect();
    // Chunks that end where no receive buffer does.
    for chunk_bytes in [body.len(), 50_001, 17_000] {
        let mut sending = demo.connect();
        let mut receiving = sending.try_clone().expect("a second handle");
        let reader = std::thread::spawn(move || {
            let mut answer = Vec::new();
            receiving.read_to_end(&mut answer).expect("all of it");
            answer
        });
        let mut request = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
            Transfer-Encoding: chunked\r\n\r\n"
            .to_vec();
        for piece in body.chunks(chunk_bytes) {
            request.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            request.extend([piece, b"\r\n"].concat());
        }
        request.extend(b"0\r\n\r\n");
        sending.write_all(&request).expect("sent");
        let answer = reader.join().expect("read");
        let mut windows = answer.windows(4);
        let head = windows
            .position(|bytes| bytes == b"\r\n\r\n")
            .expect("a head")
            + 4;
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let (mut at, mut found) = (head, Vec::<u8>::new());
        while !decoder.is_finished() {
            let step = decoder.decode(&answer[at..]).expect("well-formed");
            assert!(step.consumed > 0, "it was cut off");
            at += step.consumed;
            if let BodyPart::Data(data) = step.part {
                found.extend(data);
            }
        }
        assert!(
            found == body,
            "not what was sent in chunks of {chunk_bytes}"
        );
    }
}

#[test]
fn a_large_echo_is_what_was_sent() {
    check_large_echo("auto");
}

#[test]
fn a_large_echo_is_what_was_sent_over_epoll() {
    check_large_echo("epoll");
}

#[test]
fn an_upload_is_counted_and_not_kept() {
    use std::io::{Read, Write};
    let demo = Demo::start(&["--workers", "1"]);
    let mut stream = demo.connect();
    let mib = vec![b'x'; 1024 * 1024];
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        64 * mib.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    for _ in 0..64 {
        stream.write_all(&mib).expect("sent");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("\r\n\r\n67108864"), "{answer}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", demo.child.id()));
    let status = status.expect("a running process");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("the line");
    let kib: usize = peak
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .expect("a number");
    assert!(kib < 40 * 1024, "{kib} KiB for 64 MiB that pass through");
}
