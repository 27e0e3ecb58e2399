//! What heads say of bodies, whatever was answered before on the same core.

use super::{Talk, server};
use crate::{Builder, Context, Error, Html, Result, StatusCode};

fn routes() -> Builder {
    server()
        .get("/text", |_| "text")
        .get("/html", |_| Html("html"))
        .get("/long", |_| "longer")
        .get("/typed", |ctx: Context| {
            ctx.set_content_type("a/b").text("typd")
        })
        .get("/late", |ctx: Context| {
            ctx.text("late");
            ctx.set_content_type("c/d");
        })
        .get("/header", |ctx: Context| {
            ctx.set_content_type("a/b")
                .set_header("Content-Type", "e/f")
                .text("head");
        })
        .get("/more", |ctx: Context| {
            ctx.set_header("X-More", "yes").text("more")
        })
        .get("/created", |ctx: Context| ctx.set_status(201).text("made"))
        .get("/bad", |ctx: Context| {
            ctx.set_content_type("a\nb").text("evil")
        })
        .get("/failed", |ctx: Context| -> Result {
            ctx.set_content_type("a/b").text("half");
            Err(Error::new(StatusCode::CONFLICT, "no"))
        })
        .get("/empty", |ctx: Context| {
            ctx.set_content_type("a/b");
        })
}

/// A request, and what its answer says: status, type, length, and whether it has more headers.
const EXCHANGES: [(&str, &str); 15] = [
    ("GET /text", "200 text/plain; charset=utf-8 4"),
    ("GET /html", "200 text/html; charset=utf-8 4"),
    ("GET /long", "200 text/plain; charset=utf-8 6"),
    ("GET /typed", "200 a/b 4"),
    ("GET /late", "200 c/d 4"),
    ("GET /header", "200 e/f 4"),
    ("GET /more", "200 text/plain; charset=utf-8 4 more"),
    ("GET /created", "201 text/plain; charset=utf-8 4"),
    ("GET /bad", "500 text/plain; charset=utf-8 21"),
    ("GET /failed", "409 text/plain; charset=utf-8 2"),
    ("GET /empty", "200 a/b 0"),
    ("HEAD /text", "200 text/plain; charset=utf-8 4"),
    ("HEAD /typed", "200 a/b 4"),
    ("GET /none", "404 text/plain; charset=utf-8 12"),
    ("GET /text", "200 text/plain; charset=utf-8 4"),
];

/// Answers come in any order, so that a head that is remembered from one meets every other.
#[test]
fn a_head_says_what_is_true_of_its_own_body() {
    let mut talk = Talk::with(routes());
    for (first, _) in EXCHANGES {
        for (second, expected) in EXCHANGES {
            talk.ask(first);
            let head = talk.ask(second);
            let field = |name| super::header(&head, name).unwrap_or_default();
            let mut said = format!(
                "{} {} {}",
                &head[9..12],
                field("content-type"),
                field("content-length")
            );
            if !field("x-more").is_empty() {
                said.push_str(" more");
            }
            assert_eq!(said, expected, "{second} after {first}");
            assert_eq!(head.matches("\r\nDate: ").count(), 1, "{head}");
            assert_eq!(
                head.to_lowercase().matches("content-type").count(),
                1,
                "{head}"
            );
        }
    }
}

impl Talk {
    /// Sends a request without headers of note; the head of its answer.
    fn ask(&mut self, line: &str) -> String {
        self.received.clear();
        let text = self
            .send(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .text();
        text.split("\r\n\r\n").next().unwrap_or_default().to_owned()
    }
}
