//! Coded streams: piece by piece, whole or seen to be cut, and what comes behind them.

use ringlane_protocol::{BodyDecoder, BodyPart, Framing};

use super::*;
use crate::coding::decoded_so_far;
use crate::testing::Connection;
use crate::{ResponseStream, time};

const SECOND: Duration = Duration::from_secs(1);
const EVENTS: usize = 20;

fn event(number: usize) -> String {
    format!("id: {number}\ndata: {}\n\n", plain(number * 37 % 500))
}

async fn flood(mut stream: ResponseStream) -> Result {
    for _ in 0..1000 {
        stream.send(vec![b'x'; 20_000]).await?;
    }
    stream.finish();
    Ok(())
}

fn routes() -> Builder {
    Server::builder()
        .with(Compression::new())
        .get("/events", async |ctx: Context| -> Result {
            let mut stream = ctx.set_content_type("text/event-stream").stream()?;
            for number in 0..EVENTS {
                stream.send(event(number)).await?;
                time::sleep(SECOND).await;
            }
            Ok(())
        })
        .get("/flood", async |ctx: Context| flood(ctx.stream()?).await)
        .get("/beside", |ctx: Context| -> Result {
            crate::spawn(flood(ctx.stream()?));
            Ok(())
        })
        .get("/lingering", async |ctx: Context| -> Result {
            let mut stream = ctx.stream()?;
            stream.send("all there is").await?;
            stream.finish();
            time::sleep(100 * SECOND).await;
            Ok(())
        })
        .get("/empty", async |ctx: Context| -> Result {
            ctx.stream()?.finish();
            Ok(())
        })
        .get("/large", async |ctx: Context| -> Result {
            ctx.stream()?.send(vec![b'x'; 5_000_000]).await
        })
        .get("/cut/{how}", async |ctx: Context| -> Result {
            let mut stream = ctx.stream()?;
            stream.send(plain(LENGTH)).await?;
            time::sleep(SECOND).await;
            stream.send("more").await?;
            match ctx.param_text("how") {
                Some("panic") => panic!("in the middle"),
                Some("timeout") => time::timeout(SECOND, std::future::pending::<()>()).await?,
                _ => return Err(Error::new(500, "too late")),
            }
            Ok(())
        })
        .get("/sized/{missing}", async |ctx: Context| -> Result {
            let missing: usize = ctx.param("missing")?;
            let mut stream = ctx
                .set_content_type("text/plain")
                .sized_stream(LENGTH as u64)?;
            stream.send(plain(LENGTH - missing)).await
        })
        .get("/image", async |ctx: Context| -> Result {
            let mut stream = ctx.set_content_type("image/png").stream()?;
            stream.send(plain(LENGTH)).await
        })
        .get("/whole", |ctx: Context| ctx.text(plain(LENGTH)))
        .get("/long", |ctx: Context| ctx.text(plain(1_000_000)))
        .get("/short", |_| "short")
}

fn request(path: &str, accepted: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accepted}\r\n\r\n")
}

/// A connection, and what has come over it.
struct Line {
    client: Client,
    connection: Connection,
    received: Vec<u8>,
}

/// One answer as far as it has come.
struct Part {
    head: String,
    body: Vec<u8>,
    is_whole: bool,
}

impl Line {
    fn new() -> Self {
        let mut client = client(routes());
        let connection = client.connect();
        client.run(Duration::ZERO).expect("the core runs");
        Self {
            client,
            connection,
            received: Vec::new(),
        }
    }

    fn send(&mut self, text: &str) -> &mut Self {
        self.connection.send(text);
        self.pass(Duration::ZERO)
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.client.run(time).expect("the core runs");
        self.received.extend(self.connection.read());
        self
    }

    /// All answers so far, in order.
    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut bytes = &self.received[..];
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end + 2]).to_lowercase();
            bytes = &bytes[end + 4..];
            let length = head.split_once("content-length: ").map(|(_, rest)| rest);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            let mut decoder = BodyDecoder::new(match length {
                Some(length) => Framing::Length(length),
                None => Framing::Chunked,
            });
            let mut body = Vec::new();
            loop {
                let step = decoder.decode(bytes).expect("well-formed chunks");
                bytes = &bytes[step.consumed..];
                match step.part {
                    BodyPart::Data(data) => body.extend_from_slice(data),
                    BodyPart::NeedMore | BodyPart::End => break,
                }
            }
            let is_whole = decoder.is_finished();
            parts.push(Part {
                head,
                body,
                is_whole,
            });
        }
        assert!(
            bytes.is_empty(),
            "{} bytes behind the last answer",
            bytes.len()
        );
        parts
    }
}

impl Part {
    fn read(&self) -> Vec<u8> {
        let named = |coding: &&Coding| {
            let line = format!("\r\ncontent-encoding: {coding}\r\n");
            self.head.contains(&line)
        };
        match Coding::ALL.iter().find(named) {
            Some(coding) => decoded(*coding, &self.body).expect("well-formed data"),
            None => self.body.clone(),
        }
    }
}

#[test]
fn each_event_can_be_read_before_the_next_is_sent() {
    for &coding in Coding::ALL {
        let mut line = Line::new();
        line.send(&request("/events", coding.name()));
        let mut expected = String::new();
        for number in 0..EVENTS {
            expected.push_str(&event(number));
            let parts = line.parts();
            let [part] = &parts[..] else {
                panic!("{} answers", parts.len());
            };
            assert!(!part.is_whole);
            let so_far = decoded_so_far(coding, &part.body);
            assert_eq!(String::from_utf8_lossy(&so_far), expected, "{coding}");
            line.pass(SECOND);
        }
        let parts = line.parts();
        assert!(parts[0].is_whole);
        assert!(parts[0].head.contains("\r\nvary: accept-encoding\r\n"));
        assert!(parts[0].head.contains("\r\ntransfer-encoding: chunked\r\n"));
        assert_eq!(parts[0].read(), expected.as_bytes());
        assert!(parts[0].body.len() < expected.len() / 2, "{coding}");
    }
}

