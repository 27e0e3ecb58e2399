//! The result of a ladder run: machine, method, and all samples of each step.
//!
//! Not here: which steps there are (`steps.rs`).

use serde::{Deserialize, Serialize};

use ringlane_bench::calendar::Moment;
use ringlane_bench::machine::Machine;
use ringlane_bench::statistics::Spread;

/// One run.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Ladder {
    pub(crate) started: Moment,
    pub(crate) machine: Machine,
    pub(crate) method: Method,
    pub(crate) steps: Vec<Step>,
}

/// How long, and how often.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Method {
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    pub(crate) warm_up_seconds: u32,
    pub(crate) connections: u32,
    /// A storm is so many bursts, one after the other, of so many connections.
    pub(crate) bursts: u32,
    pub(crate) burst: u32,
}

impl Method {
    pub(crate) fn new(quick: bool) -> Self {
        let (rounds, seconds, bursts) = match quick {
            true => (1, 1, 2),
            false => (5, 2, 5),
        };
        Self {
            rounds,
            seconds,
            warm_up_seconds: 1,
            connections: 64,
            bursts,
            burst: 3_000,
        }
    }
}

/// One setting in its variants, the first of which the others are compared with.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) load: Load,
    /// Why the whole step was not measured.
    pub(crate) missing: Option<String>,
    pub(crate) variants: Vec<Variant>,
}

/// What a server is asked for, and over which way.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Load {
    /// Small answers over loopback.
    Loopback,
    /// Small answers over loopback to a single connection.
    Single,
    /// Small answers over a veth pair between two namespaces.
    Veth,
    /// Answers of 128 KiB over loopback.
    Large,
    /// New connections in bursts, over loopback.
    Storm,
}

/// One way to set it.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// Commands, run in the server's namespace before it starts.
    pub(crate) settings: Vec<String>,
    /// Options of the server.
    pub(crate) options: Vec<String>,
    /// Whether the server may use all CPUs.
    pub(crate) unpinned: bool,
    /// What transparent huge pages are set to meanwhile.
    pub(crate) huge_pages: Option<String>,
    /// Why it was not measured, or no further.
    pub(crate) failure: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

/// One load of one server.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// CPU time of the server per answer or connection.
    pub(crate) cpu_us: f64,
    /// Answers or connections.
    pub(crate) per_second: f64,
    /// Of an answer under load, or of connecting.
    pub(crate) p99_us: f64,
    /// Connections that found the queue full.
    pub(crate) overflows: u64,
    /// Errors that the generator counted.
    pub(crate) errors: u64,
}

impl Variant {
    pub(crate) fn spread(&self, of: fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().map(of))
    }

    pub(crate) fn total(&self, of: fn(&Sample) -> u64) -> u64 {
        self.samples.iter().map(of).sum()
    }
}
