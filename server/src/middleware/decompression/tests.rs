//! Bodies in content codings, as handlers read them and as clients are answered.

use std::io::Write;
use std::time::Duration;

use super::{Coding, Decompression};
use crate::coding::Encoder;
use crate::middleware::BodyLimit;
use crate::testing::{Client, Connection};
use crate::{Builder, Context, Limits, Result, Server};

/// What the routes may read.
const LIMIT: usize = 1_000_000;

async fn whole(ctx: Context) -> Result<String> {
    let body = ctx.body();
    assert_eq!(body.declared_len(), None);
    summary(&body.bytes().await?)
}

async fn pieces(ctx: Context) -> Result<String> {
    let mut body = ctx.body();
    let mut all = Vec::new();
    while let Some(piece) = body.chunk().await? {
        assert!((1..=16 * 1024).contains(&piece.len()));
        all.extend_from_slice(&piece);
    }
    assert_eq!(body.chunk().await?, None);
    summary(&all)
}

/// A short body as it is, and of a long one what tells it from others.
fn summary(bytes: &[u8]) -> Result<String> {
    if bytes.len() < 100 {
        return Ok(String::from_utf8(bytes.to_vec())?);
    }
    Ok(format!("{} bytes, sum {}", bytes.len(), sum(bytes)))
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    })
}

fn routes() -> Builder {
    let limits = Limits::default().body_bytes_max(LIMIT as u64);
    Server::builder()
        .limits(limits)
        .with(Decompression::new())
        .post("/whole", whole)
        .post("/pieces", pieces)
        .post("/plain", async |ctx: Context| -> Result<String> {
            let body = ctx.body();
            Ok(format!("{:?}", body.declared_len()))
        })
        .post("/ignored", |_| "ignored")
        .post("/json", async |ctx: Context| -> Result<String> {
            let numbers: Vec<u32> = ctx.body().json().await?;
            Ok(numbers.len().to_string())
        })
}

fn encoded(coding: Coding, plain: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding, 6, None).expect("memory");
    let mut data = Vec::new();
    encoder.push(plain, &mut data).expect("it goes on");
    encoder.finish(&mut data).expect("it ends");
    data
}

fn plain(length: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < length {
        write!(text, "line {} of many, ", text.len() * 7919).expect("memory");
    }
    text.truncate(length);
    text
}

/// One connection to the server.
struct Talk {
    client: Client,
    connection: Connection,
}

impl Talk {
    fn with(builder: Builder) -> Self {
        let server = builder.build().expect("the routes are well-formed");
        let mut client = Client::new(server).expect("a core is free for the test");
        let connection = client.connect();
        client.run(Duration::ZERO).expect("the core runs");
        Self { client, connection }
    }

    /// Sends bytes and gives what comes back: each answer's status, `close`, and its body.
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.connection.send(bytes);
        self.client.run(Duration::ZERO).expect("the core runs");
        let text = String::from_utf8(self.connection.read()).expect("answers in text");
        let mut words = Vec::new();
        let mut rest = &text[..];
        while let Some((head, behind)) = rest.split_once("\r\n\r\n") {
            let length = head.split_once("Content-Length: ").map(|(_, rest)| rest);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            let (body, next) = behind.split_at(length.expect("answers have a length"));
            let close = if head.contains("\r\nConnection: close") {
                " close"
            } else {
                ""
            };
            words.push(format!("{}{close} {body}", &head[9..12]));
            rest = next;
        }
        assert_eq!(rest, "");
        if self.connection.is_finished() {
            words.push("end".into());
        }
        words.join(" | ")
    }
}

