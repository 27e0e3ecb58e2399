//! The server under simulation: a route for each way in which a handler can answer.
//!
//! Every request bears a number of its own, which its answer repeats.
//!
//! Not here: the requests (`requests.rs`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringlane::{Context, Limits, Result, Server, spawn, time};

/// Bodies may be so long.
pub(super) const BODY_BYTES_MAX: usize = 4096;
/// How long a large answer is.
const LARGE_BYTES: usize = 100 * 1024;
/// How many pieces a streamed answer has.
const PIECES: u32 = 5;

/// What the handlers of one run have done.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By request: how often its handler was called.
    called: Mutex<BTreeMap<u32, u32>>,
    alive: AtomicUsize,
}

impl Ledger {
    pub(super) fn check(&self) {
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let twice: Vec<_> = called.iter().filter(|&(_, &count)| count > 1).collect();
        assert!(twice.is_empty(), "handled more than once: {twice:?}");
        assert_eq!(self.alive.load(Ordering::Relaxed), 0, "handlers are left");
    }
}

/// A handler at work.
struct Call {
    ledger: Arc<Ledger>,
    number: u32,
}

impl Call {
    fn begin(ctx: &Context) -> Result<Self> {
        let ledger = Arc::clone(ctx.state::<Arc<Ledger>>());
        let number = ctx.param("number")?;
        let mut called = ledger.called.lock().unwrap_or_else(PoisonError::into_inner);
        *called.entry(number).or_default() += 1;
        drop(called);
        ledger.alive.fetch_add(1, Ordering::Relaxed);
        Ok(Self { ledger, number })
    }

    async fn rest(&self) {
        time::sleep(Duration::from_millis(u64::from(self.number * 37 % 300))).await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.ledger.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn build(ledger: &Arc<Ledger>, half_close: bool) -> Server {
    let ledger = Arc::clone(ledger);
    let limits = Limits::default()
        .head_time(Duration::from_secs(4))
        .idle_time(Duration::from_secs(5))
        .handler_time(Duration::from_secs(6))
        .body_progress_bytes_min(16)
        .body_bytes_max(BODY_BYTES_MAX as u64);
    let built = Server::builder()
        .bind("127.0.0.1:0")
        .limits(limits)
        .half_close(half_close)
        .state(move |_| Arc::clone(&ledger))
        .get("/now/{number}", now)
        .get("/slow/{number}", slow)
        .get("/large/{number}", large)
        .get("/stream/{number}", stream)
        .get("/spawned/{number}", spawned)
        .get("/forever/{number}", forever)
        .get("/panic/{number}", panics)
        .post("/ignore/{number}", now)
        .post("/echo/{number}", echo)
        .post("/late/{number}", late)
        .post("/through/{number}", through)
        .build();
    built.expect("the routes are valid")
}

/// The short answer to a request.
pub(super) fn short(number: u32) -> String {
    format!("answer {number}")
}

pub(super) fn long(number: u32) -> Vec<u8> {
    (0..LARGE_BYTES as u32)
        .map(|at| (at * 7 + number) as u8)
        .collect()
}

pub(super) fn streamed(number: u32) -> String {
    (0..PIECES)
        .map(|piece| format!("{number}/{piece};"))
        .collect()
}

fn now(ctx: Context) -> Result {
    let call = Call::begin(&ctx)?;
    ctx.text(short(call.number));
    Ok(())
}

async fn slow(ctx: Context) -> Result {
    let call = Call::begin(&ctx)?;
    call.rest().await;
    ctx.text(short(call.number));
    Ok(())
}

fn large(ctx: Context) -> Result {
    let call = Call::begin(&ctx)?;
    ctx.bytes(long(call.number));
    Ok(())
}

async fn stream(ctx: Context) -> Result {
    let call = Call::begin(&ctx)?;
    let mut stream = ctx.stream()?;
    for piece in 0..PIECES {
        stream.send(format!("{}/{piece};", call.number)).await?;
        call.rest().await;
    }
    stream.finish();
    Ok(())
}

async fn spawned(ctx: Context) -> Result {
    let call = Call::begin(&ctx)?;
    let number = call.number;
    let task = spawn(async move {
        call.rest().await;
        short(number)
    });
    ctx.text(task.await?);
    Ok(())
}

async fn forever(ctx: Context) -> Result {
    let _call = Call::begin(&ctx)?;
    time::sleep(Duration::from_secs(3600)).await;
    Ok(())
}

fn panics(ctx: Context) -> Result {
    let call = Call::begin(&ctx)?;
    panic!("handler {} panics, as it was asked to", call.number)
}

async fn echo(ctx: Context) -> Result {
    let _call = Call::begin(&ctx)?;
    ctx.bytes(ctx.body().bytes().await?);
    Ok(())
}

async fn late(ctx: Context) -> Result {
    let call = Call::begin(&ctx)?;
    call.rest().await;
    ctx.bytes(ctx.body().bytes().await?);
    Ok(())
}

async fn through(ctx: Context) -> Result {
    let _call = Call::begin(&ctx)?;
    let (mut body, mut stream) = (ctx.body(), ctx.stream()?);
    while let Some(bytes) = body.chunk().await? {
        stream.send(bytes).await?;
    }
    stream.finish();
    Ok(())
}
