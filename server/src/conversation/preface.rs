//! Connections that begin with the word of a proxy about whom they are for.
//!
//! Always true here:
//! - Whether a connection owes a preface is known before its first byte: by who its peer is.
//! - One that owes it and does not pay in the time of a head is closed without an answer.
//!
//! Not here: how prefaces are read (the protocol's `proxy.rs`).

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;

use ringlane_protocol::{Endpoint, ProxyEnds, ProxyParsed, parse_proxy};
use ringlane_reactor::{Address, End, Intent, Io, local};

use super::{Conversation, FIRST_REQUEST_TIME, HttpCore};
use crate::escaped::Escaped;
use crate::networks::Networks;

/// Whose connections begin with a preface.
#[derive(Clone, Debug)]
pub(crate) struct PrefaceRule {
    pub(crate) from: Networks,
    /// Nobody else may connect.
    pub(crate) refuses_others: bool,
}

/// What a connection owes before its first request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Preface {
    /// Nothing, or it has come.
    #[default]
    Done,
    Owed,
    /// It is not allowed to be here.
    Refused,
}

/// The ends of a connection, as a proxy told them.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) peer: Address,
    pub(crate) local: Address,
}

impl HttpCore {
    /// What a new connection owes.
    pub(super) fn owed_preface(&self, io: &mut Io<'_>) -> Preface {
        let Some(rule) = &self.core.preface else {
            return Preface::Done;
        };
        let owed = match local::address(io.socket(), End::Peer) {
            Ok(peer) if rule.from.has(&peer) => Preface::Owed,
            Ok(_) if !rule.refuses_others => Preface::Done,
            Ok(_) | Err(_) => Preface::Refused,
        };
        match owed {
            Preface::Done => {}
            Preface::Owed => {
                let time = self.core.limits.head_time;
                let time = if io.draining {
                    time.min(FIRST_REQUEST_TIME)
                } else {
                    time
                };
                io.set_deadline(io.now + time);
            }
            Preface::Refused => io.waker().wake(),
        }
        owed
    }

    /// Takes the preface. Gives what is to happen while it is not there.
    #[cold]
    pub(super) fn take_preface(
        &self,
        conversation: &mut Conversation,
        io: &mut Io<'_>,
    ) -> Option<Intent> {
        if conversation.preface == Preface::Refused {
            return Some(self.refuse_preface(&"the peer is not in the networks that may send one"));
        }
        let (consumed, ends) = match parse_proxy(io.input.bytes()) {
            Ok(ProxyParsed::Complete { consumed, ends }) => (consumed, ends_of(ends)),
            // A check whether the port is open.
            Ok(ProxyParsed::Partial) if io.peer_finished && io.input.bytes().is_empty() => {
                return Some(Intent::Finish);
            }
            Ok(ProxyParsed::Partial) if io.peer_finished => {
                return Some(self.refuse_preface(&"it ended before its end"));
            }
            Ok(ProxyParsed::Partial) => {
                if io.draining {
                    let soon = io.now + FIRST_REQUEST_TIME;
                    io.set_deadline(io.deadline().min(soon));
                }
                return Some(Intent::Continue);
            }
            Err(error) => return Some(self.refuse_preface(&error)),
        };
        io.input.consume(consumed);
        conversation.preface = Preface::Done;
        conversation.ends = ends.map(Rc::new);
        None
    }

    /// Closes a connection whose preface did not come as it must.
    #[cold]
    pub(super) fn refuse_preface(&self, why: &dyn std::fmt::Display) -> Intent {
        tracing::debug!(why = %Escaped(why), "a connection was closed at its PROXY preface");
        self.core.counts.prefaces_refused.add();
        Intent::Abort
    }
}

fn ends_of(ends: ProxyEnds<'_>) -> Option<Ends> {
    match ends {
        ProxyEnds::Tcp {
            source,
            destination,
        } => Some(Ends {
            peer: tcp(source),
            local: tcp(destination),
        }),
        ProxyEnds::Unix {
            source,
            destination,
        } => Some(Ends {
            peer: unix(source),
            local: unix(destination),
        }),
        _ => None, // the ends of the socket itself count
    }
}

fn tcp(Endpoint { address, port }: Endpoint) -> Address {
    Address::Tcp(SocketAddr::from((address, port)))
}

fn unix(path: &[u8]) -> Address {
    let path = (!path.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(path)));
    Address::Unix(path)
}
