//! The loads that are compared, and the bar that each sets for ringlane.
//!
//! Not here: how long and how often (`arguments.rs`), how a bar is judged (`bars.rs`).

use serde::Serialize;

/// One kind of load.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) connections: u32,
    /// Requests that a connection has under way.
    pub(crate) pipeline_depth: u32,
    /// Measured when no scenario is asked for by name.
    #[serde(skip)]
    pub(crate) by_default: bool,
    /// Most CPU per request that ringlane may take, in percent of the better floor.
    #[serde(skip)]
    pub(crate) floor_percent_max: Option<u32>,
}

/// All of them, in the order in which they run.
pub(crate) const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "plaintext",
        connections: 64,
        pipeline_depth: 1,
        by_default: true,
        floor_percent_max: Some(105),
    },
    Scenario {
        name: "pipelined",
        connections: 64,
        pipeline_depth: 16,
        by_default: true,
        floor_percent_max: Some(130),
    },
    Scenario {
        name: "single",
        connections: 1,
        pipeline_depth: 1,
        by_default: false,
        floor_percent_max: None,
    },
    Scenario {
        name: "crowd",
        connections: 1024,
        pipeline_depth: 1,
        by_default: false,
        floor_percent_max: None,
    },
];
