//! Which status every kind of wrong request gets, and what becomes of its connection.

use super::{Talk, check, server};
use crate::testing::logged;
use crate::{
    Builder, Context, Error, Html, Json, Limits, Result, Server, StatusCode, TrailingSlash,
};

fn routes() -> Builder {
    server()
        .get("/", |_| "index")
        .get("/users/{id}", |ctx: Context| -> Result<String> {
            let id: u64 = ctx.param("id")?;
            Ok(format!("user {id}"))
        })
        .post("/users/{id}", |_| "posted")
        .get("/query", |ctx: Context| -> Result<String> {
            let (a, b): (u8, Option<u8>) = (ctx.query("a")?, ctx.optional_query("b")?);
            Ok(format!("{a} {b:?}"))
        })
        .get("/typed", |ctx: Context| -> Result<String> {
            let Typed { a, b, s } = ctx.query_as()?;
            Ok(format!("{a} {b:?} {s:?}"))
        })
        .get("/texts", |ctx: Context| -> Result<String> {
            Ok(format!("{:?}", ctx.optional_query::<String>("s")?))
        })
}

#[derive(serde::Deserialize)]
struct Typed {
    a: u8,
    b: Option<u8>,
    s: Option<String>,
}

#[test]
fn what_no_route_answers() {
    let end = "HTTP/1.1\r\nHost: a\r\n\r\n";
    for (line, expected) in [
        ("GET /", "200 index"),
        ("GET /none", "404 no such path"),
        ("POST /", "405 this path answers only GET, HEAD, OPTIONS"),
        (
            "DELETE /users/1",
            "405 this path answers only GET, HEAD, POST, OPTIONS",
        ),
        ("TRACE /", "405 this path answers only GET, HEAD, OPTIONS"),
        ("BREW /", "501 this server does not know the method"),
        ("BREW /none", "501 this server does not know the method"),
        ("CONNECT a:80", "501 this server does not know the method"),
        ("OPTIONS /", "204"),
        ("OPTIONS *", "204"),
        ("OPTIONS /none", "404 no such path"),
        ("GET /%ff", "400 the decoded path is not UTF-8"),
        ("GET /%2", "400 a percent-escape in the path is malformed"),
    ] {
        let input = format!("{line} {end}");
        let heard = Talk::with(routes()).send(&input).heard();
        // How the router words a bad path is its own business.
        match expected.split_once(' ') {
            Some(("400", _)) => assert!(heard.starts_with("400 "), "{line}: {heard}"),
            Some(_) | None => check(routes, &input, expected),
        }
    }
}

#[test]
fn what_the_path_and_the_query_lack() {
    let end = "HTTP/1.1\r\nHost: a\r\n\r\n";
    for (line, expected) in [
        ("GET /users/7", "200 user 7"),
        (
            "GET /users/x",
            "400 path parameter `id`: invalid digit found in string",
        ),
        ("GET /query?a=1", "200 1 None"),
        ("GET /query?b=2&a=1", "200 1 Some(2)"),
        ("GET /query?a=%31", "200 1 None"),
        ("GET /query", "400 query parameter `a` is missing"),
        (
            "GET /query?a=300",
            "400 query parameter `a`: number too large to fit in target type",
        ),
        ("GET /query?a=1&b=", "200 1 None"),
        ("GET /query?a=1&b", "200 1 None"),
        (
            "GET /query?a=",
            "400 query parameter `a`: cannot parse integer from empty string",
        ),
        (
            "GET /query?a=1&a=2",
            "400 query parameter `a`: it came more than once",
        ),
        (
            "GET /query?a=1&b=&b=2",
            "400 query parameter `b`: it came more than once",
        ),
        ("GET /typed?a=1", "200 1 None None"),
        ("GET /typed?a=1&b=&s=", "200 1 None Some(\"\")"),
        ("GET /typed?a=1&b&s", "200 1 None Some(\"\")"),
        (
            "GET /typed?a=",
            "400 query field `a`: cannot parse integer from empty string",
        ),
        (
            "GET /typed?a=1&a=2",
            "400 query field `a`: it came more than once",
        ),
        (
            "GET /typed?a=1&b=&b=2",
            "400 query field `b`: it came more than once",
        ),
        ("GET /texts?s=", "200 Some(\"\")"),
        ("GET /texts", "200 None"),
    ] {
        check(routes, &format!("{line} {end}"), expected);
    }
}

#[test]
fn a_parameter_that_the_route_does_not_have_is_our_mistake_and_not_the_clients() {
    let routes = || {
        Server::builder()
            .get("/posts/{page?}", |ctx: Context| {
                ctx.param::<u32>("page").map(|_| ())
            })
            .group("/users", |users| {
                users.get("/{id}", |ctx| ctx.param::<u32>("user").map(|_| ()))
            })
            .fallback(|ctx| ctx.param::<String>("id"))
    };
    let end = "HTTP/1.1\r\nHost: a\r\n\r\n";
    for (path, expected) in [
        ("/posts/7", "200"),
        ("/posts", "400 path parameter `page` is missing"),
        ("/users/7", "500 internal server error"),
        ("/none", "500 internal server error"),
    ] {
        check(routes, &format!("GET {path} {end}"), expected);
    }
    let logged = logged(|| {
        let mut talk = Talk::with(routes());
        talk.send(format!("GET /users/7 {end}GET /none {end}"));
    });
    for problem in [
        "the route `/users/{id}` has no parameter `user`",
        "no route answers, so there is no parameter `id`",
    ] {
        assert!(logged.contains(problem), "{logged}");
    }
}

