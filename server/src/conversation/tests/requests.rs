//! Requests one after the other: keep-alive, pipelines, HEAD, and HTTP/1.0.

use std::cell::Cell;

use super::{Talk, check, server};
use crate::{Builder, Bytes, Context, Limits, Result, time};

fn routes() -> Builder {
    server()
        .get("/a", |_| "a")
        .get("/b", async |_| "b")
        .get("/empty", |_| ())
        .get("/slow", async |_| {
            time::sleep(super::SECOND).await;
            "slow"
        })
        .get("/path/{*rest}", |ctx: Context| {
            ctx.text(format!("{} {}", ctx.path(), ctx.target()));
        })
        .get("/large", |_| Bytes::from(vec![b'x'; 40_000]))
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let input = "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    check(routes, input, "200 a | 200 b | 200 a");
    let mut talk = Talk::with(routes());
    talk.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    talk.expect("");
    talk.pass(2 * super::SECOND).expect("200 slow | 200 a");
    talk.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("200 b");
}

#[test]
fn much_output_waits_for_the_client_and_none_is_lost() {
    let mut talk = Talk::with(routes());
    let many = 200;
    talk.connection.pause(true);
    talk.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n".repeat(many));
    talk.connection.pause(false);
    for _ in 0..2 * many {
        talk.pass(std::time::Duration::ZERO);
    }
    let answer = "200 40000 x";
    let heard = talk.heard();
    assert_eq!(heard.split(" | ").count(), many);
    assert!(heard.split(" | ").all(|one| one == answer));
}

#[test]
fn who_closes_after_an_answer() {
    for (input, expected) in [
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "200 a"),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "200 close a | end",
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
            "200 close a | end",
        ),
        ("GET /a HTTP/1.0\r\n\r\n", "200 close a | end"),
        ("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 a"),
        // What follows a request that asked for the end is not looked at.
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
            "200 close a | end",
        ),
    ] {
        check(routes, input, expected);
    }
    let heard = Talk::with(routes())
        .send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        .text();
    assert!(heard.contains("Connection: keep-alive\r\n"), "{heard}");
}

#[test]
fn a_connection_has_so_many_requests() {
    let server = || routes().limits(Limits::default().requests_per_connection_max(Some(2)));
    let one = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    check(server, one, "200 a");
    check(server, &one.repeat(2), "200 a | 200 close a | end");
    Talk::with(server())
        .send(one.repeat(3))
        .expect("200 a | 200 close a | end");
}

