//! Tests the tables themselves: enough rows, each with its section, none twice.

use crate::{
    bodies, connection, extensions, fields, framing, hosts, limits, request_line, targets,
};
use crate::{response_fields, responses};
use std::collections::BTreeSet;

/// Rows in all tables together, at least.
const ROWS_MIN: usize = 200;

fn rules_and_causes() -> Vec<(&'static str, &'static str)> {
    let decoders = [
        request_line::ROWS,
        targets::ROWS,
        hosts::ROWS,
        fields::ROWS,
        framing::ROWS,
        connection::ROWS,
        limits::ROWS,
        limits::SMALL_ROWS,
        bodies::ROWS,
        extensions::ROWS,
    ];
    let decoders = decoders
        .into_iter()
        .flatten()
        .map(|row| (row.rule, row.cause));
    let responses = responses::ROWS.iter().map(|row| (row.rule, row.cause));
    let fields = response_fields::ROWS
        .iter()
        .map(|row| (row.rule, row.cause));
    decoders.chain(responses).chain(fields).collect()
}

#[test]
fn no_two_rows_share_rule_and_cause() {
    let mut seen = BTreeSet::new();
    for row in rules_and_causes() {
        assert!(seen.insert(row), "twice: {row:?}");
    }
    assert!(seen.len() >= ROWS_MIN, "{} rows only", seen.len());
}

#[test]
fn every_row_cites_a_section() {
    for (rule, cause) in rules_and_causes() {
        let (document, section) = rule.split_once(" §").unwrap_or_default();
        let number = document.strip_prefix("RFC ").unwrap_or_default();
        assert!(number.parse::<u16>().is_ok(), "{rule}: {cause}");
        assert!(
            section.starts_with(|digit: char| digit.is_ascii_digit()),
            "{rule}: {cause}"
        );
    }
}
