//! The order in which layers run, whatever ends the request.

mod matrix;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::testing::{Client, Connection};
use crate::{Builder, Context, Error, Flow, Limits, Next, Outcome, Result, Server, time};

const SECOND: Duration = Duration::from_secs(1);

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn log(what: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(what.into()));
}

/// Logs its end.
struct Dropped(&'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        log(format!("drop({})", self.0));
    }
}

/// How a request that waits is ended.
#[derive(Clone, Copy)]
enum End {
    /// It is not: what it waits for comes.
    ByItself,
    /// Its time runs out.
    Deadline,
    /// Its client leaves.
    Leave,
    /// The core goes away.
    Core,
}

/// Sends one request and tells what was logged.
fn drive(server: Builder, path: &str, end: End) -> String {
    LOG.take();
    let limits = Limits::default().handler_time(10 * SECOND);
    let server = server
        .limits(limits)
        .build()
        .expect("the test's server is well-formed");
    let mut client = Client::new(server).expect("a core is free for the test");
    let connection: Connection = client.connect();
    connection.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client.run(SECOND).expect("the core runs");
    match end {
        End::ByItself => {}
        End::Deadline => client.run(20 * SECOND).expect("the core runs"),
        End::Leave => {
            connection.finish();
            client.run(5 * SECOND).expect("the core runs");
        }
        End::Core => drop(client),
    }
    LOG.take().join(" ")
}

/// Two onions, and synchronous after-parts outside and between.
fn onions() -> Builder {
    Server::builder()
        .after(|ctx| log(format!("S1:{}", ctx.status().as_u16())))
        .wrap(async |ctx: Context, next: Next| {
            log("A<");
            let outcome = next.run(&ctx).await;
            log(format!(">A:{}:{outcome:?}", ctx.status().as_u16()));
        })
        .after(|_| log("S2"))
        .wrap(async |ctx: Context, next: Next| {
            log("B<");
            let _dropped = Dropped("B");
            next.run(&ctx).await;
            log(">B");
        })
        .get("/ok", |_| log("H"))
        .get("/late", async |_| {
            time::sleep(SECOND / 2).await;
            log("H");
        })
        .get("/err", async |ctx: Context| -> Result {
            let _: u64 = ctx.query("none")?;
            Ok(())
        })
        .get("/sync_err", |_| -> Result { Err(Error::new(409, "no")) })
        .get("/panic", async |_| panic!("on purpose"))
        .get("/sync_panic", |_| panic!("on purpose"))
        .get("/late_panic", async |_| {
            time::sleep(SECOND / 2).await;
            panic!("on purpose")
        })
        .get("/wait", async |_| {
            let _dropped = Dropped("H");
            pending::<()>().await;
        })
}

#[test]
fn the_after_parts_always_run() {
    for (path, end, expected) in [
        (
            "/ok",
            End::ByItself,
            "A< B< H >B drop(B) S2 >A:200:Answered S1:200",
        ),
        (
            "/late",
            End::ByItself,
            "A< B< H >B drop(B) S2 >A:200:Answered S1:200",
        ),
        (
            "/err",
            End::ByItself,
            "A< B< >B drop(B) S2 >A:400:Failed S1:400",
        ),
        (
            "/sync_err",
            End::ByItself,
            "A< B< >B drop(B) S2 >A:409:Failed S1:409",
        ),
        (
            "/panic",
            End::ByItself,
            "A< B< >B drop(B) S2 >A:500:Panicked S1:500",
        ),
        (
            "/sync_panic",
            End::ByItself,
            "A< B< >B drop(B) S2 >A:500:Panicked S1:500",
        ),
        (
            "/late_panic",
            End::ByItself,
            "A< B< >B drop(B) S2 >A:500:Panicked S1:500",
        ),
        (
            "/wait",
            End::Deadline,
            "A< B< drop(H) >B drop(B) S2 >A:503:TimedOut S1:503",
        ),
        (
            "/wait",
            End::Leave,
            "A< B< drop(H) >B drop(B) S2 >A:499:ClientGone S1:499",
        ),
        (
            "/wait",
            End::Core,
            "A< B< drop(H) >B drop(B) S2 >A:503:ShutDown S1:503",
        ),
        // What no route answers goes through the outermost layers too.
        (
            "/none",
            End::ByItself,
            "A< B< >B drop(B) S2 >A:404:Failed S1:404",
        ),
    ] {
        assert_eq!(drive(onions(), path, end), expected, "{path}");
    }
}

#[test]
fn synchronous_layers_run_in_order_and_in_reverse() {
    let server = || {
        Server::builder()
            .after(|_| log("A1"))
            .before(|_| log("B1"))
            .after(|_| log("A2"))
            .before(|ctx| {
                log("B2");
                match ctx.path() {
                    "/stop" => {
                        ctx.set_status(204);
                        Flow::Stop
                    }
                    _ => Flow::Continue,
                }
            })
            .after(|_| log("A3"))
            .get("/", |_| log("H"))
            .get("/stop", |_| log("H"))
            .get("/panic", |_| panic!("on purpose"))
    };
    assert_eq!(drive(server(), "/", End::ByItself), "B1 B2 H A3 A2 A1");
    assert_eq!(drive(server(), "/stop", End::ByItself), "B1 B2 A2 A1");
    assert_eq!(drive(server(), "/panic", End::ByItself), "B1 B2 A3 A2 A1");
}