#[test]
fn head_is_get_without_the_body() {
    for (path, length) in [("/a", "1"), ("/b", "1"), ("/large", "40000")] {
        let heard = Talk::with(routes())
            .send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .text();
        assert!(
            heard.contains(&format!("Content-Length: {length}\r\n")),
            "{heard}"
        );
        assert!(heard.ends_with("\r\n\r\n"), "{heard}");
    }
    let mut talk = Talk::with(routes());
    talk.send("HEAD /none HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let heard = talk.text();
    assert!(
        heard.starts_with("HTTP/1.1 404 ") && heard.ends_with("\r\n\r\na"),
        "{heard}"
    );
}

#[test]
fn the_target_is_shown_as_it_came() {
    let end = "HTTP/1.1\r\nHost: a\r\n\r\n";
    for (target, expected) in [
        ("/path/x%20y?q=1", "200 /path/x%20y /path/x%20y?q=1"),
        ("http://b/path/x", "200 /path/x http://b/path/x"),
    ] {
        check(routes, &format!("GET {target} {end}"), expected);
    }
}

#[test]
fn the_server_and_the_date_are_told() {
    let input = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut talk = Talk::with(routes());
    let heard = talk.send(input).text();
    assert!(
        heard.contains("Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"),
        "{heard}"
    );
    assert!(heard.contains("Server: ringlane\r\n"), "{heard}");
    let heard = talk.pass(super::SECOND).send(input).text();
    assert!(
        heard.contains("Date: Tue, 14 Nov 2023 22:13:21 GMT\r\n"),
        "{heard}"
    );
    let named = |name| Talk::with(routes().server_name(name)).send(input).text();
    assert!(named(Some("mine/1")).contains("Server: mine/1\r\n"));
    assert!(!named(None).contains("Server"));
}

#[test]
fn each_core_has_its_own_state_and_it_needs_no_lock() {
    struct Visits(Cell<u32>);
    fn server_with_state() -> Builder {
        server()
            .state(|core| {
                assert_eq!(core, 0);
                Visits(Cell::new(40))
            })
            .get("/", |ctx: Context| -> Result<String> {
                let visits = &ctx.state::<Visits>().0;
                visits.set(visits.get() + 1);
                Ok(visits.get().to_string())
            })
            .get("/missing", |ctx: Context| ctx.state::<u64>().to_string())
    }
    let one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    check(server_with_state, &one.repeat(2), "200 41 | 200 42");
    check(
        server_with_state,
        "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n",
        "500 close internal server error | end",
    );
}

#[test]
fn a_kept_context_sees_its_own_request_and_changes_nothing() {
    use std::cell::RefCell;
    thread_local! {
        static KEPT: RefCell<Vec<Context>> = const { RefCell::new(Vec::new()) };
    }
    let server = server()
        .get("/keep/{id}", |ctx: Context| {
            ctx.insert(41u64);
            KEPT.with_borrow_mut(|kept| kept.push(ctx.clone()));
            ctx.text("kept");
        })
        .get("/fresh", |ctx: Context| {
            assert_eq!(ctx.get::<u64>(), None);
            assert_eq!(ctx.param_text("id"), None);
            ctx.text("fresh");
        });
    let mut talk = Talk::with(server);
    talk.send("GET /keep/7 HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("200 kept");
    talk.send("GET /fresh HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("200 fresh");
    let kept = KEPT
        .with_borrow_mut(Vec::pop)
        .expect("the handler has kept it");
    assert!(kept.is_committed());
    assert_eq!((kept.path(), kept.get()), ("/keep/7", Some(&41u64)));
    assert_eq!(kept.param_text("id"), Some("7"));
    assert_eq!(kept.peer_address(), None);
    kept.set_header("X-Late", "yes").text("too late");
    assert!(kept.stream().is_err());
    talk.send("GET /fresh HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("200 fresh");
    assert_eq!(talk.client.http().core.counts.contexts_kept.get(), 1);
}

#[test]
fn getters_lend_while_setters_run() {
    struct Nosy(Context);
    impl std::fmt::Display for Nosy {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.set_header("X-Inner", "yes").text("inner");
            f.write_str("outer")
        }
    }
    let server = || {
        server().get("/", |ctx: Context| {
            let path = ctx.path();
            ctx.set_header("X-Path", path);
            ctx.text_fmt(format_args!("{}", Nosy(ctx.clone())));
            assert_eq!(ctx.path(), path);
        })
    };
    check(server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200 outer");
}

#[test]
fn a_request_is_answered_the_same_whatever_came_before_it() {
    let routes = || {
        server()
            .get("/a", |_| "a")
            .post("/a", async |_| "posted")
            .get("/one/{id}", |ctx: Context| -> Result<String> {
                Ok(ctx.param::<u32>("id")?.to_string())
            })
            .get("/two/{x}/{y}", async |ctx: Context| {
                ctx.text(format!("{:?}", ctx.params().collect::<Vec<_>>()));
            })
    };
    let requests = [
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: b\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        "PUT /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "BREW /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /one/7 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /one/8 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /one/%38 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /one/x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /two/p%20q/r HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let answer = |request: &str| Talk::with(routes()).send(request).text();
    for first in requests {
        for second in requests {
            let mut talk = Talk::with(routes());
            for request in [first, first, second, second] {
                talk.received.clear();
                assert_eq!(
                    talk.send(request).text(),
                    answer(request),
                    "{request} after {first}"
                );
            }
        }
    }
}
