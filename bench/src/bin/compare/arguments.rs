//! The command line, checked once.
//!
//! Not here: defaults of a scenario (`scenario.rs`), which servers exist (`contender.rs`).

use std::str::FromStr;

use crate::contender::{self, Contender, PORT};
use crate::scenario::Scenario;

pub(crate) const USAGE: &str = "\
usage: compare [OPTION]...

  --scenario NAME      a file of bench/scenarios, without .toml; may be repeated
                       (default: plaintext and pipelined)
  --all                every scenario
  --resume             leave out scenarios with a result of today
  --only NAME,...      measure these servers only
  --also NAME=COMMAND  measure this command as well; {port} in it is replaced
  --rounds N           rounds of all servers (default 5)
  --seconds N          load per server and round (default 3)
  --warm-up N          load before that, not measured, in seconds (default 1)
  --server-core N      core of the servers (default 0)
  --load-core N        core of the generator (default 1)
  --no-build           take what is built
  --no-save            write no file
  --check              fail if ringlane misses a bar
  --list               name the scenarios and their servers, and measure nothing
  --report             write docs/PERFORMANCE.md and its images from bench/results, and
                       measure nothing
  --help
";

const ROUNDS_MAX: u32 = 1000;
const SECONDS_MAX: u32 = 600;
const CORES_MAX: u32 = 4096;

/// What to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Task {
    List,
    Measure,
    Report,
}

/// What to measure, and how.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) task: Task,
    names: Vec<String>,
    all: bool,
    pub(crate) resume: bool,
    only: Option<Vec<String>>,
    also: Vec<Contender>,
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    pub(crate) warm_up_seconds: u32,
    pub(crate) server_core: u32,
    pub(crate) load_core: u32,
    pub(crate) build: bool,
    pub(crate) save: bool,
    pub(crate) check: bool,
}

impl Arguments {
    /// Nothing if help was asked for; an error is a sentence for the user.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let mut words = words.into_iter();
        let mut parsed = Self {
            task: Task::Measure,
            names: Vec::new(),
            all: false,
            resume: false,
            only: None,
            also: Vec::new(),
            rounds: 5,
            seconds: 3,
            warm_up_seconds: 1,
            server_core: 0,
            load_core: 1,
            build: true,
            save: true,
            check: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--scenario" => parsed.names.push(value()?),
                "--all" => parsed.all = true,
                "--resume" => parsed.resume = true,
                "--only" => parsed.only = Some(value()?.split(',').map(str::to_owned).collect()),
                "--also" => {
                    let contender = extra(&value()?)?;
                    if parsed.is_taken(&contender.name) {
                        return Err(format!("two servers are called {}", contender.name));
                    }
                    parsed.also.push(contender);
                }
                "--rounds" => parsed.rounds = number(&value()?, 1, ROUNDS_MAX)?,
                "--seconds" => parsed.seconds = number(&value()?, 1, SECONDS_MAX)?,
                "--warm-up" => parsed.warm_up_seconds = number(&value()?, 0, SECONDS_MAX)?,
                "--server-core" => parsed.server_core = number(&value()?, 0, CORES_MAX)?,
                "--load-core" => parsed.load_core = number(&value()?, 0, CORES_MAX)?,
                "--no-build" => parsed.build = false,
                "--no-save" => parsed.save = false,
                "--check" => parsed.check = true,
                "--list" => parsed.task = Task::List,
                "--report" => parsed.task = Task::Report,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option {word}")),
            }
        }
        if parsed.server_core == parsed.load_core {
            return Err("the servers and the generator need a core each".to_owned());
        }
        Ok(Some(parsed))
    }

    /// How long the load of a scenario lasts.
    pub(crate) fn seconds_of(&self, scenario: &Scenario) -> u32 {
        self.seconds.max(scenario.seconds_min)
    }

    /// The scenarios that are asked for, each with its servers.
    pub(crate) fn plan(
        &self,
        scenarios: Vec<Scenario>,
    ) -> Result<Vec<(Scenario, Vec<Contender>)>, String> {
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

    fn is_taken(&self, name: &str) -> bool {
        let is_same = |contender: &Contender| contender.name == name;
        self.also.iter().any(is_same) || contender::find(name).is_some()
    }
}

/// A server from the command line.
fn extra(text: &str) -> Result<Contender, String> {
    let (name, command) = text
        .split_once('=')
        .ok_or_else(|| format!("{text} is not NAME=COMMAND"))?;
    let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    if name.is_empty() || !command.iter().any(|word| word.contains(PORT)) {
        return Err(format!(
            "{text} is not NAME=COMMAND with {PORT} in the command"
        ));
    }
    Ok(Contender::extra(name, command))
}

fn number(text: &str, min: u32, max: u32) -> Result<u32, String> {
    u32::from_str(text)
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| format!("{text} is not a number from {min} to {max}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tests::scenario;

    /// What a line would do: scenarios, the servers of the first one, and rounds.
    fn outline(line: &str) -> Result<String, String> {
        let words = line.split_terminator('|').map(str::to_owned);
        let Some(arguments) = Arguments::parse(words)? else {
            return Ok("help".to_owned());
        };
        let scenarios = ["plaintext", "pipelined", "single", "crowd"].map(scenario);
        let plan = arguments.plan(scenarios.to_vec())?;
        let names: Vec<&str> = plan
            .iter()
            .map(|(scenario, _)| scenario.name.as_str())
            .collect();
        let servers = plan[0].1.iter().map(|contender| contender.name.as_str());
        let servers: Vec<&str> = servers.collect();
        let rounds = arguments.rounds;
        Ok(format!(
            "{} of {} x{rounds}",
            names.join("+"),
            servers.join("+")
        ))
    }

    #[track_caller]
    fn check(line: &str, expected: Result<&str, &str>) {
        let outline = outline(line);
        assert_eq!(outline.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn command_lines() {
        let all = scenario("plaintext").servers.join("+");
        check("", Ok(&format!("plaintext+pipelined of {all} x5")));
        check("--help", Ok("help"));
        check(
            "--only|ringlane|--all",
            Ok("plaintext+pipelined+single+crowd of ringlane x5"),
        );
        check(
            "--only|floor-epoll|--scenario|single|--scenario|crowd",
            Ok("single+crowd of floor-epoll x5"),
        );
        check(
            "--only|ringlane-epoll,mine|--also|mine=./x {port}",
            Ok("plaintext+pipelined of ringlane-epoll+mine x5"),
        );
        check(
            "--only|ringlane|--rounds|1000",
            Ok("plaintext+pipelined of ringlane x1000"),
        );
        check("--rounds|1001", Err("1001 is not a number from 1 to 1000"));
        check("--rounds|0", Err("0 is not a number from 1 to 1000"));
        check("--rounds", Err("--rounds needs a value"));
        check("--seconds|x", Err("x is not a number from 1 to 600"));
        check("--only|nobody", Err("unknown server nobody"));
        check("--scenario|nothing", Err("unknown scenario nothing"));
        check("--also|mine", Err("mine is not NAME=COMMAND"));
        check(
            "--also|mine=./x",
            Err("mine=./x is not NAME=COMMAND with {port} in the command"),
        );
        check(
            "--also|ringlane=./x {port}",
            Err("two servers are called ringlane"),
        );
        check(
            "--load-core|0",
            Err("the servers and the generator need a core each"),
        );
        check("--fast", Err("unknown option --fast"));
    }
}
