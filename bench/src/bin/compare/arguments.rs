//! The command line, checked once.
//!
//! Not here: defaults of a scenario (`scenario.rs`), which servers exist (`contender.rs`).

use std::str::FromStr;

use crate::contender::{CONTENDERS, Contender, PORT};
use crate::scenario::{SCENARIOS, Scenario};

pub(crate) const USAGE: &str = "\
usage: compare [OPTION]...

  --scenario NAME      plaintext, pipelined, single or crowd; may be repeated
                       (default: plaintext and pipelined)
  --only NAME,...      measure these servers only
  --also NAME=COMMAND  measure this command as well; {port} in it is replaced
  --rounds N           rounds of all servers (default 5)
  --seconds N          load per server and round (default 3)
  --warm-up N          load before that, not measured, in seconds (default 1)
  --server-core N      core of the servers (default 0)
  --load-core N        core of wrk (default 1)
  --no-build           take what is built
  --no-save            write no file
  --check              fail if ringlane misses a bar
  --help
";

const ROUNDS_MAX: u32 = 1000;
const SECONDS_MAX: u32 = 600;
const CORES_MAX: u32 = 4096;

/// What to measure, and how.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) contenders: Vec<Contender>,
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
        let mut names = Vec::new();
        let mut also = Vec::new();
        let mut only: Option<Vec<String>> = None;
        let mut parsed = Self {
            scenarios: Vec::new(),
            contenders: Vec::new(),
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
                "--scenario" => names.push(value()?),
                "--only" => only = Some(value()?.split(',').map(str::to_owned).collect()),
                "--also" => also.push(extra(&value()?)?),
                "--rounds" => parsed.rounds = number(&value()?, 1, ROUNDS_MAX)?,
                "--seconds" => parsed.seconds = number(&value()?, 1, SECONDS_MAX)?,
                "--warm-up" => parsed.warm_up_seconds = number(&value()?, 0, SECONDS_MAX)?,
                "--server-core" => parsed.server_core = number(&value()?, 0, CORES_MAX)?,
                "--load-core" => parsed.load_core = number(&value()?, 0, CORES_MAX)?,
                "--no-build" => parsed.build = false,
                "--no-save" => parsed.save = false,
                "--check" => parsed.check = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option {word}")),
            }
        }
        if parsed.server_core == parsed.load_core {
            return Err("the servers and wrk need a core each".to_owned());
        }
        parsed.scenarios = scenarios(&names)?;
        parsed.contenders = contenders(only, also)?;
        Ok(Some(parsed))
    }
}

fn scenarios(names: &[String]) -> Result<Vec<Scenario>, String> {
    let chosen = |scenario: &Scenario| match names {
        [] => scenario.by_default,
        names => names.iter().any(|name| name == scenario.name),
    };
    if let Some(name) = names
        .iter()
        .find(|name| SCENARIOS.iter().all(|scenario| scenario.name != **name))
    {
        return Err(format!("unknown scenario {name}"));
    }
    Ok(SCENARIOS.into_iter().filter(chosen).collect())
}

fn contenders(only: Option<Vec<String>>, also: Vec<Contender>) -> Result<Vec<Contender>, String> {
    let known = CONTENDERS
        .iter()
        .map(|(contender, by_default)| (contender(), *by_default));
    let known: Vec<_> = known
        .chain(also.into_iter().map(|contender| (contender, true)))
        .collect();
    for (index, (contender, _)) in known.iter().enumerate() {
        if known[..index]
            .iter()
            .any(|(other, _)| other.name == contender.name)
        {
            return Err(format!("two servers are called {}", contender.name));
        }
    }
    let Some(only) = only else {
        return Ok(known
            .into_iter()
            .filter(|(_, by_default)| *by_default)
            .map(|(contender, _)| contender)
            .collect());
    };
    if let Some(name) = only
        .iter()
        .find(|name| known.iter().all(|(contender, _)| contender.name != **name))
    {
        return Err(format!("unknown server {name}"));
    }
    let chosen = known.into_iter().map(|(contender, _)| contender);
    Ok(chosen
        .filter(|contender| only.contains(&contender.name))
        .collect())
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

    #[track_caller]
    fn check(line: &str, expected: Result<&str, &str>) {
        let parsed = Arguments::parse(line.split_terminator('|').map(str::to_owned));
        let outline = parsed.map(|arguments| match arguments {
            None => "help".to_owned(),
            Some(arguments) => {
                let scenarios: Vec<_> = arguments
                    .scenarios
                    .iter()
                    .map(|scenario| scenario.name)
                    .collect();
                let names: Vec<_> = arguments
                    .contenders
                    .iter()
                    .map(|contender| contender.name.as_str())
                    .collect();
                format!(
                    "{} of {} x{}",
                    scenarios.join("+"),
                    names.join("+"),
                    arguments.rounds
                )
            }
        });
        assert_eq!(outline.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn command_lines() {
        let all = "ringlane+floor-uring+floor-uring-eager+floor-epoll+peer-hyper+peer-actix";
        check("", Ok(&format!("plaintext+pipelined of {all} x5")));
        check("--help", Ok("help"));
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
        check("--load-core|0", Err("the servers and wrk need a core each"));
        check("--fast", Err("unknown option --fast"));
    }
}
