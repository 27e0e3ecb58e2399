//! The servers that are compared: how each is built and started.
//!
//! To add a peer: a crate in `bench/peers`, and a row in [`CONTENDERS`].
//!
//! Not here: building (`build.rs`), running (`measure.rs`).

use serde::Serialize;

/// Stands for the port in a command.
pub(crate) const PORT: &str = "{port}";

/// What a server is measured for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// A command from the command line; no bar concerns it.
    Extra,
    /// Answers without reading: what the kernel's path costs at least.
    Floor,
    /// Another framework.
    Peer,
    /// The one that the bars are for.
    Ringlane,
    /// Ringlane in another mode; no bar concerns it.
    Variant,
}

/// Where a server's binary comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// It is there.
    Given,
    /// This package of `bench/peers`, with a binary of the same name.
    Peers(&'static str),
    /// The package `ringlane`.
    Root,
}

/// One server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) source: Source,
    /// Program and arguments; the program counts from the repository's root.
    pub(crate) command: Vec<String>,
}

/// A server, and whether it is measured without being asked for.
type Entry = (fn() -> Contender, bool);

/// All that are known, in the order of a round.
pub(crate) const CONTENDERS: [Entry; 7] = [
    (
        || Contender::ringlane("ringlane", Role::Ringlane, &[]),
        true,
    ),
    (
        || Contender::ringlane("ringlane-epoll", Role::Variant, &["--driver", "epoll"]),
        false,
    ),
    (
        || Contender::peers("floor-uring", Role::Floor, "floor-uring", &[]),
        true,
    ),
    // Gathering requests pays or costs, depending on the load: the better floor counts.
    (
        || Contender::peers("floor-uring-eager", Role::Floor, "floor-uring", &["0"]),
        true,
    ),
    (
        || Contender::peers("floor-epoll", Role::Floor, "floor-epoll", &[]),
        true,
    ),
    (
        || Contender::peers("peer-hyper", Role::Peer, "peer-hyper", &[]),
        true,
    ),
    (
        || Contender::peers("peer-actix", Role::Peer, "peer-actix", &[]),
        true,
    ),
];

impl Contender {
    fn ringlane(name: &str, role: Role, more: &[&str]) -> Self {
        let bind = format!("127.0.0.1:{PORT}");
        let start = [
            "target/release/ringlane",
            "demo",
            "--bind",
            &bind,
            "--workers",
            "1",
        ];
        Self {
            name: name.to_owned(),
            role,
            source: Source::Root,
            command: start
                .iter()
                .chain(more)
                .map(|word| (*word).to_owned())
                .collect(),
        }
    }

    fn peers(name: &str, role: Role, package: &'static str, more: &[&str]) -> Self {
        let binary = format!("bench/peers/target/release/{package}");
        let start = [binary.as_str(), PORT];
        Self {
            name: name.to_owned(),
            role,
            source: Source::Peers(package),
            command: start
                .iter()
                .chain(more)
                .map(|word| (*word).to_owned())
                .collect(),
        }
    }

    pub(crate) fn extra(name: &str, command: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            role: Role::Extra,
            source: Source::Given,
            command,
        }
    }
}
