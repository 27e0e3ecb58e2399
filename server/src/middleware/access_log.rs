//! One line of the log for each request.

use super::Middleware;
use crate::{Address, Builder, Context};

/// Logs each request once it is over, as a `tracing` event of level INFO and target
/// `ringlane::access`, with the fields `method`, `path`, `status`, `micros`, `peer`, and where they
/// are there `route` (the pattern that matched), `client` (if a proxy stands before it),
/// `user_agent` and `request_id`.
///
/// It is the outermost layer if it is written first; then `micros` is all the time from the
/// request's head to the end of its layers, and the status is that which the client gets.
///
/// ```
/// use ringlane::Server;
/// use ringlane::middleware::AccessLog;
///
/// let server = Server::builder().with(AccessLog::new()).get("/", |_| "logged").build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessLog(());

impl AccessLog {
    /// With all fields.
    pub fn new() -> Self {
        Self(())
    }
}

impl Middleware for AccessLog {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        scope.after(log)
    }
}

fn log(ctx: &Context) {
    if !tracing::enabled!(target: "ringlane::access", tracing::Level::INFO) {
        return; // looking up the peer is a system call
    }
    let micros = u64::try_from(ctx.age().as_micros()).unwrap_or(u64::MAX);
    let peer = ctx.peer_address();
    let client = ctx.client_address().filter(|&client| match &peer {
        Some(Address::Tcp(peer)) => peer.ip().to_canonical() != client,
        _ => true,
    });
    let peer = peer.map(|address| address.to_string());
    tracing::info!(
        target: "ringlane::access",
        method = %ctx.method(),
        path = ctx.path(),
        route = ctx.route(),
        status = ctx.status().as_u16(),
        micros,
        peer,
        client = client.map(tracing::field::display),
        user_agent = ctx.header("User-Agent"),
        request_id = ctx.request_id(),
    );
}
