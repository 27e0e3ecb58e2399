//! What hyper answers: the routes of the scenarios that need no router.
//!
//! Always true here:
//! - An uploaded body is counted as it comes, and not kept.
//!
//! Not here: a thousand routes and layers, which hyper leaves to others.

use std::convert::Infallible;

use bench_peers_common::{BODY, CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HeaderValue, SERVER};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;

type Answer = Response<Full<Bytes>>;

/// Answers one request.
pub(crate) async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let answer = match (&head.method, head.uri.path()) {
        (&Method::GET, "/plaintext" | "/async") => ok(CONTENT_TYPE, BODY),
        (&Method::GET, "/json") => json(),
        (&Method::GET, "/baseline11") => match query_sum(head.uri.query()) {
            Some(sum) => text(sum.to_string()),
            None => empty(StatusCode::BAD_REQUEST),
        },
        (&Method::POST, "/baseline11") => baseline(query_sum(head.uri.query()), body).await,
        (&Method::POST, "/upload") => upload(body).await,
        (&Method::GET, path) => sized(path),
        _ => empty(StatusCode::NOT_FOUND),
    };
    Ok(answer)
}

fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("hyper-rs"));
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(content_type));
    response
}

fn text(body: String) -> Answer {
    ok("text/plain; charset=utf-8", body)
}

fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
}

fn json() -> Answer {
    match serde_json::to_vec(&Greeting { message: BODY }) {
        Ok(body) => ok("application/json", body),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The sum of `a` and `b` in a query.
fn query_sum(query: Option<&str>) -> Option<i64> {
    let (mut a, mut b) = (None, None);
    for pair in query?.split('&') {
        match pair.split_once('=')? {
            ("a", value) => a = value.parse::<i64>().ok(),
            ("b", value) => b = value.parse::<i64>().ok(),
            _ => {}
        }
    }
    Some(a?.saturating_add(b?))
}

/// The sum, plus the number in the body.
async fn baseline(sum: Option<i64>, body: Incoming) -> Answer {
    let Ok(body) = body.collect().await else {
        return empty(StatusCode::BAD_REQUEST);
    };
    let body = body.to_bytes();
    let number = std::str::from_utf8(&body).map(|text| text.trim().parse::<i64>());
    match (sum, number) {
        (Some(sum), Ok(Ok(number))) => text(sum.saturating_add(number).to_string()),
        _ => empty(StatusCode::BAD_REQUEST),
    }
}

async fn upload(mut body: Incoming) -> Answer {
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => count += frame.data_ref().map_or(0, Bytes::len),
            Err(_) => return empty(StatusCode::BAD_REQUEST),
        }
    }
    text(count.to_string())
}

/// `/bytes/{size}`.
fn sized(path: &str) -> Answer {
    let size = path.strip_prefix("/bytes/").map(str::parse::<usize>);
    match size {
        Some(Ok(size)) => ok("application/octet-stream", bench_peers_common::bytes(size)),
        _ => empty(StatusCode::NOT_FOUND),
    }
}
