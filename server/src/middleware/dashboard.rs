//! A page that shows a server at work: rates, latencies, cores and driver, live.
//!
//! ```text
//! core 0 ─► Lane (histogram, thread) ─┐
//! core n ─► Lane                      ├─► a sampler, once a second ─► topic ─► open pages
//! Counts of all cores                ─┘
//! ```
//!
//! Always true here:
//! - While no page is open nothing is measured: a request costs one look at a flag.
//! - The page needs nothing that this server does not send; a content security policy says so.
//!
//! Not here: what a sample is made of (`dashboard/sample.rs`), how the page draws it
//! (`dashboard/page.js`).

mod lane;
mod reading;
mod sample;
mod sampler;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringlane_protocol::StatusCode;
use ringlane_reactor::Address;
use serde::Serialize;

use super::Middleware;
use crate::core::Core;
use crate::event_stream::Options;
use crate::topics::History;
use crate::{Builder, Context, Error, Result, task};
use lane::Lane;

/// Seconds that a page which is opened later still sees.
const KEPT_MAX: usize = 300;
/// How long a page waits before it connects anew.
const RETRY: Duration = Duration::from_secs(1);
/// The page and its parts may load from this server, and from nowhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const PAGE: &str = include_str!("dashboard/page.html");
const STYLE: &str = include_str!("dashboard/page.css");
const CHARTS: &str = include_str!("dashboard/charts.js");
const SCRIPT: &str = include_str!("dashboard/page.js");
const ICON: &str = include_str!("dashboard/icon.svg");

/// A live page of the server itself at `/_ringlane/`: requests per second, how they were answered,
/// percentiles of their time in the server, every core's share, memory, and what the event loops
/// do.
///
/// It is measured once a second and only while a page is open: by one task, of words that each core
/// writes anyway, and of a histogram of times that each core writes while it is watched. The last
/// five minutes that were watched are kept for pages that are opened later. Time in the server is
/// that from the turn of the event loop that saw the request's head to the end of the layers below;
/// answers that are streams have none, for they take as long as they last.
///
/// A server's inside is not for everybody. Unless it is [public](Self::public), the page and its
/// stream exist for clients on this machine alone, who ask for it by `localhost` or a loopback
/// address, and whose request no proxy has handed on, as far as a forwarding header says so: for
/// all others they are 404. Behind a proxy on the same machine that sets none every client seems
/// to be such a one: do not install it there, or guard it by [`auth`](super::auth).
///
/// Write it on the server itself, as the outermost layer, and once.
///
/// ```
/// use ringlane::middleware::Dashboard;
/// use ringlane::{Server, testing::Client};
///
/// let server = Server::builder()
///     .with(Dashboard::new().public(true))
///     .get("/", |_| "hello")
///     .build()?;
/// let page = Client::new(server)?.get("/_ringlane/").send()?;
/// assert!(page.text().contains("<h1"));
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "it does nothing until it is installed"]
pub struct Dashboard {
    is_public: bool,
}

impl Dashboard {
    /// For clients on this machine alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether clients on other machines may see it. Default no.
    ///
    /// ```
    /// let dashboard = ringlane::middleware::Dashboard::new().public(true);
    /// ```
    pub fn public(mut self, yes: bool) -> Self {
        self.is_public = yes;
        self
    }

    /// Whether this client may see it.
    fn admit(self, ctx: &Context) -> Result {
        if self.is_public || is_local(ctx) {
            return Ok(());
        }
        Err(Error::new(StatusCode::NOT_FOUND, "not found"))
    }
}

impl Middleware for Dashboard {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        let board = Arc::<Board>::default();
        let lanes = Arc::clone(&board);
        let about = move |ctx: Context| {
            self.admit(&ctx)?;
            ctx.set_header("Cache-Control", "no-store");
            ctx.json(&About::of(&ctx))
        };
        let options = Options::default().retry(RETRY);
        let events = move |ctx: Context| {
            self.admit(&ctx)?;
            follow(&board, &ctx, &options)
        };
        let part =
            move |content_type, text| move |ctx: Context| self.send(&ctx, content_type, text);
        let scope = scope
            // One route, so that it stands under every policy for trailing slashes.
            .get("/_ringlane/{*part?}", move |ctx: Context| {
                self.admit(&ctx)?;
                match ctx.path() {
                    "/_ringlane/" => self.send(&ctx, "text/html; charset=utf-8", PAGE)?,
                    "/_ringlane" => ctx.redirect(StatusCode::PERMANENT_REDIRECT, "/_ringlane/"),
                    _ => return Err(Error::new(StatusCode::NOT_FOUND, "not found")),
                }
                crate::ok()
            })
            .get("/_ringlane/page.css", part("text/css", STYLE))
            .get("/_ringlane/charts.js", part("text/javascript", CHARTS))
            .get("/_ringlane/page.js", part("text/javascript", SCRIPT))
            .get("/_ringlane/icon.svg", part("image/svg+xml", ICON))
            .get("/_ringlane/about", about)
            .get("/_ringlane/events", events);
        scope.after_on_core(move |core| Board::lay(&lanes, core))
    }
}