#[test]
fn requests_behind_coded_answers_are_answered() {
    let paths = [
        "/whole", "/short", "/long", "/empty", "/large", "/whole", "/image", "/short",
    ];
    for &coding in Coding::ALL {
        let mut line = Line::new();
        let all: String = paths
            .iter()
            .map(|path| request(path, coding.name()))
            .collect();
        line.send(&all);
        line.send(&request("/short", "").repeat(2));
        let parts = line.parts();
        let lengths = [LENGTH, 5, 1_000_000, 0, 5_000_000, LENGTH, LENGTH, 5, 5, 5];
        assert_eq!(parts.len(), lengths.len(), "{coding}");
        for (part, length) in parts.iter().zip(lengths) {
            assert!(part.is_whole);
            assert_eq!(part.read().len(), length, "{coding} {}", part.head);
        }
        assert!(!parts[6].head.contains("content-encoding"), "an image");
        assert!(
            parts[3].head.contains("content-encoding"),
            "a stream of unknown length"
        );
    }
}

#[test]
fn a_stream_that_fails_is_seen_to_be_cut() {
    for &coding in Coding::ALL {
        for how in ["panic", "timeout", "error"] {
            let mut line = Line::new();
            line.send(&request(&format!("/cut/{how}"), coding.name()));
            line.pass(10 * SECOND);
            let parts = line.parts();
            assert!(!parts[0].is_whole, "{coding} {how}: it has a last chunk");
            assert!(
                decoded(coding, &parts[0].body).is_err(),
                "{coding} {how}: it has an end"
            );
            let so_far = decoded_so_far(coding, &parts[0].body);
            assert!(so_far.starts_with(plain(LENGTH).as_bytes()));
            assert!(line.connection.is_finished());
        }
    }
}

#[test]
fn whoever_sends_faster_than_the_client_reads_has_to_wait() {
    for path in ["/flood", "/beside"] {
        for &coding in Coding::ALL {
            let mut line = Line::new();
            line.connection.pause(true);
            line.send(&request(path, coding.name()));
            line.connection.pause(false);
            line.pass(Duration::ZERO);
            line.send(&request("/short", ""));
            let parts = line.parts();
            assert_eq!(parts.len(), 2);
            let read = parts[0].read();
            assert!(
                parts[0].is_whole && read.len() == 20_000_000,
                "{coding} {path}"
            );
            assert!(read.iter().all(|byte| *byte == b'x'));
        }
    }
}

#[test]
fn a_client_that_leaves_ends_the_stream() {
    let mut line = Line::new();
    line.send(&request("/events", "gzip"));
    line.connection.finish();
    line.pass(10 * SECOND);
    assert!(line.connection.is_finished());
    assert!(!line.parts()[0].is_whole);
    assert_eq!(line.client.connections(), 0);
}

#[test]
fn a_client_that_sends_nothing_more_gets_its_long_answer() {
    for length in ["/long", "/whole"] {
        let mut line = Line::new();
        line.connection.send(request(length, "gzip"));
        line.connection.finish();
        line.pass(SECOND);
        let parts = line.parts();
        assert!(parts[0].is_whole && line.connection.is_finished());
        assert!([LENGTH, 1_000_000].contains(&parts[0].read().len()));
    }
}

#[test]
fn a_handler_that_goes_on_behind_its_stream_holds_nothing_back() {
    for &coding in Coding::ALL {
        let mut line = Line::new();
        line.send(&request("/lingering", coding.name()));
        let so_far = decoded_so_far(coding, &line.parts()[0].body);
        assert_eq!(so_far, b"all there is");
        line.pass(101 * SECOND);
        assert!(line.parts()[0].is_whole);
    }
}

#[test]
fn old_clients_read_until_the_end() {
    for path in ["/flood", "/long"] {
        let mut line = Line::new();
        line.send(&format!(
            "GET {path} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n"
        ));
        assert!(line.connection.is_finished());
        let end = line
            .received
            .windows(4)
            .position(|four| four == b"\r\n\r\n");
        let body = &line.received[end.expect("a head") + 4..];
        let length = decoded(Coding::Gzip, body).expect("well-formed data").len();
        assert!([20_000_000, 1_000_000].contains(&length), "{length}");
    }
}

#[test]
fn a_stream_of_known_length_loses_it_to_its_coding() {
    for accepted in ["gzip", "zstd", "br", "deflate"] {
        let mut line = Line::new();
        line.send(&request("/sized/0", accepted));
        line.send(&request("/short", "identity"));
        let parts = line.parts();
        assert_eq!(parts.len(), 2, "{accepted}");
        assert!(
            parts[0].is_whole && !parts[0].head.contains("content-length"),
            "{accepted}"
        );
        let coding = parts[0]
            .head
            .split_once("content-encoding: ")
            .map(|(_, rest)| rest);
        assert!(
            coding.is_some_and(|rest| rest.starts_with(accepted)),
            "{accepted}"
        );
        assert!(parts[0].body.len() < LENGTH, "{accepted}");
        assert_eq!(parts[1].body, b"short");
    }
    let mut line = Line::new();
    line.send(&request("/sized/0", "identity"));
    let parts = line.parts();
    assert!(
        parts[0]
            .head
            .contains(&format!("content-length: {LENGTH}\r\n"))
    );
    assert_eq!(parts[0].body, plain(LENGTH).as_bytes());
}
