//! From a request to a socket: the handshake is judged, and its 101 is written down as the answer.
//!
//! Always true here:
//! - A handshake that breaks a rule is answered with that rule's status and fields.
//! - What was opened and then not answered with 101 is closed again.
//!
//! Not here: the rules (the protocol's), sending the answer (`conversation/switch.rs`).

use std::cell::Cell;
use std::rc::Rc;

use ringlane_protocol::StatusCode;
use ringlane_protocol::websocket::{Accepted, HandshakeError, Receiver, Role, pair};

use super::link::Link;
use super::upgraded::{Endpoint, Upgraded};
use super::{Options, Socket};
use crate::context::exchange::DownloadState;
use crate::{Context, Error, Result};

/// What only a 101 says.
const OF_HANDSHAKE: [&str; 3] = [
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
];

/// A valid handshake that is not answered yet.
pub(super) struct Half<'o> {
    accepted: Accepted<'o>,
    receiver: Receiver,
    link: Rc<Link>,
}

impl<'o> Half<'o> {
    /// Judges the handshake.
    pub(super) fn of(ctx: &Context, options: &'o Options) -> Result<Self> {
        let record = &*ctx.0;
        if ctx.is_committed() {
            return Err(Error::internal("the response was committed before"));
        }
        let Some(waker) = record.exchange.waker() else {
            return Err(Error::internal("the request is over"));
        };
        let settings = options.get();
        let accepted = match settings.policy.accept(&record.head) {
            Ok(accepted) => accepted,
            Err(error) => return Err(refuse(ctx, error)),
        };
        let (receiver, sender) = pair(Role::Server, &settings.codec, accepted.deflate.as_ref());
        let names = &settings.policy.protocols;
        let protocol = accepted.protocol.and_then(|chosen| {
            let place = names.iter().position(|name| name == chosen)?;
            u8::try_from(place).ok()
        });
        let sockets = Rc::clone(&record.core.sockets);
        let takes_compressed = accepted.deflate.is_some();
        let link = Link::new(
            sockets,
            options.clone(),
            waker,
            sender,
            takes_compressed,
            protocol,
        );
        Ok(Self {
            accepted,
            receiver,
            link: Rc::new(link),
        })
    }

    pub(super) fn socket(&self) -> Socket {
        Socket(Rc::clone(&self.link))
    }
}

/// Writes down what the client could do better.
fn refuse(ctx: &Context, error: HandshakeError) -> Error {
    let mut headers = ctx.0.reply.headers.borrow_mut();
    let status = match error.set_headers(&mut headers) {
        Ok(()) => error.status(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR, // layers have set as many as there can be
    };
    Error::new(status, error.to_string())
}

/// What a request is about to become; kept with it until its answer is sent.
#[derive(Default)]
pub(crate) struct Upgrade(Cell<Option<Box<Upgraded>>>);

/// Makes 101 the answer.
pub(super) fn install(ctx: &Context, half: Half<'_>, endpoint: Endpoint) -> Result {
    let socket = half.socket();
    let Half {
        accepted, receiver, ..
    } = half;
    let upgraded = Box::new(Upgraded::new(receiver, socket, endpoint));
    if ctx.is_committed() {
        upgraded.refuse();
        return Err(Error::internal(
            "the response was committed while it was a handshake",
        ));
    }
    let written = accepted.set_headers(&mut ctx.0.reply.headers.borrow_mut());
    if let Err(error) = written {
        upgraded.refuse();
        return Err(Error::internal(error));
    }
    ctx.0.reply.status.set(StatusCode::SWITCHING_PROTOCOLS);
    ctx.0.exchange.download.state.set(DownloadState::Upgraded);
    ctx.0.upgrade.put(upgraded);
    Ok(())
}

impl Upgrade {
    /// Keeps what was opened; what was opened before for the same request is closed again.
    fn put(&self, upgraded: Box<Upgraded>) {
        if let Some(before) = self.0.replace(Some(upgraded)) {
            before.refuse();
        }
    }

    /// Closes what was opened, if it is still here.
    #[inline]
    pub(crate) fn forget(&mut self) {
        if let Some(upgraded) = self.0.take() {
            upgraded.refuse();
        }
    }

    /// What the connection becomes, if the answer is still the one that says so.
    pub(crate) fn take(ctx: &Context) -> Option<Box<Upgraded>> {
        let upgraded = ctx.0.upgrade.0.take()?;
        let reply = &ctx.0.reply;
        if reply.is_faulty.get() || reply.status.get() != StatusCode::SWITCHING_PROTOCOLS {
            upgraded.refuse();
            let mut headers = reply.headers.borrow_mut();
            for name in OF_HANDSHAKE {
                headers.remove(name);
            }
            return None;
        }
        Some(upgraded)
    }
}

/// The request ended without an answer: so did what was opened for it.
impl Drop for Upgrade {
    fn drop(&mut self) {
        self.forget();
    }
}
