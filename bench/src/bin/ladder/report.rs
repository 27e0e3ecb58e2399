//! The ladder in the guide, and its plot, made of `bench/results/ladder.json`: no figure is typed.
//!
//! Always true here: the same file makes the same page; without one the page says so.
//!
//! Not here: what surrounds the marks in the guide.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::result::{Ladder, Load, Sample, Step, Variant};
use crate::steps;
use ringlane_bench::statistics::Spread;

/// The latest run, in `bench/results`.
pub(crate) const RESULT: &str = "ladder.json";

const GUIDE: &str = "docs/KERNEL-TUNING.md";
const PLOT: &str = "docs/images/ladder.svg";
const BEGIN: &str = "<!-- ladder: made by `bench/ladder report` -->\n";
const END: &str = "<!-- ladder: end -->\n";

const MISSING: &str = "\nThere is no result yet: `bench/ladder` makes one.\n\n";

/// Writes the guide and the plot.
pub(crate) fn write(root: &Path) -> io::Result<()> {
    for (name, text) in pages(root)? {
        fs::write(root.join(&name), text)?;
    }
    Ok(())
}

/// The files to write: names from the root, and contents.
fn pages(root: &Path) -> io::Result<Vec<(String, String)>> {
    let guide = fs::read_to_string(root.join(GUIDE))?;
    let mut pages = Vec::new();
    let between = match latest(root)? {
        None => MISSING.to_owned(),
        Some(ladder) => {
            pages.push((PLOT.to_owned(), plot(&ladder)));
            section(&ladder)
        }
    };
    pages.push((GUIDE.to_owned(), replace(&guide, &between)?));
    Ok(pages)
}

/// What stands between the marks, exchanged.
fn replace(guide: &str, between: &str) -> io::Result<String> {
    let parts = guide.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some(format!("{before}{BEGIN}{between}{END}{after}"))
    });
    parts.ok_or_else(|| io::Error::other(format!("{GUIDE} lacks the marks of the ladder")))
}

/// The latest result, if there is one.
fn latest(root: &Path) -> io::Result<Option<Ladder>> {
    let path = root.join("bench/results").join(RESULT);
    if !path.exists() {
        return Ok(None);
    }
    let wrong = |error| io::Error::other(format!("{RESULT}: {error}"));
    let ladder = serde_json::from_slice(&fs::read(path)?).map_err(wrong)?;
    Ok(Some(ladder))
}

fn section(ladder: &Ladder) -> String {
    let unknown = || "unknown".to_owned();
    let (machine, method) = (&ladder.machine, &ladder.method);
    format!(
        "\n![CPU time of the server, relative to the first variant of each step](images/ladder.svg)\n\n\
         {cpu}, {cores} cores, Linux {kernel}; {rounds} interleaved rounds of {seconds} s on {day}, \
         {connections} connections, one worker on one CPU, wrk on the other. A storm is {bursts} bursts of \
         {burst} new connections: p99 and the comparison are about connecting, errors are \
         connections that failed. With 1 connection the comparison is about the time of an answer. All samples: [`{RESULT}`](../bench/results/{RESULT}).\n\n{table}\n",
        cpu = machine.cpu.clone().unwrap_or_else(unknown),
        cores = machine.cores,
        kernel = machine.kernel.clone().unwrap_or_else(unknown),
        rounds = method.rounds,
        seconds = method.seconds,
        day = ladder.started.day(),
        connections = method.connections,
        bursts = method.bursts,
        burst = method.burst,
        table = table(ladder),
    )
}

/// Rows of all variants, then what was not measured.
pub(crate) fn table(ladder: &Ladder) -> String {
    let mut text = "| step | variant | CPU µs | against the first | per second | p99 ms | overflows | errors |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let mut remarks = String::new();
    let mut known = steps::all(); // what can be measured by now
    known.retain(|step| step.missing.is_none());
    // Writing to a String does not fail.
    for step in &ladder.steps {
        if let Some(reason) = &step.missing {
            let reason = match known.iter().any(|one| one.name == step.name) {
                true => "this run is older than its step",
                false => reason,
            };
            let _ = writeln!(remarks, "- {}: not measured: {reason}.", step.title);
        }
        for variant in &step.variants {
            if let Some(line) = line(step, variant) {
                let _ = writeln!(text, "{line}");
            }
            if let Some(reason) = &variant.failure {
                let reason = reason.lines().next().unwrap_or_default();
                let _ = writeln!(
                    remarks,
                    "- {}, {}: failed: {reason}.",
                    step.title, variant.name
                );
            }
        }
    }
    if !remarks.is_empty() {
        text.push('\n');
    }
    text + &remarks
}

fn line(step: &Step, variant: &Variant) -> Option<String> {
    let cpu = variant.spread(cpu)?;
    let rate = variant.spread(|sample| sample.per_second)?;
    let p99 = variant.spread(|sample| sample.p99_us / 1e3)?;
    let is_first = std::ptr::eq(variant, &raw const step.variants[0]);
    let against = match ratio(step, variant) {
        Some(ratio) if !is_first => format!("{:+.1} %", 100.0 * (ratio.median - 1.0)),
        _ => String::new(),
    };
    let overflows = match step.load {
        Load::Storm => variant.total(|sample| sample.overflows).to_string(),
        _ => String::new(),
    };
    Some(format!(
        "| {} | {} | {:.2} ({:.2} to {:.2}) | {against} | {:.0} | {:.2} ({:.2} to {:.2}) | {overflows} | {} |",
        if is_first { &step.title } else { "" },
        variant.name,
        cpu.median,
        cpu.min,
        cpu.max,
        rate.median,
        p99.median,
        p99.min,
        p99.max,
        variant.total(|sample| sample.errors),
    ))
}

