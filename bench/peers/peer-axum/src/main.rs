//! axum on one current-thread runtime, started by `axum::serve` as its documentation does.
//!
//! Beside the defaults: `TCP_NODELAY`, which the listener passes on, and an allocator made for many
//! small objects. The routes are those of ringlane's target, with the same answers.
//!
//! Not here: tuning that axum's users do not do.

use std::convert::Infallible;
use std::io;

use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HeaderValue, SERVER};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bench_peers_common::{
    BODY, CONTENT_TYPE, FOLLOWERS_BEHIND_MAX, RESOURCES, VERSIONS, announce, listen, port,
};
use futures_util::stream::{self, Stream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::runtime;
use tokio::sync::broadcast::{self, Sender, error::RecvError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAME: HeaderValue = HeaderValue::from_static("axum-web");

fn main() -> io::Result<()> {
    let listener = listen(port()?)?;
    listener.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        announce();
        // A `Router` that is served as it is, is made anew for each connection, route by route.
        axum::serve(listener, routes().into_make_service()).await
    })
}

fn routes() -> Router {
    let (topic, _) = broadcast::channel(FOLLOWERS_BEHIND_MAX);
    let mut layers = Router::new().route("/layers/plaintext", get(plaintext));
    for _ in 0..10 {
        layers = layers.layer(middleware::from_fn(pass));
    }
    let mut router = Router::new()
        .route("/plaintext", get(plaintext))
        .route("/async", get(plaintext))
        .route("/json", get(json))
        .route("/baseline11", get(baseline).post(baseline_with_body))
        .route("/upload", axum::routing::post(upload))
        .route("/bytes/{size}", get(sized))
        .route("/ws", get(echo_socket))
        .route("/topic", get(topic_socket))
        .route("/events", get(events))
        .route("/publish", axum::routing::post(publish))
        .merge(layers);
    for version in 0..VERSIONS {
        for resource in 0..RESOURCES {
            let path = format!("/api/v{version}/resource{resource}/{{id}}");
            router = router.route(&path, get(item));
        }
    }
    router.layer(DefaultBodyLimit::disable()).with_state(topic)
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

async fn plaintext() -> Response {
    let mut response = Response::new(Body::from(BODY));
    let headers = response.headers_mut();
    headers.insert(SERVER, NAME);
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    response
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
}

async fn json() -> impl IntoResponse {
    ([(SERVER, NAME)], Json(Greeting { message: BODY }))
}

async fn item(Path(id): Path<String>) -> impl IntoResponse {
    ([(SERVER, NAME)], id)
}

#[derive(Deserialize)]
struct Terms {
    a: i64,
    b: i64,
}

async fn baseline(Query(terms): Query<Terms>) -> impl IntoResponse {
    ([(SERVER, NAME)], (terms.a + terms.b).to_string())
}

async fn baseline_with_body(Query(terms): Query<Terms>, body: String) -> Response {
    match body.trim().parse::<i64>() {
        Ok(number) => ([(SERVER, NAME)], (terms.a + terms.b + number).to_string()).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn upload(body: Body) -> Response {
    let mut chunks = body.into_data_stream();
    let mut count = 0;
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => count += chunk.len(),
            Err(_) => return StatusCode::BAD_REQUEST.into_response(),
        }
    }
    ([(SERVER, NAME)], count.to_string()).into_response()
}

async fn sized(Path(size): Path<usize>) -> impl IntoResponse {
    let bytes = Bytes::from_static(bench_peers_common::bytes(size));
    ([(SERVER, NAME)], bytes)
}

async fn echo_socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let is_data = matches!(message, Message::Text(_) | Message::Binary(_));
        if is_data && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn topic_socket(State(topic): State<Sender<String>>, upgrade: WebSocketUpgrade) -> Response {
    let mut messages = topic.subscribe();
    upgrade.on_upgrade(async move |socket| {
        let (mut sink, mut incoming) = socket.split();
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Ok(message) => {
                        if sink.send(Message::Text(message.into())).await.is_err() {
                            return;
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                incoming = incoming.next() => {
                    if !matches!(incoming, Some(Ok(_))) {
                        return;
                    }
                }
            }
        }
    })
}

async fn events(
    State(topic): State<Sender<String>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let messages = topic.subscribe();
    Sse::new(stream::unfold(messages, async |mut messages| {
        loop {
            match messages.recv().await {
                Ok(message) => return Some((Ok(Event::default().data(message)), messages)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }))
}

async fn publish(State(topic): State<Sender<String>>, message: String) -> StatusCode {
    // Nobody listens: nothing to do.
    let _ = topic.send(message);
    StatusCode::NO_CONTENT
}
