//! The servers that are compared: how each is built and started.
//!
//! To add a peer: a crate in `bench/peers`, a row in [`NAMES`], and its name in scenarios.
//!
//! Not here: building (`build.rs`), running (`measure.rs`).

use serde::{Deserialize, Serialize};

/// Stands for the port in a command.
pub(crate) const PORT: &str = "{port}";

/// What a server is measured for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
    /// A program of our own package.
    Bench(&'static str),
    /// A script that starts what is installed; with `--setup` it installs it, or says what is
    /// missing.
    Script,
}

/// One server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) source: Source,
    /// Program and arguments; the program counts from the repository's root.
    pub(crate) command: Vec<String>,
    /// On the generator's core as well as on its own.
    pub(crate) on_both_cores: bool,
}

/// How a server of that name is made.
type Make = fn(&str) -> Contender;

/// Every server that is known by name.
const NAMES: [(&str, Make); 22] = [
    ("ringlane", |name| {
        Contender::demo(name, Role::Ringlane, &[])
    }),
    ("ringlane-epoll", |name| {
        Contender::demo(name, Role::Variant, &["--driver", "epoll"])
    }),
    // Polls before it sleeps: what that gains with few connections.
    ("ringlane-spin", |name| {
        Contender::demo(name, Role::Variant, &["--spin", "100"])
    }),
    // Built with profile-guided optimisation (on request, for it takes minutes to build).
    ("ringlane-profiled", |name| Contender {
        role: Role::Variant,
        ..Contender::script(name, "bench/profiled")
    }),
    ("ringlane-target", |name| {
        Contender::target(name, Role::Ringlane, &[])
    }),
    ("ringlane-guarded", |name| {
        Contender::target(name, Role::Ringlane, &["guarded"])
    }),
    ("ringlane-two-workers", |name| Contender {
        on_both_cores: true,
        ..Contender::target(name, Role::Ringlane, &["two-workers"])
    }),
    // What the layers of `ringlane-guarded` cost.
    ("ringlane-bare", |name| {
        Contender::target(name, Role::Variant, &[])
    }),
    ("floor-uring", |name| {
        Contender::peers(name, Role::Floor, "floor-uring", &[])
    }),
    // Gathering requests pays or costs, depending on the load: the lowest floor counts.
    ("floor-uring-eager", |name| {
        Contender::peers(name, Role::Floor, "floor-uring", &["0"])
    }),
    ("floor-epoll", |name| {
        Contender::peers(name, Role::Floor, "floor-epoll", &[])
    }),
    ("peer-actix", |name| {
        Contender::peers(name, Role::Peer, "peer-actix", &[])
    }),
    ("peer-axum", |name| {
        Contender::peers(name, Role::Peer, "peer-axum", &[])
    }),
    ("peer-fastwebsockets", |name| {
        Contender::peers(name, Role::Peer, "peer-fastwebsockets", &[])
    }),
    ("peer-hyper", |name| {
        Contender::peers(name, Role::Peer, "peer-hyper", &[])
    }),
    ("peer-hyperlane", |name| {
        Contender::peers(name, Role::Peer, "peer-hyperlane", &[])
    }),
    ("peer-may", |name| {
        Contender::peers(name, Role::Peer, "peer-may", &[])
    }),
    ("peer-ntex", |name| {
        Contender::peers(name, Role::Peer, "peer-ntex", &[])
    }),
    ("peer-xitca", |name| {
        Contender::peers(name, Role::Peer, "peer-xitca", &[])
    }),
    ("peer-nginx", |name| {
        Contender::script(name, "bench/peers/nginx/run")
    }),
    ("peer-node", |name| {
        Contender::script(name, "bench/peers/node/run")
    }),
    ("peer-bun", |name| {
        Contender::script(name, "bench/peers/bun/run")
    }),
];

/// The server of that name.
pub(crate) fn find(name: &str) -> Option<Contender> {
    let (name, make) = NAMES.iter().find(|(known, _)| *known == name)?;
    Some(make(name))
}

impl Contender {
    fn demo(name: &str, role: Role, more: &[&str]) -> Self {
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
            on_both_cores: false,
        }
    }

    fn target(name: &str, role: Role, more: &[&str]) -> Self {
        let start = ["target/release/ringlane-target", PORT];
        Self {
            name: name.to_owned(),
            role,
            source: Source::Bench("ringlane-target"),
            command: start
                .iter()
                .chain(more)
                .map(|word| (*word).to_owned())
                .collect(),
            on_both_cores: false,
        }
    }

    fn script(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            role: Role::Peer,
            source: Source::Script,
            command: [path, PORT].map(str::to_owned).to_vec(),
            on_both_cores: false,
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
            on_both_cores: false,
        }
    }

    pub(crate) fn extra(name: &str, command: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            role: Role::Extra,
            source: Source::Given,
            command,
            on_both_cores: false,
        }
    }
}