fn cpu(sample: &Sample) -> f64 {
    sample.cpu_us
}

/// What a step is about: what the server's CPU does, or how long clients wait, those of a storm and
/// one that is alone.
fn subject(step: &Step) -> fn(&Sample) -> f64 {
    match step.load {
        Load::Storm => |sample| sample.p99_us,
        Load::Single => |sample| 1e6 / sample.per_second.max(1.0),
        Load::Loopback | Load::Veth | Load::Large => cpu,
    }
}

/// The subject against the median of the step's first variant.
fn ratio(step: &Step, variant: &Variant) -> Option<Spread> {
    let first = step.variants.first()?.spread(subject(step))?.median;
    let own = variant.spread(subject(step))?;
    (first > 0.0).then(|| Spread {
        median: own.median / first,
        min: own.min / first,
        max: own.max / first,
    })
}

const ROW: usize = 24;
const NAMES: f64 = 420.0;
const BARS: f64 = 420.0;

/// Bars of the medians with lines from the least to the most: a few shapes need no library.
fn plot(ladder: &Ladder) -> String {
    let mut rows = Vec::new();
    for step in &ladder.steps {
        for (index, variant) in step.variants.iter().enumerate() {
            if let Some(ratio) = ratio(step, variant) {
                rows.push((
                    index == 0,
                    format!("{}: {}", step.title, variant.name),
                    ratio,
                ));
            }
        }
    }
    let most = rows
        .iter()
        .map(|(_, _, ratio)| ratio.max)
        .fold(1.0, f64::max);
    let x = |ratio: f64| NAMES + ratio / most * BARS;
    let (width, height) = (NAMES + BARS + 80.0, ROW * (rows.len() + 2));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"18\">CPU time of the server (storm: p99 of connecting), first variant = 1; lines: least to most</text>\n\
         <line x1=\"{one:.1}\" y1=\"28\" x2=\"{one:.1}\" y2=\"{height}\" stroke=\"#a8a29e\" stroke-dasharray=\"3 3\"/>\n",
        one = x(1.0),
    );
    for (index, (is_first, name, ratio)) in rows.iter().enumerate() {
        let top = ROW * (index + 1) + 8;
        let color = if *is_first { "#a8a29e" } else { "#c2410c" };
        let (base, middle) = (top + 13, top + 8);
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "<text x=\"8\" y=\"{base}\">{name}</text>\n\
             <rect x=\"{NAMES}\" y=\"{top}\" width=\"{length:.1}\" height=\"16\" fill=\"{color}\"/>\n\
             <line x1=\"{least:.1}\" y1=\"{middle}\" x2=\"{end:.1}\" y2=\"{middle}\" stroke=\"black\"/>\n\
             <text x=\"{beside:.1}\" y=\"{base}\">{median:.2}</text>",
            length = x(ratio.median) - NAMES,
            least = x(ratio.min),
            end = x(ratio.max),
            beside = x(ratio.max) + 6.0,
            median = ratio.median,
        );
    }
    text.push_str("</svg>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Method;
    use ringlane_bench::calendar::Moment;

    /// Whoever commits a result, or changes what is made of it, runs `bench/ladder report`.
    #[test]
    fn the_guide_is_what_the_latest_result_makes() -> io::Result<()> {
        let root = ringlane_bench::root();
        for (name, text) in pages(&root)? {
            let there = fs::read_to_string(root.join(&name)).unwrap_or_default();
            assert!(
                there == text,
                "{name} is not up to date: run bench/ladder report"
            );
        }
        Ok(())
    }

    fn ladder() -> Ladder {
        let variant = |name: &str, cpu: &[f64]| Variant {
            name: name.to_owned(),
            samples: cpu
                .iter()
                .map(|cpu_us| Sample {
                    cpu_us: *cpu_us,
                    overflows: 3,
                    ..Sample::default()
                })
                .collect(),
            ..Variant::default()
        };
        let mut broken = variant("broken", &[]);
        broken.failure = Some("no such thing\nat all".to_owned());
        let step = |title: &str, missing: Option<&str>, variants| Step {
            name: title.to_owned(),
            title: title.to_owned(),
            load: if title == "A" {
                Load::Large
            } else {
                Load::Storm
            },
            missing: missing.map(str::to_owned),
            variants,
        };
        Ladder {
            started: Moment::now(),
            machine: ringlane_bench::machine::describe(Path::new("/")),
            method: Method::new(true),
            steps: vec![
                step(
                    "A",
                    None,
                    vec![
                        variant("one", &[2.0, 4.0, 3.0]),
                        variant("two", &[6.0]),
                        broken,
                    ],
                ),
                step("B", Some("it is not there"), Vec::new()),
            ],
        }
    }

    #[test]
    fn a_table_shows_spreads_failures_and_reasons() {
        let ladder = ladder();
        let text = table(&ladder);
        for part in [
            "| A | one | 3.00 (2.00 to 4.00) |  |",
            "|  | two | 6.00 (6.00 to 6.00) | +100.0 % |",
            "- A, broken: failed: no such thing.\n",
            "- B: not measured: it is not there.\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let plot = plot(&ladder);
        assert!(
            plot.contains("A: two") && !plot.contains("broken"),
            "{plot}"
        );
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let text = serde_json::to_string(&ladder()).expect("JSON");
        let again: Ladder = serde_json::from_str(&text).expect("the same");
        assert_eq!(again.steps[0].variants[0].samples.len(), 3);
    }

    #[test]
    fn marks_are_needed() {
        let guide = format!("a\n{BEGIN}old\n{END}b\n");
        let replaced = replace(&guide, "new\n").expect("marks");
        assert_eq!(replaced, format!("a\n{BEGIN}new\n{END}b\n"));
        assert!(replace("a\n", "new\n").is_err());
    }
}
