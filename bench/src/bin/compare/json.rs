//! The result of a run: every sample, and on which machine and with which versions it was taken.
//!
//! Always true here: shares are of one core, sizes and times carry their unit in their name. What
//! can be computed from the samples is not kept.
//!
//! Not here: how a sample is taken (`measure.rs`), the files (`results.rs`), the table on the
//! terminal (`table.rs`).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::arguments::Arguments;
use crate::contender::{Contender, Role};
use crate::load::{Counted, Errors};
use crate::scenario::{Generator, Scenario, Unit};
use ringlane_bench::calendar::Moment;
use ringlane_bench::folded::round;
use ringlane_bench::machine::Machine;
use ringlane_bench::statistics::Spread;

/// Raised when a reader of older files would misread a newer one.
pub(crate) const FORMAT: u32 = 2;

/// What the numbers of a sample are, in the order in which they are kept.
pub(crate) const COLUMNS: [&str; 16] = [
    "round",
    "requests",
    "requests_per_second",
    "cpu_us_per_request",
    "user_us_per_request",
    "system_us_per_request",
    "p50_us",
    "p99_us",
    "errors",
    "pss_kib",
    "connection_bytes",
    "enters_per_request",
    "server_core_share",
    "load_core_share",
    "others_core_share",
    "stolen_core_share",
];

/// One file in `bench/results`.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) format: u32,
    pub(crate) scenario: Kept,
    pub(crate) started: Moment,
    pub(crate) method: Method,
    pub(crate) machine: Machine,
    /// [`COLUMNS`].
    pub(crate) columns: Vec<String>,
    /// Least CPU per request first; those without figures last.
    pub(crate) rows: Vec<Row>,
}

/// What is kept of a scenario.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Kept {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) generator: Generator,
    #[serde(default)]
    pub(crate) unit: Unit,
    pub(crate) connections: u32,
    pub(crate) pipeline_depth: u32,
    /// Of ringlane-load: the mode, then options.
    #[serde(default, rename = "load")]
    pub(crate) options: Vec<String>,
}

/// Latency at a rate that every server can sustain, sent when due.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Latency {
    /// Of the least rate in this run.
    pub(crate) percent: u32,
    pub(crate) per_second: f64,
    pub(crate) p50_us: Spread,
    pub(crate) p99_us: Spread,
    pub(crate) p999_us: Spread,
    pub(crate) errors: u64,
    /// Due and not sent when a sample ended: with more than a few the percentiles are too good.
    pub(crate) unsent: u64,
}

/// How the samples were taken.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Method {
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    pub(crate) warm_up_seconds: u32,
    pub(crate) server_core: u32,
    pub(crate) load_core: u32,
}

/// One server.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) command: String,
    /// Why there are no figures, or fewer than there should be.
    pub(crate) failure: Option<String>,
    /// Length of one answer.
    pub(crate) answer_bytes: Option<usize>,
    /// Median CPU per request over that of the lowest floor.
    #[serde(skip)]
    pub(crate) floor_ratio: Option<f64>,
    #[serde(skip)]
    pub(crate) summary: Option<Summary>,
    /// At rates that every server can sustain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) latencies: Vec<Latency>,
    pub(crate) samples: Vec<Sample>,
}

/// One server in one round. Kept as an array, in the order of [`COLUMNS`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) requests: u64,
    pub(crate) requests_per_second: f64,
    pub(crate) cpu_us_per_request: f64,
    pub(crate) user_us_per_request: f64,
    pub(crate) system_us_per_request: f64,
    /// As wrk corrects it; none with pipelining, where the correction does not hold.
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    #[serde(deserialize_with = "none_is_zero")]
    pub(crate) errors: Errors,
    /// Under load.
    pub(crate) pss_kib: u64,
    /// What its own written pages grew by under load, per connection.
    #[serde(default)]
    pub(crate) connection_bytes: Option<f64>,
    /// Calls into the kernel that submit or wait, where the server counts them.
    #[serde(default)]
    pub(crate) enters_per_request: Option<f64>,
    pub(crate) server_core_share: f64,
    pub(crate) load_core_share: f64,
    /// Other programs, on both cores together.
    pub(crate) others_core_share: f64,
    /// The hypervisor's other guests, on both cores together.
    pub(crate) stolen_core_share: f64,
}

