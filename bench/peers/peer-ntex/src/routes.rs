//! What ntex answers: the routes of ringlane's target, with the same answers.
//!
//! Always true here:
//! - An uploaded body is counted as it comes, and not kept.

use bench_peers_common::{BODY, CONTENT_TYPE, RESOURCES, VERSIONS};
use ntex::http::error::PayloadError;
use ntex::http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HeaderValue, SERVER};
use ntex::util::Bytes;
use ntex::web::types::{Path, Payload, Query};
use ntex::web::{self, HttpResponse, ServiceConfig, WebServiceFactory};
use serde::{Deserialize, Serialize};

use crate::layer::Pass;

const NAME: HeaderValue = HeaderValue::from_static("ntex-web");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Adds every route.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .route("/plaintext", web::get().to(plaintext))
        .route("/json", web::get().to(json))
        .service(
            web::resource("/baseline11")
                .route(web::get().to(baseline))
                .route(web::post().to(baseline_with_body)),
        )
        .route("/upload", web::post().to(upload))
        .route("/bytes/{size}", web::get().to(sized))
        .service(layers());
    for version in 0..VERSIONS {
        for resource in 0..RESOURCES {
            let path = format!("/api/v{version}/resource{resource}/{{id}}");
            config.route(&path, web::get().to(item));
        }
    }
}

async fn plaintext() -> HttpResponse {
    let mut response = HttpResponse::Ok().body(BODY);
    let headers = response.headers_mut();
    headers.insert(SERVER, NAME);
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    response
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .set_header(SERVER, NAME)
        .content_type(TEXT)
        .body(body)
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
}

async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .set_header(SERVER, NAME)
        .json(&Greeting { message: BODY })
}

async fn item(id: Path<String>) -> HttpResponse {
    text(id.into_inner())
}

#[derive(Deserialize)]
struct Terms {
    a: i64,
    b: i64,
}

async fn baseline(terms: Query<Terms>) -> HttpResponse {
    text(terms.a.saturating_add(terms.b).to_string())
}

async fn baseline_with_body(terms: Query<Terms>, body: String) -> HttpResponse {
    match body.trim().parse::<i64>() {
        Ok(number) => {
            let sum = terms.a.saturating_add(terms.b).saturating_add(number);
            text(sum.to_string())
        }
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}

async fn upload(mut body: Payload) -> Result<HttpResponse, PayloadError> {
    let mut count = 0;
    while let Some(chunk) = body.recv().await {
        count += chunk?.len();
    }
    Ok(text(count.to_string()))
}

async fn sized(size: Path<usize>) -> HttpResponse {
    HttpResponse::Ok()
        .set_header(SERVER, NAME)
        .content_type(BYTES)
        .body(Bytes::from_static(bench_peers_common::bytes(*size)))
}

/// The same answer through ten asynchronous layers that do nothing. Each has its own type, so no
/// loop can add them.
fn layers() -> impl WebServiceFactory<web::DefaultError> {
    web::resource("/layers/plaintext")
        .middleware(Pass)
        .middleware(Pass)
        .middleware(Pass)
        .middleware(Pass)
        .middleware(Pass)
        .middleware(Pass)
        .middleware(Pass)
        .middleware(Pass)
        .middleware(Pass)
        .middleware(Pass)
        .route(web::get().to(plaintext))
}