#[test]
fn a_layer_may_refuse_by_an_error() {
    let server = Server::builder()
        .after(|ctx| log(format!("A:{}", ctx.status().as_u16())))
        .before(|_| -> Result { Err(Error::new(401, "who are you?")) })
        .after(|_| log("never reached"))
        .get("/", |_| log("H"));
    assert_eq!(drive(server, "/", End::ByItself), "A:401");
}

#[test]
fn a_panic_in_an_after_part_stops_no_other() {
    let server = Server::builder()
        .after(|ctx| log(format!("A:{}", ctx.status().as_u16())))
        .after(|_| panic!("on purpose"))
        .after(|_| log("B"))
        .get("/", |_| log("H"));
    assert_eq!(drive(server, "/", End::ByItself), "H B A:500");
}

#[test]
fn groups_have_their_own_layers_within_the_outer_ones() {
    let server = || {
        Server::builder()
            .get("/", |_| log("H"))
            .group("/a", |routes| {
                routes
                    .before(|_| log("a"))
                    .get("/", |_| log("Ha"))
                    .group("/{b}", |routes| {
                        routes
                            .before(|ctx| log(format!("b={:?}", ctx.param_text("b"))))
                            .get("/c", |_| log("Hc"))
                    })
            })
            .before(|_| log("root"))
    };
    for (path, expected) in [
        ("/", "root H"),
        ("/a", "root a Ha"),
        ("/a/x/c", "root a b=Some(\"x\") Hc"),
        ("/a/none", "root"),
    ] {
        assert_eq!(drive(server(), path, End::ByItself), expected);
    }
}

#[test]
fn an_onion_that_waits_before_its_next_is_dropped() {
    let server = || {
        Server::builder()
            .wrap(async |ctx: Context, next: Next| {
                next.run(&ctx).await;
                log(">A");
            })
            .wrap(async |ctx: Context, next: Next| {
                let _dropped = Dropped("B");
                pending::<()>().await;
                next.run(&ctx).await;
                log(">B");
            })
            .get("/", |_| log("H"))
    };
    assert_eq!(drive(server(), "/", End::Leave), "drop(B) >A");
    assert_eq!(drive(server(), "/", End::Deadline), "drop(B) >A");
}

#[test]
fn an_onion_that_waits_after_its_next_is_given_time() {
    let server = || {
        Server::builder()
            .wrap(async |ctx: Context, next: Next| {
                next.run(&ctx).await;
                log(">A");
            })
            .wrap(async |ctx: Context, next: Next| {
                next.run(&ctx).await;
                time::sleep(SECOND / 2).await;
                log(">B");
            })
            .get("/", async |_| pending::<()>().await)
    };
    assert_eq!(drive(server(), "/", End::Leave), ">B >A");
    assert_eq!(drive(server(), "/", End::Deadline), ">B >A");
    assert_eq!(
        drive(server(), "/", End::Core),
        ">A",
        "nobody gives time any more"
    );
}

#[test]
fn an_onions_own_time_limit_runs_the_after_parts_below() {
    let server = Server::builder()
        .wrap(async |ctx: Context, next: Next| {
            {
                // Gives up after one poll.
                let mut below = pin!(next.run(&ctx));
                poll_fn(|cx| {
                    let _ = below.as_mut().poll(cx);
                    Poll::Ready(())
                })
                .await;
            }
            ctx.set_status(504);
            log("gave up");
        })
        .after(|ctx| log(format!("S:{}", ctx.status().as_u16())))
        .wrap(async |ctx: Context, next: Next| {
            let _dropped = Dropped("B");
            next.run(&ctx).await;
            log(">B");
            pending::<()>().await;
        })
        .get("/", async |_| pending::<()>().await);
    assert_eq!(
        drive(server, "/", End::ByItself),
        ">B drop(B) S:499 gave up"
    );
}

#[test]
fn an_onion_may_answer_in_place_of_what_is_below() {
    let server = || {
        Server::builder()
            .after(|ctx| log(format!("S:{}", ctx.status().as_u16())))
            .wrap(async |ctx: Context, next: Next| -> Result {
                match ctx.path() {
                    "/refused" => Err(Error::new(403, "no")),
                    _ => {
                        let outcome = next.run(&ctx).await;
                        if outcome == Outcome::Failed {
                            ctx.set_status(200).text("mended");
                        }
                        Ok(())
                    }
                }
            })
            .get("/refused", |_| log("H"))
            .get("/failing", |_| -> Result { Err(Error::new(500, "no")) })
    };
    assert_eq!(drive(server(), "/refused", End::ByItself), "S:403");
    assert_eq!(drive(server(), "/failing", End::ByItself), "S:200");
}

#[test]
fn a_panic_while_a_chain_is_dropped_ends_nothing_else() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            log("bomb");
            panic!("on purpose, in a destructor")
        }
    }
    let server = Server::builder()
        .after(|_| log("S"))
        .wrap(async |ctx: Context, next: Next| {
            next.run(&ctx).await;
            log(">A");
        })
        .get("/", async |ctx: Context| {
            ctx.insert(Bomb);
            let _bomb = Bomb;
            pending::<()>().await;
        });
    assert_eq!(drive(server, "/", End::Leave), "bomb >A S bomb");
}