/// All rounds of one server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) cpu_us_per_request: Spread,
    pub(crate) user_us_per_request: Spread,
    pub(crate) system_us_per_request: Spread,
    pub(crate) requests_per_second: Spread,
    pub(crate) p50_us: Option<Spread>,
    pub(crate) p99_us: Option<Spread>,
    pub(crate) errors: u64,
    pub(crate) pss_kib: Spread,
    pub(crate) connection_bytes: Option<Spread>,
    pub(crate) enters_per_request: Option<Spread>,
    pub(crate) server_core_share: Spread,
    pub(crate) load_core_share: Spread,
    pub(crate) others_core_share: Spread,
    pub(crate) stolen_core_share: Spread,
}

impl Report {
    /// Ranks the rows and relates them to the lowest floor.
    pub(crate) fn new(
        scenario: &Scenario,
        arguments: &Arguments,
        mut rows: Vec<Row>,
        machine: Machine,
        started: Moment,
    ) -> Self {
        relate(&mut rows);
        rows.sort_by(|a, b| {
            let key = |row: &Row| row.cpu_us().unwrap_or(f64::INFINITY);
            key(a).total_cmp(&key(b))
        });
        let method = Method {
            rounds: arguments.rounds,
            seconds: arguments.seconds_of(scenario),
            warm_up_seconds: arguments.warm_up_seconds,
            server_core: arguments.server_core,
            load_core: arguments.load_core,
        };
        Self {
            format: FORMAT,
            scenario: Kept::of(scenario),
            started,
            method,
            machine,
            columns: COLUMNS.map(str::to_owned).to_vec(),
            rows,
        }
    }

    /// Computes again what is not kept.
    pub(crate) fn complete(&mut self) {
        self.rows.iter_mut().for_each(Row::summarise);
        relate(&mut self.rows);
    }
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let figures = (
            self.round,
            self.requests,
            round(self.requests_per_second),
            round(self.cpu_us_per_request),
            round(self.user_us_per_request),
            round(self.system_us_per_request),
            self.p50_us.map(round),
            self.p99_us.map(round),
            (self.errors != Errors::default()).then_some(self.errors),
            self.pss_kib,
            self.connection_bytes.map(round),
            self.enters_per_request.map(round),
            round(self.server_core_share),
            round(self.load_core_share),
            round(self.others_core_share),
            round(self.stolen_core_share),
        );
        figures.serialize(serializer)
    }
}

fn none_is_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Errors, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Latency {
    /// Nothing without samples.
    pub(crate) fn of(percent: u32, per_second: f64, samples: &[Counted]) -> Option<Self> {
        let spread = |field: fn(&Counted) -> f64| Spread::of(samples.iter().map(field));
        let errors = samples.iter().map(|sample| sample.errors.total());
        let unsent = samples.iter().map(|sample| sample.unsent);
        Some(Self {
            percent,
            per_second,
            p50_us: spread(|sample| sample.p50_us)?,
            p99_us: spread(|sample| sample.p99_us)?,
            p999_us: spread(|sample| sample.p999_us)?,
            errors: errors.sum(),
            unsent: unsent.sum(),
        })
    }
}

impl Kept {
    /// How many connections, and what each of them has under way.
    pub(crate) fn load(&self) -> String {
        let connections = match self.connections {
            1 => "1 connection".to_owned(),
            count => format!("{count} connections"),
        };
        match (self.pipeline_depth, self.unit) {
            (1, Unit::Connection | Unit::Delivery) => connections,
            (1, unit) => format!("{connections}, one {} at a time on each", unit.name()),
            (depth, unit) => format!("{connections}, {depth} {} in flight on each", unit.plural()),
        }
    }

    fn of(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            generator: scenario.generator,
            unit: scenario.unit,
            connections: scenario.connections,
            pipeline_depth: scenario.pipeline_depth,
            options: scenario.load.clone(),
        }
    }
}

/// Relates every row to the lowest floor: the least median CPU per request of a floor that did not
/// fail in any round.
fn relate(rows: &mut [Row]) {
    let floors = rows
        .iter()
        .filter(|row| row.role == Role::Floor && row.failure.is_none());
    let floor = floors.filter_map(Row::cpu_us).min_by(f64::total_cmp);
    for row in rows {
        row.floor_ratio = row.cpu_us().zip(floor).map(|(own, floor)| own / floor);
    }
}

