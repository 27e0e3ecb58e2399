//! Conversations over a simulated connection, written down as what is sent and what comes back.

mod answers;
mod application_errors;
mod bodies;
mod deadlines;
mod endings;
mod errors;
mod evictions;
mod forms;
mod preface;
mod questions;
mod refusals;
mod requests;
mod streams;

use std::time::Duration;

use ringlane_protocol::{BodyDecoder, BodyPart, Framing};

use crate::testing::{Client, Connection};
use crate::{Builder, Server};

const SECOND: Duration = Duration::from_secs(1);

/// One connection to a server.
struct Talk {
    client: Client,
    connection: Connection,
    received: Vec<u8>,
}

impl Talk {
    fn with(builder: Builder) -> Self {
        let server = builder.build().expect("the test's server is well-formed");
        let mut client = Client::new(server).expect("a core is free for the test");
        let connection = client.connect();
        client.run(Duration::ZERO).expect("the core runs");
        Self {
            client,
            connection,
            received: Vec::new(),
        }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.connection.send(bytes);
        self.pass(Duration::ZERO)
    }

    fn finish(&mut self) -> &mut Self {
        self.connection.finish();
        self.pass(Duration::ZERO)
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.client.run(time).expect("the core runs");
        self.received.extend(self.connection.read());
        self
    }

    /// What has come, in words, and whether the connection is over.
    fn heard(&self) -> String {
        let mut words = outline(&self.received);
        if self.connection.is_finished() {
            words.push("end".to_owned());
        }
        words.join(" | ")
    }

    #[track_caller]
    fn expect(&mut self, expected: &str) -> &mut Self {
        assert_eq!(self.heard(), expected);
        self.received.clear();
        self
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

/// Each answer as its status, `close` if it says so, and its body; a long one of `x` is counted.
fn outline(mut bytes: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes = &bytes[end + 4..];
        let mut word = head[9..12].to_owned();
        if header(&head, "connection").is_some_and(|value| value == "close") {
            word.push_str(" close");
        }
        let framing = match (
            header(&head, "transfer-encoding"),
            header(&head, "content-length"),
        ) {
            (Some(_), _) => Framing::Chunked,
            (None, Some(length)) => Framing::Length(length.parse().expect("a length")),
            (None, None) => Framing::None,
        };
        let (body, whole) = take_body(framing, &mut bytes);
        if body.len() > 100 && body.chars().all(|one| one == 'x') {
            word.push_str(&format!(" {} x", body.len()));
        } else if !body.is_empty() {
            word.push(' ');
            word.push_str(&body);
        }
        if !whole {
            word.push_str(" (cut)");
        }
        words.push(word);
    }
    if !bytes.is_empty() {
        words.push(format!("rest {:?}", String::from_utf8_lossy(bytes)));
    }
    words
}

fn take_body(framing: Framing, bytes: &mut &[u8]) -> (String, bool) {
    let mut decoder = BodyDecoder::new(framing);
    let mut body = Vec::new();
    loop {
        let step = decoder.decode(bytes).expect("a well-formed body");
        *bytes = &bytes[step.consumed..];
        match step.part {
            BodyPart::Data(data) => body.extend_from_slice(data),
            BodyPart::NeedMore | BodyPart::End => break,
        }
    }
    (
        String::from_utf8_lossy(&body).into_owned(),
        decoder.is_finished(),
    )
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then(|| value.to_owned())
    })
}

/// Says `input` on a new connection and expects what comes back at once. The answer may not depend
/// on how the network cuts the bytes.
#[track_caller]
fn check(server: impl Fn() -> Builder, input: &str, expected: &str) {
    Talk::with(server()).send(input).expect(expected);
    let mut slowly = Talk::with(server());
    for byte in input.as_bytes() {
        slowly.send([*byte]);
    }
    slowly.expect(expected);
}

fn server() -> Builder {
    Server::builder()
}
