//! Every end of a request, under every kind of layer, at every place where layers can be.
//!
//! Always true here:
//! - What was entered is left, once, in reverse, and sees how the request ended.

use std::future::pending;

use super::{End, SECOND, drive, log};
use crate::routes::Builder;
use crate::{Context, Error, Flow, Next, Result, Server, time};

/// Whether layers and handlers are synchronous.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Synchronous,
    Asynchronous,
}

fn enter(name: &str) {
    log(format!("<{name}"));
}

fn leave(name: &str, ctx: &Context) {
    let outcome = ctx.0.run.outcome.get();
    log(format!("{name}>{}:{outcome:?}", ctx.status().as_u16()));
}

/// Whether the layer of this name is the innermost on the way to what is to be refused.
fn rejects(name: &str, ctx: &Context) -> bool {
    let innermost = match ctx.path() {
        "/reject" => "S",
        "/g/reject" => "G",
        "/g/r/reject" => "R",
        _ => return false,
    };
    name == innermost
}

/// One layer that says when it is entered and left.
fn layer<S>(scope: Builder<S>, kind: Kind, name: &'static str) -> Builder<S> {
    match kind {
        Kind::Synchronous => scope.after(move |ctx| leave(name, ctx)).before(move |ctx| {
            enter(name);
            if rejects(name, ctx) {
                ctx.set_status(403);
                return Flow::Stop;
            }
            Flow::Continue
        }),
        Kind::Asynchronous => scope.wrap(async move |ctx: Context, next: Next| {
            enter(name);
            match rejects(name, &ctx) {
                true => {
                    ctx.set_status(403);
                }
                false => {
                    next.run(&ctx).await;
                }
            }
            leave(name, &ctx);
        }),
    }
}

fn refuse(_: Context) -> Result {
    log("H");
    Err(Error::new(409, "no"))
}

/// A route for each end. What is to be ended from outside waits for good under either kind.
fn routes<S>(scope: Builder<S>, kind: Kind) -> Builder<S> {
    let scope = scope.get("/wait", async |_| {
        log("H");
        pending::<()>().await;
    });
    match kind {
        Kind::Synchronous => scope
            .get("/ok", |_| log("H"))
            .get("/reject", |_| log("H"))
            .get("/error", refuse)
            .get("/panic", |_| -> () {
                log("H");
                panic!("on purpose")
            }),
        Kind::Asynchronous => scope
            .get("/ok", async |_| {
                time::sleep(SECOND / 2).await;
                log("H");
            })
            .get("/reject", async |_| log("H"))
            .get("/error", async |ctx| {
                time::sleep(SECOND / 2).await;
                refuse(ctx)
            })
            .get("/panic", async |_| {
                time::sleep(SECOND / 2).await;
                log("H");
                panic!("on purpose")
            }),
    }
}

/// The server, a group in it, and one route with layers of its own in the group.
fn server(kind: Kind) -> Builder {
    let server = routes(layer(Server::builder(), kind, "S"), kind);
    server.group("/g", |group| {
        let group = routes(layer(group, kind, "G"), kind);
        group.group("/r", |route| routes(layer(route, kind, "R"), kind))
    })
}

#[test]
fn every_layer_that_was_entered_is_left_whatever_ends_the_request() {
    // What is asked for, how it ends, whether the handler is reached, and what each layer sees.
    let ends = [
        ("ok", End::ByItself, "H", "200:Answered"),
        ("reject", End::ByItself, "", "403:Answered"),
        ("error", End::ByItself, "H", "409:Failed"),
        ("panic", End::ByItself, "H", "500:Panicked"),
        ("wait", End::Deadline, "H", "503:TimedOut"),
        ("wait", End::Leave, "H", "499:ClientGone"),
        ("wait", End::Core, "H", "503:ShutDown"),
    ];
    let places = [
        ("/", &["S"][..]),
        ("/g/", &["S", "G"]),
        ("/g/r/", &["S", "G", "R"]),
    ];
    for (what, end, handler, seen) in ends {
        for kind in [Kind::Synchronous, Kind::Asynchronous] {
            for (prefix, layers) in places {
                let entered = layers.iter().map(|name| format!("<{name}"));
                let reached = (!handler.is_empty()).then(|| handler.to_owned());
                let left = layers.iter().rev().map(|name| format!("{name}>{seen}"));
                let expected: Vec<String> = entered.chain(reached).chain(left).collect();
                let path = format!("{prefix}{what}");
                let heard = drive(server(kind), &path, end);
                assert_eq!(heard, expected.join(" "), "{path}, {kind:?}");
            }
        }
    }
}
