//! Errors that say nothing of a status themselves: what is exhausted, and what is no error's
//! answer.

use super::{SECOND, Talk, check, server};
use crate::testing::logged;
use crate::{BlockingError, Breaker, Error, Html, PoolError, Result, StatusCode};

#[test]
fn an_error_is_never_a_success() {
    let routes = || {
        server()
            .get("/string", |_| Err::<(), _>("disk 7".to_owned()))
            .get("/text", async |_| Err::<&str, _>("disk 7"))
            .get("/unit", |_| Err::<&str, ()>(()))
            .get("/page", |_| Err::<(), _>(Html("<p>disk 7")))
            .get("/status", |_| Err::<(), _>(StatusCode::NO_CONTENT))
            .get("/ours", |_| Err::<(), _>((StatusCode::CONFLICT, "theirs")))
            .get("/ok", |_| Ok::<_, String>("fine"))
    };
    for path in ["/string", "/text", "/unit", "/page", "/status"] {
        let input = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        check(routes, &input, "500 internal server error");
    }
    check(
        routes,
        "GET /ours HTTP/1.1\r\nHost: a\r\n\r\n",
        "409 theirs",
    );
    check(routes, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", "200 fine");
    let told = logged(|| {
        Talk::with(routes()).send("GET /string HTTP/1.1\r\nHost: a\r\n\r\n");
    });
    assert!(told.contains("disk 7"), "{told}");
}

#[test]
fn what_is_exhausted_says_when_to_come_back() {
    let create = || PoolError::Create(Error::internal("disk 7"));
    let routes = move || {
        server()
            .get("/timed_out", |_| -> Result { Err(PoolError::TimedOut)? })
            .get("/full", |_| -> Result { Err(PoolError::Full)? })
            .get("/create", move |_| -> Result { Err(create())? })
            .get("/queue", |_| -> Result { Err(BlockingError::QueueFull)? })
            .get("/breaker", |_| -> Result {
                let breaker = Breaker::new().failures(1).open_time(SECOND * 3 / 2);
                breaker.enter()?.end(false);
                breaker.enter()?.end(true);
                Ok(())
            })
    };
    for (path, seconds) in [
        ("/timed_out", 1),
        ("/full", 1),
        ("/create", 1),
        ("/queue", 1),
        ("/breaker", 2),
    ] {
        let mut talk = Talk::with(routes());
        let text = talk
            .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .text();
        assert!(text.starts_with("HTTP/1.1 503 "), "{path}: {text}");
        let header = format!("\r\nRetry-After: {seconds}\r\n");
        assert!(text.contains(&header), "{path}: {text}");
        assert!(!text.contains("disk"), "{path}: {text}");
    }
}
