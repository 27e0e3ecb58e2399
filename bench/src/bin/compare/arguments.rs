//! Parses and checks the command line of `compare`.
//!
//! Not here: defaults of a scenario (`scenario.rs`), which servers exist (`contender.rs`).

use clap::Parser;

use crate::contender::{self, Contender, PORT};
use crate::scenario::Scenario;

const SECONDS_MAX: i64 = 600;
const CORES_MAX: i64 = 4096;

/// Ringlane beside the floors and its peers, in one interleaved run per scenario.
#[derive(Debug, Parser)]
#[command(name = "compare", version)]
pub(crate) struct Arguments {
    /// A file of bench/scenarios, without .toml; may be repeated. Without it: plaintext and
    /// pipelined.
    #[arg(long = "scenario", value_name = "NAME")]
    names: Vec<String>,
    /// Every scenario.
    #[arg(long)]
    all: bool,
    /// Leave out scenarios with a result of today.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Measure these servers only.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    only: Option<Vec<String>>,
    /// Measure this command as well; {port} in it is replaced.
    #[arg(long, value_name = "NAME=COMMAND", value_parser = extra)]
    also: Vec<Contender>,
    /// Rounds of all servers.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Load per server and round.
    #[arg(long, default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(1..=SECONDS_MAX))]
    pub(crate) seconds: u32,
    /// Load before that, not measured.
    #[arg(long = "warm-up", value_name = "SECONDS", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(0..=SECONDS_MAX))]
    pub(crate) warm_up_seconds: u32,
    /// Core of the servers.
    #[arg(long, value_name = "N", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=CORES_MAX))]
    pub(crate) server_core: u32,
    /// Core of the generator.
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(0..=CORES_MAX))]
    pub(crate) load_core: u32,
    /// Take what is built.
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Write no file.
    #[arg(long)]
    pub(crate) no_save: bool,
    /// Fail if ringlane misses a bar.
    #[arg(long)]
    pub(crate) check: bool,
    /// Name the scenarios and their servers, and measure nothing.
    #[arg(long, conflicts_with = "report")]
    pub(crate) list: bool,
    /// Write docs/PERFORMANCE.md, its images and the README's figures from bench/results, and
    /// measure nothing.
    #[arg(long)]
    pub(crate) report: bool,
}

impl Arguments {
    /// How long the load of a scenario lasts.
    pub(crate) fn seconds_of(&self, scenario: &Scenario) -> u32 {
        self.seconds.max(scenario.seconds_min)
    }

    /// The scenarios that are asked for, each with its servers.
    pub(crate) fn plan(
        &self,
        scenarios: Vec<Scenario>,
    ) -> Result<Vec<(Scenario, Vec<Contender>)>, String> {
        if self.server_core == self.load_core {
            return Err("the servers and the generator need a core each".to_owned());
        }
        for (index, contender) in self.also.iter().enumerate() {
            let name = &contender.name;
            let is_same = |other: &Contender| other.name == *name;
            if contender::find(name).is_some() || self.also[..index].iter().any(is_same) {
                return Err(format!("two servers are called {name}"));
            }
        }
        let is_known = |name: &String| scenarios.iter().any(|scenario| scenario.name == *name);
        if let Some(name) = self.names.iter().find(|name| !is_known(name)) {
            return Err(format!("unknown scenario {name}"));
        }
        let is_asked_for = |scenario: &Scenario| match &self.names[..] {
            [] => self.all || scenario.by_default,
            names => names.contains(&scenario.name),
        };
        let asked_for = scenarios.into_iter().filter(is_asked_for);
        let with_servers = asked_for.map(|scenario| {
            let servers = self.servers(&scenario)?;
            Ok((scenario, servers))
        });
        with_servers.collect()
    }

    /// Its own servers, or those of them and of all others that are asked for.
    fn servers(&self, scenario: &Scenario) -> Result<Vec<Contender>, String> {
        let also = self.also.iter().cloned();
        let Some(names) = &self.only else {
            let own = scenario.servers.iter();
            let own = own.filter_map(|name| contender::find(name));
            return Ok(own.chain(also).collect());
        };
        let chosen = names.iter().map(|name| {
            let also = self.also.iter().find(|contender| contender.name == *name);
            let found = also.cloned().or_else(|| contender::find(name));
            found.ok_or_else(|| format!("unknown server {name}"))
        });
        chosen.collect()
    }
}

/// A server from the command line.
fn extra(text: &str) -> Result<Contender, String> {
    let (name, command) = text
        .split_once('=')
        .ok_or_else(|| "not NAME=COMMAND".to_owned())?;
    let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    if name.is_empty() || !command.iter().any(|word| word.contains(PORT)) {
        return Err(format!("not NAME=COMMAND with {PORT} in the command"));
    }
    Ok(Contender::extra(name, command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tests::scenario;

    /// What a line would do: scenarios, the servers of the first one, and rounds.
    fn outline(line: &str) -> Result<String, String> {
        let words = ["compare"].into_iter().chain(line.split_terminator('|'));
        let arguments = Arguments::try_parse_from(words).map_err(|error| error.to_string())?;
        let scenarios = ["plaintext", "pipelined", "single", "crowd"].map(scenario);
        let plan = arguments.plan(scenarios.to_vec())?;
        let names = plan.iter().map(|(scenario, _)| scenario.name.as_str());
        let servers = plan[0].1.iter().map(|contender| contender.name.as_str());
        let [names, servers] = [names.collect::<Vec<_>>(), servers.collect()];
        let (names, servers) = (names.join("+"), servers.join("+"));
        Ok(format!("{names} of {servers} x{}", arguments.rounds))
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(outline(line).as_deref(), Ok(expected));
    }

    /// What is wrong with a line is said in these words, among others.
    #[track_caller]
    fn check_wrong(line: &str, expected: &str) {
        let wrong = outline(line).expect_err("the line is wrong");
        assert!(wrong.contains(expected), "{wrong}");
    }

    #[test]
    fn command_lines() {
        let all = scenario("plaintext").servers.join("+");
        check("", &format!("plaintext+pipelined of {all} x5"));
        check(
            "--only|ringlane|--all",
            "plaintext+pipelined+single+crowd of ringlane x5",
        );
        check(
            "--only|floor-epoll|--scenario|single|--scenario|crowd",
            "single+crowd of floor-epoll x5",
        );
        check(
            "--only|ringlane-epoll,mine|--also|mine=./x {port}",
            "plaintext+pipelined of ringlane-epoll+mine x5",
        );
        check(
            "--only|ringlane|--rounds|1000",
            "plaintext+pipelined of ringlane x1000",
        );
    }

    #[test]
    fn wrong_command_lines() {
        check_wrong("--rounds|1001", "1001 is not in 1..=1000");
        check_wrong("--rounds|0", "0 is not in 1..=1000");
        check_wrong("--rounds", "a value is required for '--rounds");
        check_wrong("--seconds|x", "invalid value 'x' for '--seconds");
        check_wrong("--only|nobody", "unknown server nobody");
        check_wrong("--scenario|nothing", "unknown scenario nothing");
        check_wrong("--also|mine", "not NAME=COMMAND");
        check_wrong("--also|mine=./x", "not NAME=COMMAND with {port}");
        let twice = "two servers are called";
        check_wrong("--also|ringlane=./x {port}", &format!("{twice} ringlane"));
        let also = "--also|mine=./x {port}";
        check_wrong(&format!("{also}|{also}"), &format!("{twice} mine"));
        check_wrong("--load-core|0", "need a core each");
        check_wrong("--fast", "unexpected argument '--fast'");
        check_wrong("--list|--report", "cannot be used with");
    }
}
