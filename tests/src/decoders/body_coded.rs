//! No body in a content coding makes a server panic or answer other than with the body or a
//! refusal, and whether it is refused does not depend on how it was cut.
//!
//! Why it is refused may: of two flaws the one is seen first that comes first.

use std::cell::RefCell;
use std::time::Duration;

use ringlane::middleware::{Coding, Decompression};
use ringlane::testing::Client;
use ringlane::{Context, Limits, Server};

/// What a handler reads at most.
const LIMIT: u64 = 100_000;

thread_local! {
    static CLIENT: RefCell<Client> = RefCell::new(client());
}

/// Takes the first byte as a choice of codings, the second as a cut, the rest as a body so coded
/// (RFC 9110 §8.4).
///
/// # Panics
///
/// If the server breaks a promise.
///
/// ```
/// ringlane_tests::decoders::body_coded(b"\x00\x00no gzip");
/// ```
pub fn body_coded(input: &[u8]) {
    let [codings, cut, body @ ..] = input else {
        return;
    };
    let names = names((*codings).into());
    let cut = usize::from(*cut).min(body.len());
    let whole = ask(&names, &[body]);
    assert!(["200", "400", "413"].contains(&&whole[9..12]), "{whole}");
    let in_two = ask(&names, &[&body[..cut], &body[cut..]]);
    assert_eq!(is_read(&in_two), is_read(&whole), "cut at {cut}: {in_two}");
    assert!(
        !is_read(&whole) || in_two == whole,
        "cut at {cut}: {in_two}"
    );
}

fn is_read(answer: &str) -> bool {
    &answer[9..12] == "200"
}

/// One to three codings, chosen by a number.
fn names(mut choice: usize) -> String {
    let all = Coding::ALL;
    let mut names = Vec::new();
    for _ in 0..=choice % 3 {
        names.push(all[choice / 3 % all.len()].name());
        choice /= all.len();
    }
    names.join(", ")
}

fn client() -> Client {
    let server = Server::builder()
        .limits(Limits::default().body_bytes_max(LIMIT))
        .server_name(None)
        .with(Decompression::new().ratio_max(u32::MAX))
        .post("/", async |ctx: Context| -> ringlane::Result<String> {
            let length = ctx.body().bytes().await?.len();
            assert!(length as u64 <= LIMIT);
            Ok(length.to_string())
        })
        .build()
        .expect("the server is well-formed");
    Client::new(server).expect("a core is free")
}

/// The answer to a body that comes in these pieces, without what changes with the time.
fn ask(names: &str, pieces: &[&[u8]]) -> String {
    CLIENT.with_borrow_mut(|client| {
        let connection = client.connect();
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        connection.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {names}\r\n\
             Content-Length: {length}\r\n\r\n"
        ));
        for piece in pieces {
            connection.send(piece);
            client.run(Duration::ZERO).expect("the core runs");
        }
        let answer = String::from_utf8(connection.read()).expect("answers are text");
        let lines = answer.lines().filter(|line| !line.starts_with("Date: "));
        lines.collect::<Vec<_>>().join("\n")
    })
}
