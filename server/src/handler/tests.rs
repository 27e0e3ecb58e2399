//! Every form of handler registers without an annotation.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Builder, Context, IntoResponse, Json, Next, Result, Server, StatusCode};

fn plain(ctx: Context) {
    ctx.text("plain");
}

fn fallible(ctx: Context) -> Result {
    let id: u64 = ctx.param("id")?;
    ctx.text(id.to_string());
    Ok(())
}

async fn user(ctx: Context) -> Result {
    let id: u64 = ctx.param("id")?;
    ctx.json(&id)
}

async fn json(_: Context) -> Json<u64> {
    Json(7)
}

async fn either(_: Context) -> Result<Json<u64>, (StatusCode, String)> {
    Err((StatusCode::NOT_FOUND, "no such".to_owned()))
}

#[expect(clippy::manual_async_fn, reason = "the form is what is tested")]
fn opaque(_: Context) -> impl Future<Output = &'static str> {
    async { "opaque" }
}

fn boxed(_: Context) -> Pin<Box<dyn Future<Output = String>>> {
    Box::pin(async { "boxed".to_owned() })
}

fn image(_: Context) -> impl IntoResponse {
    StatusCode::NO_CONTENT
}

async fn forever(_: Context) -> Infallible {
    std::future::pending().await
}

mod nested {
    pub(super) async fn index(_: crate::Context) -> &'static str {
        "index"
    }
}

struct Controller;

impl Controller {
    async fn show(_: Context) {}

    fn list(_: Context) -> String {
        String::new()
    }
}

async fn timing(ctx: Context, next: Next) {
    next.run(&ctx).await;
    ctx.set_header("X-A", "b");
}

fn functions() -> Builder {
    Server::builder()
        .get("/plain", plain)
        .get("/fallible", fallible)
        .get("/user/{id}", user)
        .get("/json", json)
        .get("/either", either)
        .get("/opaque", opaque)
        .get("/boxed", boxed)
        .get("/image", image)
        .get("/forever", forever)
        .get("/nested", nested::index)
        .get("/show", Controller::show)
        .get("/list", Controller::list)
}

fn closures(server: Builder) -> Builder {
    let shared = Arc::new(5u64);
    let again = Arc::clone(&shared);
    server
        .get("/c1", |ctx: Context| ctx.text("x"))
        .get("/c2", |ctx| ctx.text("unannotated"))
        .get("/c3", async |ctx: Context| ctx.text("asynchronous"))
        .get("/c4", async |ctx| ctx.text("asynchronous, unannotated"))
        .get("/c5", |ctx| async move { ctx.text("block") })
        .get("/c6", |_| "str")
        .get("/c7", |ctx| ctx.path().to_owned())
        .get("/c8", |_| Json(3))
        .get("/c9", |ctx| -> Result {
            let _: u64 = ctx.param("id")?;
            Ok(())
        })
        .get("/c10", async |ctx| -> Result {
            let _: u64 = ctx.param("id")?;
            Ok(())
        })
        .get("/c11/{id?}", |ctx| async move {
            let _: u64 = ctx.param("id")?;
            crate::ok()
        })
        .get("/c12", move |_| Json(*shared))
        .get("/c13", move |_| {
            let again = Arc::clone(&again);
            async move { Json(*again) }
        })
        .get("/c14", |_| StatusCode::NO_CONTENT)
        .get("/c15", async |_| (StatusCode::CREATED, "made"))
        .get("/c16", |_| panic!("on purpose"))
        .get("/c17", async |_| {
            loop {
                std::future::pending::<()>().await;
            }
        })
        .get("/c18", |_| {})
        .get("/c19", async |_| {})
        .get("/c20", |ctx| ctx.json(&1))
}

fn layers(server: Builder) -> Builder {
    let third = Arc::new(203u16);
    server
        .before(|ctx| {
            ctx.set_header("X-A", "b");
        })
        .before(|ctx| -> Result {
            let _: Option<u64> = ctx.optional_param("none")?;
            Ok(())
        })
        .after(|ctx| {
            ctx.set_header("X-C", "d");
        })
        .wrap(async |ctx, next: Next| next.run(&ctx).await)
        .wrap(|ctx: Context, next: Next| async move { next.run(&ctx).await })
        .wrap(async move |ctx, next| {
            ctx.set_status(*third);
            next.run(&ctx).await
        })
        .wrap(timing)
}

#[test]
fn every_kind_of_handler_and_layer_registers() -> Result {
    let server = layers(closures(functions())).build()?;
    let mut client = crate::testing::Client::new(server)?;
    for (path, status, text) in [
        ("/plain", 203, "plain"),
        ("/user/8", 203, "8"),
        ("/either", 404, "no such"),
        ("/boxed", 203, "boxed"),
        ("/c7", 203, "/c7"),
        ("/c11", 400, "path parameter `id` is missing"),
        ("/c13", 203, "5"),
        ("/c15", 201, "made"),
        ("/c20", 203, "1"),
    ] {
        let answer = client.get(path).send()?;
        assert_eq!(
            (answer.status().as_u16(), answer.text()),
            (status, text),
            "{path}"
        );
        assert_eq!(answer.header("x-c"), Some("d"));
    }
    Ok(())
}