impl Row {
    pub(crate) fn new(contender: &Contender, failure: Option<String>) -> Self {
        Self {
            name: contender.name.clone(),
            role: contender.role,
            command: contender.command.join(" "),
            failure,
            answer_bytes: None,
            floor_ratio: None,
            summary: None,
            latencies: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Median CPU per request.
    pub(crate) fn cpu_us(&self) -> Option<f64> {
        self.summary
            .as_ref()
            .map(|summary| summary.cpu_us_per_request.median)
    }

    /// Computes the summary of the samples that there are.
    pub(crate) fn summarise(&mut self) {
        self.summary = Summary::of(&self.samples);
    }
}

impl Summary {
    /// Nothing without samples.
    fn of(samples: &[Sample]) -> Option<Self> {
        let spread = |field: fn(&Sample) -> f64| Spread::of(samples.iter().map(field));
        let optional =
            |field: fn(&Sample) -> Option<f64>| Spread::of(samples.iter().filter_map(field));
        Some(Self {
            cpu_us_per_request: spread(|sample| sample.cpu_us_per_request)?,
            user_us_per_request: spread(|sample| sample.user_us_per_request)?,
            system_us_per_request: spread(|sample| sample.system_us_per_request)?,
            requests_per_second: spread(|sample| sample.requests_per_second)?,
            p50_us: optional(|sample| sample.p50_us),
            p99_us: optional(|sample| sample.p99_us),
            errors: samples.iter().map(|sample| sample.errors.total()).sum(),
            pss_kib: spread(|sample| sample.pss_kib as f64)?,
            connection_bytes: optional(|sample| sample.connection_bytes),
            enters_per_request: optional(|sample| sample.enters_per_request),
            server_core_share: spread(|sample| sample.server_core_share)?,
            load_core_share: spread(|sample| sample.load_core_share)?,
            others_core_share: spread(|sample| sample.others_core_share)?,
            stolen_core_share: spread(|sample| sample.stolen_core_share)?,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::scenario::tests::scenario;

    /// A row as measured with `cpu` µs per request, or one that failed.
    pub(crate) fn row(name: &str, role: Role, cpu: Option<f64>) -> Row {
        let mut contender = Contender::extra(name, vec!["./server".to_owned()]);
        contender.role = role;
        let mut row = Row::new(&contender, None);
        match cpu {
            Some(cpu) => row.samples.push(sample(name, cpu)),
            None => row.failure = Some("does not start: exit status: 1".to_owned()),
        }
        row.summarise();
        row
    }

    fn sample(name: &str, cpu: f64) -> Sample {
        Sample {
            round: 1,
            requests: 1,
            requests_per_second: 1e6 / cpu,
            cpu_us_per_request: cpu,
            user_us_per_request: cpu / 4.0,
            system_us_per_request: cpu * 3.0 / 4.0,
            p50_us: Some(200.0),
            p99_us: Some(300.0),
            errors: Errors::default(),
            pss_kib: 2048,
            connection_bytes: None,
            enters_per_request: (name == "ringlane").then_some(0.25),
            server_core_share: 0.99,
            load_core_share: 0.5,
            others_core_share: 0.0,
            stolen_core_share: 0.0,
        }
    }

    pub(crate) fn report(rows: Vec<Row>) -> Report {
        let arguments = Arguments::try_parse_from(["compare"]).expect("defaults are valid");
        let machine = ringlane_bench::machine::describe(std::path::Path::new("."));
        Report::new(
            &scenario("plaintext"),
            &arguments,
            rows,
            machine,
            Moment::now(),
        )
    }

    #[test]
    fn loads_in_words() {
        let mut kept = Kept::of(&scenario("plaintext"));
        assert_eq!(kept.load(), "64 connections, one request at a time on each");
        kept.connections = 1;
        kept.unit = Unit::Delivery;
        assert_eq!(kept.load(), "1 connection");
        kept.pipeline_depth = 16;
        assert_eq!(kept.load(), "1 connection, 16 deliveries in flight on each");
    }

    #[test]
    fn rows_are_ranked_and_related_to_the_lowest_floor() {
        let report = report(vec![
            row("a", Role::Peer, None),
            row("b", Role::Ringlane, Some(6.0)),
            row("c", Role::Floor, Some(5.0)),
            row("d", Role::Floor, Some(4.0)),
        ]);
        let ranks: Vec<_> = report
            .rows
            .iter()
            .map(|row| (row.name.as_str(), row.floor_ratio))
            .collect();
        assert_eq!(
            ranks,
            [
                ("d", Some(1.0)),
                ("c", Some(1.25)),
                ("b", Some(1.5)),
                ("a", None)
            ]
        );
    }
}