#[test]
fn nothing_that_a_client_sends_begins_a_line_of_the_log() {
    /// What a client has written, as an error's or a panic's text has it.
    fn said(ctx: &Context) -> String {
        let query = ctx.query_text("said").unwrap_or_default();
        format!("no such thing: {query}")
    }
    const PLANTED: &str = "x%0a2026-01-01T00:00:00Z%20ERROR%20planted%1b%5b2J%c2%9b%e2%80%a8";
    let routes = || {
        server()
            .with(crate::middleware::AccessLog::new())
            .get("/error", |ctx: Context| -> Result {
                Err(Error::internal(said(&ctx)))
            })
            .get("/panic", |ctx: Context| -> Result {
                panic!("{}", said(&ctx))
            })
            .get("/header", |ctx: Context| {
                ctx.set_header("X-Said", said(&ctx));
            })
            .get("/name", |ctx: Context| {
                ctx.set_header(&said(&ctx), "x");
            })
    };
    let text = logged(|| {
        for path in ["/error", "/panic", "/header", "/name", "/none"] {
            let mut talk = Talk::with(routes());
            talk.send(format!(
                "GET {path}?said={PLANTED}&secret=1 HTTP/1.1\r\nHost: a\r\n\
                 User-Agent: \u{9b}2J\u{2028}\r\n\r\n"
            ));
        }
    });
    for part in [
        "no such thing",
        "planted",
        "/error",
        "/panic",
        "/none",
        "ringlane::access",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for line in text.lines() {
        assert!(!line.starts_with("2026-01-01T00:00:00Z"), "{text}");
    }
    for forbidden in ['\u{1b}', '\u{9b}', '\u{2028}'] {
        assert!(!text.contains(forbidden), "{forbidden:?}: {text}");
    }
    assert!(!text.contains("secret"), "a query is no part of it: {text}");
}

#[test]
fn what_is_no_request() {
    let small = || {
        let limits = Limits::default()
            .head_bytes_max(600)
            .headers_max(3)
            .target_bytes_max(64);
        routes().limits(limits)
    };
    let long = "a".repeat(64);
    let rows = [
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                .into(),
            400,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n".into(),
            501,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: gold\r\n\r\n".into(),
            417,
        ),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".into(), 505),
        (format!("GET /{long} HTTP/1.1\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nA: {}\r\n", "b".repeat(600)), 431),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n".into(),
            431,
        ),
        ("\u{1}".into(), 400),
    ];
    for (input, status) in rows {
        for slowly in [false, true] {
            let mut talk = Talk::with(small());
            match slowly {
                false => talk.send(&input),
                true => input
                    .bytes()
                    .fold(&mut talk, |talk, byte| talk.send([byte])),
            };
            let heard = talk.heard();
            assert!(
                heard.starts_with(&format!("{status} close ")),
                "{input:?}: {heard}"
            );
            assert!(heard.ends_with(" | end"), "{input:?}: {heard}");
        }
    }
    let path = "a".repeat(63);
    check(
        small,
        &format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n"),
        "404 no such path",
    );
    check(
        small,
        "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n",
        "200 index",
    );
}

#[test]
fn requests_before_a_malformed_one_are_answered() {
    let input = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET  / HTTP/1.1\r\nHost: a\r\n\r\n";
    let heard = Talk::with(routes()).send(input).heard();
    assert!(heard.starts_with("200 index | 400 close "), "{heard}");
    assert!(heard.ends_with(" | end"), "{heard}");
}

#[test]
fn allow_is_sent_and_head_follows_get() {
    let heard = Talk::with(routes())
        .send("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\n\r\n")
        .text();
    assert_eq!(
        heard.matches("Allow: GET, HEAD, OPTIONS\r\n").count(),
        2,
        "{heard}"
    );
}

#[test]
fn errors_are_json_where_json_is_accepted() {
    let ask = |accept: &str| {
        let input = format!("GET /none HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n");
        Talk::with(routes()).send(input).text()
    };
    for accept in [
        "application/json",
        "text/html;q=0.2, application/problem+json;q=0.9",
    ] {
        let heard = ask(accept);
        assert!(
            heard.contains("Content-Type: application/json\r\n"),
            "{heard}"
        );
        let body = r#"{"error":"Not Found","message":"no such path","code":"NOT_FOUND"}"#;
        assert!(heard.ends_with(body), "{heard}");
    }
    for accept in [
        "*/*",
        "text/html",
        "application/json;q=0",
        "application/json;q=0.00, a/b",
    ] {
        assert!(ask(accept).ends_with("\r\n\r\nno such path"), "{accept}");
    }
}