fn with_length(path: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn in_chunks(path: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    for piece in body.chunks(1000) {
        write!(bytes, "{:x}\r\n", piece.len()).expect("memory");
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn both_forms(path: &str, coding: &str, body: &[u8]) -> [Vec<u8>; 2] {
    [
        with_length(path, coding, body),
        in_chunks(path, coding, body),
    ]
}

const NEXT: &str = "POST /ignored HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn bodies_are_read_as_they_were_meant() {
    for &coding in Coding::ALL {
        let mut talk = Talk::with(routes());
        for length in [
            0, 1, 99, 100, 16_384, 16_385, 65_536, 65_537, 500_000, LIMIT,
        ] {
            let plain = plain(length);
            let expected = format!("200 {}", summary(&plain).expect("text"));
            let data = encoded(coding, &plain);
            for path in ["/whole", "/pieces"] {
                for request in both_forms(path, coding.name(), &data) {
                    assert_eq!(talk.send(&request), expected, "{coding} {path} {length}");
                }
            }
        }
        // The next request begins behind the body.
        let request = with_length("/whole", coding.name(), &encoded(coding, b"hello"));
        let twice = [&request[..], &request, NEXT.as_bytes()].concat();
        assert_eq!(talk.send(twice), "200 hello | 200 hello | 200 ignored");
    }
}

#[test]
fn the_cut_does_not_matter() {
    for &coding in Coding::ALL {
        let data = encoded(coding, b"hello, hello, hello");
        for path in ["/whole", "/pieces"] {
            for request in both_forms(path, coding.name(), &data) {
                let mut talk = Talk::with(routes());
                for cut in 0..request.len() {
                    let early = talk.send(&request[..cut]);
                    let answer = early + &talk.send(&request[cut..]);
                    assert_eq!(answer, "200 hello, hello, hello", "{coding} {path} {cut}");
                }
            }
        }
    }
}

#[test]
fn codings_may_be_stacked_up_to_three() {
    let mut talk = Talk::with(routes());
    let mut names = Vec::new();
    let mut data = b"hello".to_vec();
    for count in 1..=4 {
        let coding = Coding::ALL[count % Coding::ALL.len()];
        data = encoded(coding, &data);
        names.push(coding.name());
        let expected = match count {
            1..=3 => "200 hello",
            _ => "415 the body has too many content codings",
        };
        assert_eq!(
            talk.send(with_length("/whole", &names.join(", "), &data)),
            expected
        );
        // As several fields it is the same list (RFC 9110 §5.3).
        let fields = names.join("\r\nContent-Encoding: ");
        assert_eq!(talk.send(with_length("/pieces", &fields, &data)), expected);
    }
}

#[test]
fn names_come_in_any_case_and_identity_is_none() {
    let mut talk = Talk::with(routes());
    let data = encoded(Coding::Gzip, b"hello");
    for name in [
        "GZIP",
        "x-gzip",
        " gzip ,",
        "identity, gzip",
        "gzip,Identity",
    ] {
        assert_eq!(
            talk.send(with_length("/whole", name, &data)),
            "200 hello",
            "{name}"
        );
    }
    assert_eq!(
        talk.send(with_length("/plain", "identity", b"hello")),
        "200 Some(5)"
    );
    assert_eq!(
        talk.send(with_length("/plain", "", b"hello")),
        "200 Some(5)"
    );
    assert_eq!(talk.send(with_length("/plain", "gzip", &data)), "200 None");
}

#[test]
fn json_is_decoded_first() {
    let data = encoded(Coding::Deflate, b"[1, 2, 3]");
    let kind = "deflate\r\nContent-Type: application/json";
    let mut talk = Talk::with(routes());
    assert_eq!(talk.send(with_length("/json", kind, &data)), "200 3");
}

#[test]
fn unknown_codings_are_refused_with_those_that_are_known() {
    for coding in [
        "compress",
        "gzip, rot13",
        "rot13, gzip",
        "br2",
        "*",
        "gzip;q=1",
    ] {
        let mut talk = Talk::with(routes());
        let expected = "415 the body's content coding is not supported";
        for path in ["/whole", "/ignored"] {
            let request = with_length(path, coding, b"hello");
            let both = [&request[..], NEXT.as_bytes()].concat();
            assert_eq!(
                talk.send(both),
                format!("{expected} | 200 ignored"),
                "{coding}"
            );
        }
    }
    // RFC 9110 §12.5.3.
    let server = routes().build().expect("the routes are well-formed");
    let mut client = Client::new(server).expect("a core is free for the test");
    let request = client.post("/whole").header("Content-Encoding", "compress");
    let answer = request.body("hello").send().expect("an answer");
    let names: Vec<&str> = Coding::ALL.iter().map(|coding| coding.name()).collect();
    assert_eq!(answer.header("accept-encoding"), Some(&*names.join(", ")));
    // Without a body there is nothing that could not be understood.
    let request = client
        .post("/ignored")
        .header("Content-Encoding", "compress");
    assert_eq!(request.send().expect("an answer").status(), 200);
}

#[test]
fn only_the_codings_that_are_set_are_known() {
    let only = Decompression::new().codings([Coding::Deflate]);
    let server = Server::builder().with(only).post("/", whole);
    let mut talk = Talk::with(server);
    let data = encoded(Coding::Deflate, b"hello");
    assert_eq!(talk.send(with_length("/", "deflate", &data)), "200 hello");
    let data = encoded(Coding::Gzip, b"hello");
    assert_eq!(
        talk.send(with_length("/", "gzip", &data)),
        "415 the body's content coding is not supported"
    );
}

#[test]
fn what_is_malformed_or_ends_early_is_the_clients_mistake() {
    for &coding in Coding::ALL {
        let data = encoded(coding, &plain(5000));
        let expected = format!("400 the body is not valid {coding} data");
        let cut = &data[..data.len() - 1];
        let longer = [&data[..], b"!"].concat();
        for body in [&b"hello, world"[..], cut, &longer] {
            for path in ["/whole", "/pieces"] {
                for request in both_forms(path, coding.name(), body) {
                    let mut talk = Talk::with(routes());
                    let both = [&request[..], NEXT.as_bytes()].concat();
                    assert_eq!(talk.send(both), format!("{expected} | 200 ignored"));
                }
            }
        }
    }
}

#[test]
fn the_limit_is_for_what_is_read() {
    for &coding in Coding::ALL {
        let data = encoded(coding, &plain(LIMIT + 1));
        assert!(data.len() < LIMIT / 2, "{coding}");
        for path in ["/whole", "/pieces"] {
            for request in both_forms(path, coding.name(), &data) {
                let mut talk = Talk::with(routes());
                let answer = talk.send([&request[..], NEXT.as_bytes()].concat());
                let expected = "413 the body is too large | 200 ignored";
                assert_eq!(answer, expected, "{coding} {path}");
            }
        }
    }
}

#[test]
fn a_bomb_is_refused() {
    for &coding in Coding::ALL {
        let limit = BodyLimit::new(1 << 40);
        let server = || {
            let patient = Decompression::new().ratio_max(u32::MAX);
            let routes = |path, layer: Decompression| {
                Server::builder().with(limit).with(layer).post(path, pieces)
            };
            (routes("/", Decompression::new()), routes("/", patient))
        };
        let bomb = encoded(coding, &vec![b'x'; 20_000_000]);
        let (strict, patient) = server();
        let answer = Talk::with(strict).send(with_length("/", coding.name(), &bomb));
        assert_eq!(answer, "413 the body expands too much", "{coding}");
        let answer = Talk::with(patient).send(with_length("/", coding.name(), &bomb));
        assert!(
            answer.starts_with("200 20000000 bytes"),
            "{coding} {answer}"
        );
    }
}

#[test]
fn encoded_data_may_be_longer_than_the_limit_by_a_little() {
    // Ten bytes, and what a coding adds to them.
    let server = || {
        let limits = Limits::default().body_bytes_max(10);
        Server::builder()
            .limits(limits)
            .with(Decompression::new())
            .post("/", whole)
    };
    let head = |length: usize| {
        format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    for &coding in Coding::ALL {
        let ten = with_length("/", coding.name(), &encoded(coding, b"0123456789"));
        assert_eq!(Talk::with(server()).send(ten), "200 0123456789", "{coding}");
        let eleven = with_length("/", coding.name(), &encoded(coding, b"0123456789+"));
        assert_eq!(
            Talk::with(server()).send(eleven),
            "413 the body is too large"
        );
    }
    // A sixteenth and 1 KiB: beyond that it is not even read.
    assert_eq!(Talk::with(server()).send(head(10 + 1024)), "");
    let answer = Talk::with(server()).send(head(10 + 1024 + 1));
    assert_eq!(answer, "413 the body is too large");
    // Data that comes to nothing ends there as well.
    let members = encoded(Coding::Gzip, b"").repeat(100);
    let answer = Talk::with(server()).send(in_chunks("/", "gzip", &members));
    assert_eq!(answer, "413 the body is too large");
}

#[test]
fn a_handler_that_reads_slowly_holds_its_client_back() {
    async fn slow(ctx: Context) -> Result<String> {
        let mut body = ctx.body();
        let mut count = 0;
        while let Some(piece) = body.chunk().await? {
            count += piece.len();
            crate::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(count.to_string())
    }
    for &coding in Coding::ALL {
        let mut talk = Talk::with(routes().post("/slow", slow));
        let data = encoded(coding, &plain(LIMIT));
        let early = talk.send(in_chunks("/slow", coding.name(), &data));
        talk.client
            .run(Duration::from_secs(10))
            .expect("the core runs");
        let answer = early + &talk.send("");
        assert_eq!(answer, format!("200 {LIMIT}"), "{coding}");
    }
}

#[test]
fn two_layers_decode_once() {
    let server = Server::builder()
        .with(Decompression::new())
        .with(Decompression::new())
        .post("/", whole);
    let data = encoded(Coding::Gzip, b"hello");
    assert_eq!(
        Talk::with(server).send(with_length("/", "gzip", &data)),
        "200 hello"
    );
}
