//! Reads the scenarios, the files in `bench/scenarios`.
//!
//! Always true here:
//! - A scenario names its servers, and each of them is known.
//! - What a scenario does not know of is an error, never ignored.
//!
//! Not here: how long and how often (`arguments.rs`), how a bar is judged (`bars.rs`).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::contender;

/// One kind of load.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The name of its file.
    #[serde(skip)]
    pub(crate) name: String,
    /// Place among the others.
    order: u32,
    /// What it shows, for the heads of tables.
    pub(crate) title: String,
    /// Measured when no scenario is asked for by name.
    #[serde(default)]
    pub(crate) by_default: bool,
    pub(crate) generator: Generator,
    pub(crate) connections: u32,
    /// Requests that a connection has under way.
    #[serde(default = "one")]
    pub(crate) pipeline_depth: u32,
    /// What one of is counted.
    #[serde(default)]
    pub(crate) unit: Unit,
    /// Of ringlane-load: the mode, then options.
    #[serde(default)]
    pub(crate) load: Vec<String>,
    /// Memory is what matters: no warm-up, so that nothing is there before the load.
    #[serde(default)]
    pub(crate) is_about_memory: bool,
    /// CPU counts from when all connections are there, not from when the first one is opened. Of
    /// ringlane-load.
    #[serde(default)]
    pub(crate) leaves_out_opening: bool,
    /// The load lasts so long at least.
    #[serde(default)]
    pub(crate) seconds_min: u32,
    /// Latency at these percentages of the rate that all servers can sustain.
    #[serde(default)]
    pub(crate) latency_percents: Vec<u32>,
    /// In the order of a round.
    pub(crate) servers: Vec<String>,
    pub(crate) probe: Probe,
    #[serde(default)]
    pub(crate) bars: Bars,
}

/// What makes the load.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Generator {
    #[default]
    Wrk,
    RinglaneLoad,
}

/// What is counted, and what CPU time is divided by.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    Connection,
    Delivery,
    Message,
    #[default]
    Request,
}

/// What a server is asked before it is loaded, and has to answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probe {
    pub(crate) path: String,
    /// Asked by POST, if there is one.
    pub(crate) body: Option<String>,
    /// The body of the answer.
    pub(crate) expect: Option<String>,
    /// Its length, where it is too long to be written down.
    pub(crate) expect_bytes: Option<usize>,
    /// No body is waited for: the first line of the answer says so much.
    pub(crate) expect_status: Option<u16>,
    /// A field that the request must have.
    pub(crate) field: Option<String>,
}

/// What ringlane has to show.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bars {
    /// Most CPU per unit, in percent of the lowest floor.
    pub(crate) floor_percent_max: Option<u32>,
    /// Less CPU per unit than every peer.
    #[serde(default)]
    pub(crate) below_peers: bool,
    /// Most CPU per unit, in percent of certain peers.
    #[serde(default)]
    pub(crate) peer_percent_max: BTreeMap<String, u32>,
    /// Least units per second, in percent of the best peer.
    pub(crate) rate_percent_min: Option<u32>,
    /// Most private memory per connection, and less than every peer.
    pub(crate) connection_bytes_max: Option<u32>,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Delivery => "delivery",
            Self::Message => "message",
            Self::Request => "request",
        }
    }

    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Connection => "connections",
            Self::Delivery => "deliveries",
            Self::Message => "messages",
            Self::Request => "requests",
        }
    }
}

fn one() -> u32 {
    1
}

/// All of them, in the order in which they run.
pub(crate) fn read_all(root: &Path) -> io::Result<Vec<Scenario>> {
    let mut all = Vec::new();
    for file in fs::read_dir(root.join("bench/scenarios"))? {
        let path = file?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let wrong = |what: String| io::Error::other(format!("scenario {name}: {what}"));
            let text = fs::read_to_string(&path)?;
            all.push(parse(&name, &text).map_err(wrong)?);
        }
    }
    all.sort_by(|a: &Scenario, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
    Ok(all)
}

fn parse(name: &str, text: &str) -> Result<Scenario, String> {
    let mut scenario: Scenario = toml::from_str(text).map_err(|error| error.to_string())?;
    name.clone_into(&mut scenario.name);
    for server in &scenario.servers {
        if contender::find(server).is_none() {
            return Err(format!("there is no server {server}"));
        }
    }
    let known = |peer: &String| scenario.servers.contains(peer);
    if let Some(peer) = scenario
        .bars
        .peer_percent_max
        .keys()
        .find(|peer| !known(peer))
    {
        return Err(format!("a bar is about {peer}, which is not measured"));
    }
    if scenario.generator == Generator::RinglaneLoad && scenario.load.is_empty() {
        return Err("ringlane-load needs a mode".to_owned());
    }
    if scenario.generator == Generator::Wrk && scenario.leaves_out_opening {
        return Err("wrk does not say when all connections are there".to_owned());
    }
    Ok(scenario)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The scenario of that name.
    pub(crate) fn scenario(name: &str) -> Scenario {
        let all = read_all(&ringlane_bench::root()).expect("every scenario can be read");
        let found = all.into_iter().find(|scenario| scenario.name == name);
        found.expect("there is such a scenario")
    }

    #[test]
    fn every_file_can_be_read() {
        let all = read_all(&ringlane_bench::root()).expect("every scenario can be read");
        let names: Vec<_> = all.iter().map(|scenario| scenario.name.as_str()).collect();
        assert!(names.starts_with(&["plaintext", "pipelined"]), "{names:?}");
        for (index, scenario) in all.iter().enumerate() {
            assert!(!scenario.servers.is_empty(), "{}", scenario.name);
            let same = all[..index]
                .iter()
                .find(|other| other.order == scenario.order);
            assert_eq!(same.map(|other| &other.name), None, "{}", scenario.name);
        }
    }

    #[test]
    fn files_that_are_wrong() {
        let good = "order = 1\ntitle = 'x'\ngenerator = 'wrk'\nconnections = 1\n\
            servers = ['ringlane']\nprobe = { path = '/' }\n";
        assert!(parse("good", good).is_ok());
        let check = |from: &str, to: &str, expected: &str| {
            let error = parse("bad", &good.replace(from, to)).expect_err("wrong");
            assert!(error.contains(expected), "{error}");
        };
        check("'ringlane'", "'nobody'", "there is no server nobody");
        check("'wrk'", "'ab'", "unknown variant");
        check("'wrk'", "'ringlane-load'", "ringlane-load needs a mode");
        check("order", "odrer", "unknown field");
        let opening = "leaves_out_opening = true\ntitle";
        check("title", opening, "wrk does not say");
        let more = format!("{good}bars = {{ peer_percent_max = {{ peer-hyper = 60 }} }}\n");
        let error = parse("bad", &more).expect_err("a peer that is not there");
        assert!(
            error.contains("peer-hyper, which is not measured"),
            "{error}"
        );
    }
}
