//! xitca-web with one worker, otherwise as its documentation starts it.
//!
//! Beside the defaults: `TCP_NODELAY`, which the listener passes on, and an allocator made for many
//! small objects. The routes are those of ringlane's target, with the same answers.
//!
//! Always true here:
//! - An uploaded body is counted as it comes, and not kept.
//!
//! Not here: answers from memory, WebSockets, event streams, and layers: ten of its asynchronous
//! functions, one around the other, keep the compiler busy for more than nine minutes.

use std::io;
use std::pin::pin;

use bench_peers_common::{BODY, CONTENT_TYPE, RESOURCES, VERSIONS, announce, listen, port};
use serde::{Deserialize, Serialize};
use xitca_web::body::{BodyExt as _, RequestBody, ResponseBody};
use xitca_web::error::{Error, ErrorStatus};
use xitca_web::handler::body::Body;
use xitca_web::handler::handler_service;
use xitca_web::handler::json::Json;
use xitca_web::handler::params::Params;
use xitca_web::handler::query::Query;
use xitca_web::http::WebResponse;
use xitca_web::http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HeaderName, HeaderValue, SERVER};
use xitca_web::route::{get, post};
use xitca_web::{App, NestApp};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAME: (HeaderName, HeaderValue) = (SERVER, HeaderValue::from_static("xitcaweb"));

fn main() -> io::Result<()> {
    let listener = listen(port()?)?;
    let server = routes().serve().worker_threads(1).listen(listener)?.run();
    announce();
    server.wait()
}

fn routes() -> NestApp<()> {
    let baseline = get(handler_service(baseline)).post(handler_service(baseline_with_body));
    let mut app = App::new()
        .at("/plaintext", get(handler_service(plaintext)))
        .at("/json", get(handler_service(json)))
        .at("/baseline11", baseline)
        .at("/upload", post(handler_service(upload)));
    for version in 0..VERSIONS {
        for resource in 0..RESOURCES {
            let path = format!("/api/v{version}/resource{resource}/{{id}}");
            app = app.at(&path, get(handler_service(item)));
        }
    }
    app
}

async fn plaintext() -> WebResponse {
    let mut response = WebResponse::new(ResponseBody::from(BODY));
    let headers = response.headers_mut();
    headers.insert(SERVER, NAME.1);
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    response
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
}

/// A text, and the server's name.
type Text = (String, (HeaderName, HeaderValue));

async fn json() -> (Json<Greeting>, (HeaderName, HeaderValue)) {
    (Json(Greeting { message: BODY }), NAME)
}

async fn item(Params(id): Params<String>) -> Text {
    (id, NAME)
}

#[derive(Deserialize)]
struct Terms {
    a: i64,
    b: i64,
}

async fn baseline(Query(terms): Query<Terms>) -> Text {
    (terms.a.saturating_add(terms.b).to_string(), NAME)
}

async fn baseline_with_body(Query(terms): Query<Terms>, body: String) -> Result<Text, Error> {
    let Ok(number) = body.trim().parse::<i64>() else {
        return Err(ErrorStatus::bad_request().into());
    };
    let sum = terms.a.saturating_add(terms.b).saturating_add(number);
    Ok((sum.to_string(), NAME))
}

async fn upload(Body(body): Body<RequestBody>) -> Result<Text, Error> {
    let mut body = pin!(body);
    let mut count = 0;
    while let Some(chunk) = body.as_mut().data().await {
        count += chunk.map_err(Error::from)?.len();
    }
    Ok((count.to_string(), NAME))
}
