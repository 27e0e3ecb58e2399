//! Reads and writes the result files: `bench/results/SCENARIO.json`, the latest run of each
//! scenario.
//!
//! Always true here: a file of another format, or with other columns, is an error, never misread.
//!
//! Not here: what a result holds (`json.rs`), what is made of it (`report.rs`, `front.rs`).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::json::{COLUMNS, FORMAT, Report};
use ringlane_bench::folded;

/// Results of other programs in the same folder.
const OTHERS: [&str; 2] = ["ladder.json", "scaling.json"];

/// The file of a scenario, from the root.
fn name(scenario: &str) -> String {
    format!("bench/results/{scenario}.json")
}

/// Replaces the scenario's result; returns the file's name from the root.
pub(crate) fn save(report: &Report, root: &Path) -> io::Result<String> {
    let name = name(&report.scenario.name);
    folded::write(report, root, &name)?;
    Ok(name)
}

/// Whether the scenario's result is of that day.
pub(crate) fn is_of(scenario: &str, day: &str, root: &Path) -> bool {
    read(&root.join(name(scenario))).is_ok_and(|report| report.started.day() == day)
}

/// The result of each scenario, by its name.
pub(crate) fn read_all(root: &Path) -> io::Result<BTreeMap<String, Report>> {
    let mut all = BTreeMap::new();
    for file in fs::read_dir(root.join("bench/results"))? {
        let file = file?;
        let file_name = file.file_name().to_string_lossy().into_owned();
        if OTHERS.contains(&file_name.as_str()) || !file_name.ends_with(".json") {
            continue;
        }
        let report = read(&file.path())?;
        let scenario = report.scenario.name.clone();
        if name(&scenario) != format!("bench/results/{file_name}") {
            let message = format!("{file_name} holds a result of {scenario}");
            return Err(io::Error::other(message));
        }
        all.insert(scenario, report);
    }
    Ok(all)
}

fn read(path: &Path) -> io::Result<Report> {
    let text = fs::read_to_string(path)?;
    parse(&text).map_err(|what| io::Error::other(format!("{}: {what}", path.display())))
}

fn parse(text: &str) -> Result<Report, String> {
    let mut report: Report = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if report.format != FORMAT {
        return Err(format!("its format is {}, not {FORMAT}", report.format));
    }
    if report.columns != COLUMNS {
        return Err(format!("its columns are {:?}", report.columns));
    }
    report.complete();
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::Role;
    use crate::json::tests::{report, row};
    use crate::load::Errors;

    fn sample_report() -> Report {
        let mut failing = row("failing", Role::Ringlane, Some(8.0));
        failing.samples[0].errors = Errors {
            timeout: 3,
            ..Errors::default()
        };
        failing.samples[0].connection_bytes = Some(512.25);
        failing.summarise();
        report(vec![
            row("floor", Role::Floor, Some(4.0)),
            failing,
            row("broken", Role::Peer, None),
        ])
    }

    #[test]
    fn what_is_kept_is_read_again_with_all_that_is_computed() {
        let report = sample_report();
        let text = folded::to_string(&report).expect("it is JSON");
        let again = parse(&text).expect("the same");
        assert_eq!(again.started, report.started);
        for (row, again) in report.rows.iter().zip(&again.rows) {
            assert_eq!(again.name, row.name);
            assert_eq!(again.samples, row.samples);
            assert_eq!(again.summary, row.summary);
            assert_eq!(again.floor_ratio, row.floor_ratio);
            assert_eq!(again.failure, row.failure);
        }
        assert_eq!(again.rows.len(), report.rows.len());
    }

    #[test]
    fn a_sample_is_one_line_in_the_order_of_the_columns() {
        let text = folded::to_string(&sample_report()).expect("it is JSON");
        let line = "[1,1,125000.0,8.0,2.0,6.0,200.0,300.0,{\"timeout\":3},2048,512.25,null,\
            0.99,0.5,0.0,0.0]";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn other_formats_and_columns_are_refused() {
        let text = folded::to_string(&sample_report()).expect("it is JSON");
        let wrong = |from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            let error = parse(&text.replacen(from, to, 1)).err();
            error.expect("it is refused")
        };
        let old = format!("\"format\": {FORMAT}");
        assert!(wrong(&old, "\"format\": 1").contains("format is 1"));
        assert!(wrong("\"pss_kib\",", "\"rss_kib\",").contains("rss_kib"));
        assert!(wrong("\"pss_kib\",", "").contains("columns"));
    }

    #[test]
    fn a_day_with_a_result_is_known() {
        let root = ringlane_bench::root();
        let results = read_all(&root).expect("every result can be read");
        let (name, report) = results.first_key_value().expect("there is a result");
        assert!(is_of(name, &report.started.day(), &root));
        assert!(!is_of(name, "1999-12-31", &root));
        assert!(!is_of("no-such-scenario", &report.started.day(), &root));
    }
}