impl Dashboard {
    fn send(self, ctx: &Context, content_type: &'static str, text: &'static str) -> Result {
        self.admit(ctx)?;
        ctx.set_header("Content-Security-Policy", POLICY)
            .set_header("X-Content-Type-Options", "nosniff")
            .set_header("Referrer-Policy", "no-referrer")
            .set_header("Cache-Control", "no-cache")
            .set_content_type(content_type)
            .bytes(text.as_bytes());
        Ok(())
    }
}

/// What proxies say, in one header or another: then the client is elsewhere, or nobody knows where.
const FORWARDING: [&str; 6] = [
    "Forwarded",
    "Via",
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
];

/// Whether a proxy has handed the request on.
fn is_forwarded(ctx: &Context) -> bool {
    const PREFIX: &[u8] = b"x-forwarded-";
    ctx.headers().any(|(name, _)| {
        let start = name.as_bytes().get(..PREFIX.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
            || FORWARDING
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
    })
}

/// Whether the client is on this machine and means it: the name it asks for may be somebody else's
/// that was made to lead here. Behind a proxy on this machine nobody is.
fn is_local(ctx: &Context) -> bool {
    let host = ctx.host();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let is_named = host.eq_ignore_ascii_case("localhost")
        || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_named
        && !is_forwarded(ctx)
        && matches!(ctx.peer_address(), Some(Address::Tcp(peer))
            if peer.ip().to_canonical().is_loopback())
}

/// Follows the samples; who is the first has them taken.
fn follow(board: &Arc<Board>, ctx: &Context, options: &Options) -> Result {
    let topics = ctx.topics();
    let history = History::default().max_events(KEPT_MAX);
    let history = history.max_age(Duration::from_secs(KEPT_MAX as u64));
    topics
        .keep_history(&board.topic, history)
        .map_err(Error::internal)?;
    ctx.event_stream_of_with(&board.topic, options)?;
    if !board.is_watched.swap(true, Ordering::SeqCst) {
        let vitals = Arc::clone(&ctx.0.core.vitals);
        let _runs_by_itself = task::spawn(sampler::run(Arc::clone(board), topics, vitals));
    }
    Ok(())
}

/// What does not change while a server runs.
#[derive(Serialize)]
struct About<'a> {
    version: &'static str,
    driver: &'a str,
    cores: usize,
    process: u32,
    /// Of the history, in seconds.
    kept: usize,
}

impl<'a> About<'a> {
    fn of(ctx: &'a Context) -> Self {
        let vitals = &ctx.0.core.vitals;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            driver: vitals.driver(),
            cores: vitals.status().cores.len(),
            process: std::process::id(),
            kept: KEPT_MAX,
        }
    }
}

/// What the cores share of one dashboard.
struct Board {
    /// What its pages follow: a name that nobody who may choose topics can guess.
    topic: String,
    /// A sampler runs, and the cores measure for it.
    is_watched: AtomicBool,
    lanes: Mutex<Vec<Option<Arc<Lane>>>>,
}

impl Default for Board {
    fn default() -> Self {
        let [a, b] = [(); 2].map(|()| RandomState::new().hash_one("dashboard"));
        Self {
            topic: format!("_ringlane-{a:016x}{b:016x}"),
            is_watched: AtomicBool::default(),
            lanes: Mutex::default(),
        }
    }
}

impl Board {
    /// What one core does after each request. One that begins again, on another driver, takes its
    /// former place.
    fn lay(board: &Arc<Self>, core: &Core) -> impl Fn(&Context) + use<> {
        let (board, lane) = (Arc::clone(board), Arc::new(Lane::here()));
        {
            let mut lanes = board.lanes();
            if lanes.len() <= core.number {
                lanes.resize_with(core.number + 1, || None);
            }
            lanes[core.number] = Some(Arc::clone(&lane));
        }
        move |ctx: &Context| {
            // Relaxed: it does not matter which of the first requests are measured.
            if board.is_watched.load(Ordering::Relaxed) {
                lane.record(ctx);
            }
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Option<Arc<Lane>>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board")
            .field("is_watched", &self.is_watched)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
