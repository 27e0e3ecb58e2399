//! Middleware System Architecture: logging, security headers, CORS, compression, and in which order
//! layers run.

use std::time::Duration;

use ringlane::middleware::{AccessLog, Compression, Cors, SecurityHeaders};
use ringlane::{Builder, Context, Method, Next, Outcome};

use crate::technical_foundation::ApplicationConfig;

const PREFLIGHT_TIME: Duration = Duration::from_secs(86_400);

/// The article's `X-XSS-Protection: 1; mode=block` is `0` here: the filter that it turned on let
/// pages be read by others, and browsers have none any more.
pub(crate) fn layers(server: Builder, config: &ApplicationConfig) -> Builder {
    let server = server
        .with(AccessLog::new())
        .with(SecurityHeaders::new())
        .with(cors(config));
    match config.enable_compression {
        true => server.with(Compression::new()),
        false => server,
    }
}

fn cors(config: &ApplicationConfig) -> Cors {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
    let cors = Cors::new()
        .methods(methods.into_iter().chain([Method::OPTIONS]))
        .header("Authorization")
        .max_age(PREFLIGHT_TIME);
    config.cors_origins.iter().fold(cors, Cors::origin)
}

/// `/order` says in `X-Order` which of its layers ran, and when.
pub(crate) fn routes(server: Builder) -> Builder {
    server.group("/order", |routes| {
        routes
            .before(|ctx: &Context| note(ctx, "first"))
            .after(|ctx: &Context| note(ctx, "last"))
            .wrap(around)
            .before(|ctx: &Context| note(ctx, "third"))
            .get("/", |ctx: Context| note(&ctx, "handler"))
            .get("/panic", |ctx: Context| {
                note(&ctx, "handler");
                panic!("a handler that fails on purpose")
            })
            .group("/refused", |routes| {
                routes
                    .before(|_: &Context| Err::<(), _>(ringlane::Error::new(403, "not today")))
                    .get("/", |ctx: Context| note(&ctx, "handler"))
            })
    })
}

async fn around(ctx: Context, next: Next) -> Outcome {
    note(&ctx, "second");
    let outcome = next.run(&ctx).await;
    note(&ctx, "second-again");
    outcome
}

fn note(ctx: &Context, step: &str) {
    ctx.add_header("X-Order", step);
}