#[test]
fn handlers_answer_in_every_form() {
    struct Mine;
    impl crate::IntoResponse for Mine {
        fn into_response(self, ctx: &Context) {
            ctx.set_status(418).set_header("X-Mine", "yes");
            ctx.text("mine");
        }
    }
    fn forms() -> Builder {
        server()
            .get("/unit", |_| ())
            .get("/text", |_| "text")
            .get("/string", |_| "s".repeat(3))
            .get("/bytes", |_| vec![b'b'; 2])
            .get("/json", |_| Json([1, 2]))
            .get("/html", |_| Html("<p>"))
            .get("/status", |_| StatusCode::ACCEPTED)
            .get("/both", |_| (StatusCode::CREATED, "made"))
            .get("/some", |_| Some("some"))
            .get("/none", |_| None::<&str>)
            .get("/mine", |_| Mine)
            .get("/err", |_| -> Result { Err(Error::new(409, "conflict")) })
            .get("/io", |_| -> Result {
                Err(std::io::Error::other("secret"))?
            })
            .get("/mixed", |_| {
                Err::<Json<u8>, _>((StatusCode::GONE, "gone".to_owned()))
            })
            .get("/nothing", |ctx: Context| ctx.redirect(303, "/text"))
    }
    let end = "HTTP/1.1\r\nHost: a\r\n\r\n";
    for (path, expected) in [
        ("/unit", "200"),
        ("/text", "200 text"),
        ("/string", "200 sss"),
        ("/bytes", "200 bb"),
        ("/json", "200 [1,2]"),
        ("/html", "200 <p>"),
        ("/status", "202"),
        ("/both", "201 made"),
        ("/some", "200 some"),
        ("/none", "404 not found"),
        ("/mine", "418 mine"),
        ("/err", "409 conflict"),
        ("/io", "500 internal server error"),
        ("/mixed", "410 gone"),
        ("/nothing", "303"),
    ] {
        check(forms, &format!("GET {path} {end}"), expected);
    }
}

#[test]
fn what_cannot_be_sent_is_a_500() {
    fn faults() -> Builder {
        server()
            .get("/status", |ctx: Context| {
                ctx.set_status(99).text("not this");
            })
            .get("/interim", |ctx: Context| {
                ctx.set_status(StatusCode::CONTINUE).text("not this");
            })
            .get("/split", |ctx: Context| {
                ctx.set_header("X-A", "b\r\nSet-Cookie: c").text("not this");
            })
            .get("/name", |ctx: Context| {
                ctx.set_header("X A", "b").text("not this");
            })
            .get("/length", |ctx: Context| {
                ctx.add_header("Content-Length", "1").text("not this");
            })
            .get("/redirect", |ctx: Context| ctx.redirect(200, "/"))
            .get("/json", |ctx: Context| {
                let unserialisable = std::collections::HashMap::from([((1, 2), 3)]);
                ctx.json(&unserialisable)
            })
    }
    for path in [
        "/status",
        "/interim",
        "/split",
        "/name",
        "/length",
        "/redirect",
        "/json",
    ] {
        let input = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        check(faults, &input, "500 internal server error");
    }
}

#[test]
fn errors_take_back_what_described_another_body() {
    let server = server().get("/", |ctx: Context| -> Result {
        ctx.set_header("Content-Type", "image/png")
            .set_header("ETag", "\"1\"")
            .set_header("X-Kept", "yes")
            .bytes(vec![1, 2, 3]);
        Err(Error::new(400, "no"))
    });
    let heard = Talk::with(server)
        .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .text();
    assert!(heard.contains("X-Kept: yes\r\n"), "{heard}");
    assert!(
        heard.contains("Content-Type: text/plain; charset=utf-8\r\n"),
        "{heard}"
    );
    assert!(
        !heard.contains("image/png") && !heard.contains("ETag"),
        "{heard}"
    );
}

#[test]
fn a_slash_too_many_or_too_few() {
    let redirecting = || {
        server()
            .trailing_slash(TrailingSlash::Redirect)
            .get("/docs/", |_| "docs")
    };
    let heard = Talk::with(redirecting())
        .send("GET /docs?a=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        .text();
    assert!(heard.starts_with("HTTP/1.1 308 "), "{heard}");
    assert!(heard.contains("Location: /docs/?a=1\r\n"), "{heard}");
    let ignoring = || {
        server()
            .trailing_slash(TrailingSlash::Ignore)
            .get("/docs", |_| "docs")
    };
    check(
        ignoring,
        "GET /docs/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "200 docs",
    );
    let strict = || server().get("/docs", |_| "docs");
    check(
        strict,
        "GET /docs/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "404 no such path",
    );
}

#[test]
fn a_fallback_answers_for_paths_alone() {
    fn fallback() -> Builder {
        routes().fallback(async |ctx: Context| (StatusCode::NOT_FOUND, ctx.path().to_owned()))
    }
    check(
        fallback,
        "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
        "404 /none",
    );
    check(
        fallback,
        "PUT / HTTP/1.1\r\nHost: a\r\n\r\n",
        "405 this path answers only GET, HEAD, OPTIONS",
    );
}
