//! What actix-web answers: the routes of ringlane's target, with the same answers.
//!
//! Always true here:
//! - An uploaded body is counted as it comes, and not kept.

use actix_web::dev::{HttpServiceFactory, Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HeaderName, HeaderValue, SERVER};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{Error, HttpResponse, error};
use bench_peers_common::{BODY, CONTENT_TYPE, RESOURCES, VERSIONS};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::echo::echo;

const NAME: (HeaderName, HeaderValue) = (SERVER, HeaderValue::from_static("actixweb"));
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Adds every route.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .route("/plaintext", web::get().to(plaintext))
        .route("/async", web::get().to(plaintext))
        .route("/json", web::get().to(json))
        .service(
            web::resource("/baseline11")
                .get(baseline)
                .post(baseline_with_body),
        )
        .route("/upload", web::post().to(upload))
        .route("/bytes/{size}", web::get().to(sized))
        .route("/ws", web::get().to(echo))
        .service(layers());
    // Patterns are tried one after the other, so a scope for each version spares most of them.
    for version in 0..VERSIONS {
        let mut scope = web::scope(&format!("/api/v{version}"));
        for resource in 0..RESOURCES {
            scope = scope.route(&format!("/resource{resource}/{{id}}"), web::get().to(item));
        }
        config.service(scope);
    }
}

async fn plaintext() -> HttpResponse<Bytes> {
    let mut response = HttpResponse::with_body(StatusCode::OK, Bytes::from_static(BODY.as_bytes()));
    let headers = response.headers_mut();
    headers.insert(SERVER, NAME.1);
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    response
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(NAME)
        .insert_header((CONTENT_TYPE_NAME, TEXT))
        .body(body)
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
}

async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(NAME)
        .json(Greeting { message: BODY })
}

async fn item(id: web::Path<String>) -> HttpResponse {
    text(id.into_inner())
}

#[derive(Deserialize)]
struct Terms {
    a: i64,
    b: i64,
}

async fn baseline(terms: web::Query<Terms>) -> HttpResponse {
    text(terms.a.saturating_add(terms.b).to_string())
}

async fn baseline_with_body(
    terms: web::Query<Terms>,
    body: String,
) -> actix_web::Result<HttpResponse> {
    let number = body.trim().parse::<i64>().map_err(error::ErrorBadRequest)?;
    let sum = terms.a.saturating_add(terms.b).saturating_add(number);
    Ok(text(sum.to_string()))
}

async fn upload(mut body: web::Payload) -> actix_web::Result<HttpResponse> {
    let mut count = 0;
    while let Some(chunk) = body.next().await {
        count += chunk?.len();
    }
    Ok(text(count.to_string()))
}

async fn sized(size: web::Path<usize>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(NAME)
        .insert_header((CONTENT_TYPE_NAME, BYTES))
        .body(Bytes::from_static(bench_peers_common::bytes(*size)))
}

/// The same answer through ten asynchronous layers that do nothing. Each has its own type, so no
/// loop can add them.
fn layers() -> impl HttpServiceFactory {
    web::resource("/layers/plaintext")
        .wrap_fn(pass)
        .wrap_fn(pass)
        .wrap_fn(pass)
        .wrap_fn(pass)
        .wrap_fn(pass)
        .wrap_fn(pass)
        .wrap_fn(pass)
        .wrap_fn(pass)
        .wrap_fn(pass)
        .wrap_fn(pass)
        .get(plaintext)
}

fn pass<S>(
    request: ServiceRequest,
    next: &S,
) -> impl Future<Output = Result<ServiceResponse, Error>> + use<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
{
    let answer = next.call(request);
    async move { answer.await }
}
