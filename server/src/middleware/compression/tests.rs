//! Answers as clients get them, coded and not.

mod streams;

use std::time::Duration;

use super::{Coding, Compression};
use crate::coding::decoded;
use crate::testing::{Answer, Client};
use crate::{Builder, Bytes, Context, Error, Method, Result, Server, StatusCode};

/// Long enough to be coded by default, and short enough to be coded at once.
const LENGTH: usize = 5000;

fn plain(length: usize) -> String {
    let mut text = "the quick brown fox jumps over the lazy dog. ".repeat(length / 45 + 1);
    text.truncate(length);
    text
}

fn client(server: Builder) -> Client {
    let server = server.build().expect("the routes are well-formed");
    Client::new(server).expect("a core is free for the test")
}

/// A server that answers with so many bytes of text.
fn sized(compression: Compression) -> Client {
    let server = Server::builder().with(compression);
    client(server.get("/{length}", |ctx: Context| -> Result {
        ctx.text(plain(ctx.param("length")?));
        Ok(())
    }))
}

fn ask(client: &mut Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(method, path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().expect("an answer")
}

fn get(client: &mut Client, path: &str, accepted: &str) -> Answer {
    ask(client, Method::GET, path, &[("Accept-Encoding", accepted)])
}

/// What the client reads in an answer.
fn read(answer: &Answer) -> Vec<u8> {
    match answer.header("content-encoding") {
        None => answer.bytes().to_vec(),
        Some(name) => {
            let coding = Coding::named(name.as_bytes()).expect("a coding of ours");
            decoded(coding, answer.bytes()).expect("well-formed data")
        }
    }
}

/// The coding and what the answer varies by.
fn kind(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (answer.header("content-encoding"), answer.header("vary"))
}

const VARIES: Option<&str> = Some("Accept-Encoding");

#[test]
fn each_coding_arrives() {
    let mut client = sized(Compression::new());
    let path = format!("/{LENGTH}");
    for &coding in Coding::ALL {
        for _ in 0..2 {
            let answer = get(&mut client, &path, coding.name());
            assert_eq!(kind(&answer), (Some(coding.name()), VARIES));
            assert!(answer.bytes().len() < LENGTH / 10, "{coding}");
            let length = answer.bytes().len().to_string();
            assert_eq!(answer.header("content-length"), Some(&*length));
            assert_eq!(
                answer.header("content-type"),
                Some("text/plain; charset=utf-8")
            );
            assert_eq!(read(&answer), plain(LENGTH).as_bytes());
        }
    }
    // What is chosen for one request says nothing about the next.
    let answer = ask(&mut client, Method::GET, &path, &[]);
    assert_eq!(kind(&answer), (None, VARIES));
    assert_eq!(answer.bytes().len(), LENGTH);
}

#[test]
fn the_minimum_counts_and_one_less_does_not() {
    let mut client = sized(Compression::new().bytes_min(100));
    for (length, expected) in [
        (0, (None, None)),
        (99, (None, None)),
        (100, (Some("gzip"), VARIES)),
        (101, (Some("gzip"), VARIES)),
    ] {
        let answer = get(&mut client, &format!("/{length}"), "gzip");
        assert_eq!(kind(&answer), expected, "{length}");
        assert_eq!(read(&answer), plain(length).as_bytes());
    }
    let mut client = sized(Compression::new());
    assert_eq!(kind(&get(&mut client, "/1023", "gzip")), (None, None));
    assert_eq!(kind(&get(&mut client, "/1024", "gzip")).0, Some("gzip"));
}

#[test]
fn a_long_answer_is_coded_while_it_is_sent() {
    let mut client = sized(Compression::new());
    for &coding in Coding::ALL {
        for (length, is_whole) in [
            (128 * 1024, true),
            (128 * 1024 + 1, false),
            (1_000_000, false),
            (3_000_000, false),
        ] {
            let answer = get(&mut client, &format!("/{length}"), coding.name());
            assert_eq!(kind(&answer), (Some(coding.name()), VARIES), "{length}");
            assert_eq!(answer.header("content-length").is_some(), is_whole);
            assert_eq!(answer.header("transfer-encoding").is_none(), is_whole);
            assert!(
                read(&answer) == plain(length).as_bytes(),
                "{coding} {length}"
            );
        }
    }
}

#[test]
fn head_gets_the_head_of_get() {
    let server = Server::builder()
        .with(Compression::new())
        .get("/{length:[0-9]+}", |ctx: Context| -> Result {
            ctx.set_header("ETag", "\"1\"");
            ctx.text(plain(ctx.param("length")?));
            Ok(())
        })
        .get("/stream", async |ctx: Context| -> Result {
            ctx.stream()?.send("piece").await
        })
        .get("/image", |ctx: Context| {
            ctx.set_content_type("image/png").text(plain(LENGTH));
        });
    let mut client = client(server);
    for path in [
        "/10", "/5000", "/131072", "/131073", "/stream", "/image", "/none",
    ] {
        for accepted in ["gzip", "br;q=0", "identity;q=0, deflate"] {
            let fields = [("Accept-Encoding", accepted)];
            let of_get = ask(&mut client, Method::GET, path, &fields);
            let of_head = ask(&mut client, Method::HEAD, path, &fields);
            assert_eq!(of_get.status(), of_head.status());
            let fields = |answer: &Answer| -> Vec<(String, String)> {
                let fields = answer.headers().filter(|(name, _)| *name != "Date");
                fields
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect()
            };
            assert_eq!(fields(&of_get), fields(&of_head), "{path} {accepted}");
            assert!(of_head.bytes().is_empty());
        }
    }
}

#[test]
fn what_is_bound_to_its_bytes_stays_as_it_is() {
    let rows: &[(u16, &str, &str)] = &[
        (200, "Content-Type", "image/png"),
        (200, "Content-Type", "font/woff2"),
        (200, "content-type", "Application/ZIP; x=y"),
        (200, "Content-Encoding", "compress"),
        (200, "Content-Encoding", "identity"),
        (200, "Cache-Control", "public, No-Transform , max-age=1"),
        (200, "Accept-Ranges", "bytes"),
        (206, "Content-Range", "bytes 0-4999/5000"),
        (206, "X-None", "-"),
        (200, "Content-Digest", "sha-256=:AA==:"),
        (200, "Repr-Digest", "sha-256=:AA==:"),
    ];
    for &(status, name, value) in rows {
        let server = Server::builder()
            .with(Compression::new())
            .get("/", move |ctx: Context| {
                ctx.set_status(status)
                    .set_header(name, value)
                    .text(plain(LENGTH));
            });
        let answer = get(&mut client(server), "/", "gzip");
        assert_eq!(answer.status(), status);
        assert_eq!(answer.text(), plain(LENGTH), "{name}: {value}");
        assert_eq!(answer.header(name), Some(value));
        assert_eq!(answer.header("vary"), None, "{name}: {value}");
    }
}

#[test]
fn what_only_looks_bound_is_coded() {
    for (status, name, value) in [
        (200, "Accept-Ranges", "none"),
        (200, "Cache-Control", "no-store"),
        (201, "Content-Type", "application/json"),
        (404, "Content-Type", "image/svg+xml"),
        (500, "X-None", "-"),
    ] {
        let server = Server::builder()
            .with(Compression::new())
            .get("/", move |ctx: Context| {
                ctx.set_status(status)
                    .set_header(name, value)
                    .text(plain(LENGTH));
            });
        let answer = get(&mut client(server), "/", "gzip");
        assert_eq!(answer.status(), status);
        assert_eq!(kind(&answer), (Some("gzip"), VARIES), "{name}: {value}");
    }
}

#[test]
fn answers_without_content_stay_so() {
    for status in [204, 205, 304] {
        let server = Server::builder()
            .with(Compression::new())
            .get("/text", move |ctx: Context| {
                ctx.set_status(status).text(plain(LENGTH));
            })
            .get("/empty", move |ctx: Context| {
                ctx.set_status(status);
            });
        let mut client = client(server);
        for path in ["/text", "/empty"] {
            let answer = get(&mut client, path, "gzip");
            assert_eq!(answer.status(), status);
            // RFC 9110 §15.4.5: a 304 has the `Vary` of the answer that it stands for.
            let vary = if status == 304 { VARIES } else { None };
            assert_eq!(kind(&answer), (None, vary), "{status} {path}");
            assert!(answer.bytes().is_empty());
        }
    }
}

#[test]
fn vary_is_merged_and_said_once() {
    for (set, expected) in [
        (&["Origin"][..], &["Origin, Accept-Encoding"][..]),
        (&["Origin, accept-encoding"], &["Origin, accept-encoding"]),
        (&["ACCEPT-ENCODING"], &["ACCEPT-ENCODING"]),
        (
            &["Accept-Encoding-X"],
            &["Accept-Encoding-X, Accept-Encoding"],
        ),
        (&["*"], &["*"]),
        (
            &["Origin", "Cookie"],
            &["Origin", "Cookie, Accept-Encoding"],
        ),
        (
            &["Accept-Encoding", "Cookie"],
            &["Accept-Encoding", "Cookie"],
        ),
    ] {
        let server = Server::builder()
            .with(Compression::new())
            .get("/", move |ctx: Context| {
                for value in set {
                    ctx.add_header("Vary", value);
                }
                ctx.set_header("X-Last", "last").text(plain(LENGTH));
            });
        let mut client = client(server);
        for accepted in ["gzip", ""] {
            let answer = get(&mut client, "/", accepted);
            let said = answer.headers().filter(|(name, _)| *name == "Vary");
            let said: Vec<&str> = said.map(|(_, value)| value).collect();
            assert_eq!(said, expected, "{set:?} {accepted:?}");
            assert_eq!(answer.header("X-Last"), Some("last"));
            assert_eq!(read(&answer), plain(LENGTH).as_bytes());
        }
    }
}

#[test]
fn a_strong_tag_becomes_weak_on_what_is_coded() {
    let server = Server::builder()
        .with(Compression::new())
        .get("/", |ctx: Context| {
            let tag: String = ctx.query("tag")?;
            ctx.set_header("ETag", format!("{tag}\"1\""));
            if ctx
                .header("If-None-Match")
                .is_some_and(|known| known.contains("\"1\""))
            {
                ctx.set_status(304);
            } else {
                ctx.text(plain(LENGTH));
            }
            crate::ok()
        });
    let mut client = client(server);
    for (path, known, accepted, expected) in [
        ("/?tag=", "", "gzip", "W/\"1\""), // RFC 9110 §8.8.1
        ("/?tag=", "", "", "\"1\""),
        ("/?tag=W/", "", "gzip", "W/\"1\""),
        // A 304 names the answer that the client has (RFC 9111 §4.3.4).
        ("/?tag=", "\"0\", W/\"1\"", "gzip", "W/\"1\""),
        ("/?tag=", "\"1\"", "gzip", "\"1\""),
        ("/?tag=", "W/\"1\"", "", "\"1\""),
    ] {
        let mut fields = vec![("Accept-Encoding", accepted)];
        fields.extend((!known.is_empty()).then_some(("If-None-Match", known)));
        let answer = ask(&mut client, Method::GET, path, &fields);
        assert_eq!(answer.status(), if known.is_empty() { 200 } else { 304 });
        assert_eq!(
            answer.header("etag"),
            Some(expected),
            "{path} {known} {accepted}"
        );
    }
}

#[test]
fn whoever_refuses_plain_answers_gets_coded_ones_or_406() {
    let server = Server::builder()
        .with(Compression::new())
        .get("/short", |_| "short")
        .get("/image", |ctx: Context| {
            ctx.set_content_type("image/png").text("png")
        })
        .get("/panic", |_: Context| -> String {
            panic!("nobody calls this")
        });
    let mut client = client(server);
    for (path, text) in [("/short", "short"), ("/image", "png")] {
        let answer = get(&mut client, path, "gzip, identity;q=0");
        assert_eq!(kind(&answer), (Some("gzip"), VARIES), "{path}");
        assert_eq!(read(&answer), text.as_bytes());
    }
    for accepted in ["identity;q=0", "*;q=0", "compress, *;q=0"] {
        let answer = get(&mut client, "/panic", accepted);
        assert_eq!(answer.status(), StatusCode::NOT_ACCEPTABLE, "{accepted}");
        let both = Some("Accept-Encoding, Accept");
        assert_eq!(kind(&answer), (None, both));
    }
}

#[test]
fn what_would_grow_is_sent_as_it_is() {
    let mut state = 1_u32;
    let noise: Bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(LENGTH)
    .collect();
    let expected = noise.clone();
    let server = Server::builder()
        .with(Compression::new())
        .get("/", move |ctx: Context| ctx.bytes(noise.clone()));
    let mut client = client(server);
    for &coding in Coding::ALL {
        let answer = get(&mut client, "/", coding.name());
        assert_eq!(kind(&answer), (None, VARIES), "{coding}");
        assert_eq!(answer.bytes(), expected);
        let forced = format!("{coding}, identity;q=0");
        let answer = get(&mut client, "/", &forced);
        assert_eq!(kind(&answer), (Some(coding.name()), VARIES));
        assert_eq!(read(&answer), expected);
    }
}

#[test]
fn what_is_set_is_what_is_used() {
    let mut only = sized(Compression::new().codings([Coding::Deflate, Coding::Gzip]));
    let answer = get(&mut only, "/5000", "gzip, deflate, br, zstd");
    assert_eq!(kind(&answer).0, Some("deflate"));
    let mut none = sized(Compression::new().codings([]));
    assert_eq!(kind(&get(&mut none, "/5000", "gzip")).0, None);
    let mut texts = sized(Compression::new().media_types(|media_type| media_type == "text/css"));
    assert_eq!(kind(&get(&mut texts, "/5000", "gzip")), (None, None));
    // A level is what it says, whether set before the codings or behind them; beyond the greatest
    // it is the greatest.
    let length = |compression: Compression| {
        let answer = get(&mut sized(compression), "/200000", "gzip");
        answer.bytes().len()
    };
    let gzip = || Compression::new().codings([Coding::Gzip]);
    let least = length(gzip().level(Coding::Gzip, 1));
    let most = length(gzip().level(Coding::Gzip, 9));
    assert!(least > most, "{least} {most}");
    assert_eq!(length(gzip().level(Coding::Gzip, 0)), least);
    assert_eq!(length(gzip().level(Coding::Gzip, 200)), most);
    let before = Compression::new().level(Coding::Gzip, 1);
    assert_eq!(length(before.codings([Coding::Gzip])), least);
}

#[test]
fn errors_and_mistakes_are_answered_as_ever() {
    let server = Server::builder()
        .with(Compression::new().bytes_min(1))
        .get("/error", |_: Context| -> Result {
            Err(Error::new(409, plain(300)))
        })
        .get("/panic", |ctx: Context| {
            ctx.set_header("Content-Encoding", "br").text(plain(LENGTH));
            panic!("on purpose")
        })
        .get("/mistake", |ctx: Context| {
            ctx.set_header("X-A", "a\r\nb").text(plain(LENGTH));
        })
        .get("/late", async |ctx: Context| {
            crate::time::sleep(Duration::from_secs(100)).await;
            ctx.text(plain(LENGTH));
        });
    let mut client = client(server);
    for (path, status, text) in [
        ("/error", 409, &plain(300)[..]),
        ("/panic", 500, "internal server error"),
        ("/mistake", 500, "internal server error"),
        ("/late", 503, "the request took too long"),
        ("/none", 404, "no such path"),
    ] {
        let answer = get(&mut client, path, "gzip");
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(read(&answer), text.as_bytes(), "{path}");
    }
}
