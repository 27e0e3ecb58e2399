//! Tests the tables of `docs/ROUTING.md` against the router.

use ringlane_router::{
    METHODS_MAX, PATTERN_BYTES_MAX, PATTERN_PARAMS_MAX, PATTERN_SEGMENTS_MAX, ROUTES_MAX,
    SPAN_SEGMENTS_MAX,
};

use crate::check;

const PAGE: &str = include_str!("../../../docs/ROUTING.md");

/// The cells of all rows of the tables with this head.
fn rows(head: &str) -> Vec<Vec<&str>> {
    let mut rows = Vec::new();
    let mut lines = PAGE.lines();
    while lines.any(|line| line == head) {
        let body = lines
            .by_ref()
            .skip(1)
            .take_while(|line| line.starts_with('|'));
        rows.extend(body.map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().trim_matches('`')).collect()
        }));
    }
    assert!(rows.len() >= 4, "{head}");
    rows
}

#[test]
fn parameters() {
    for row in rows("| Pattern | Path | Parameters |") {
        let [pattern, path, answer] = row[..] else {
            panic!("{row:?}");
        };
        let expected = match answer {
            "404" => "404".to_owned(),
            "400" => if path == "/%FF" {
                "400 Utf8"
            } else {
                "400 Escape"
            }
            .to_owned(),
            "" => pattern.to_owned(),
            params => format!("{pattern} {params}"),
        };
        check(&[pattern], path, &expected);
    }
}

#[test]
fn winners() {
    for row in rows("| Patterns | Path | Winner |") {
        let patterns: Vec<&str> = row[0].split("` `").collect();
        for routes in crate::permutations(&patterns) {
            let line = crate::outline(&crate::router(&routes), row[1]);
            let winner = line.split(' ').next();
            assert_eq!(winner, Some(row[2]), "{row:?}");
        }
    }
}

#[test]
fn methods() {
    for row in rows("| Routes | Request | Answer |") {
        let routes: Vec<&str> = row[0].split("` `").collect();
        let line = crate::outline(&crate::router(&routes), row[1]);
        let (_, winner) = crate::split(row[2]);
        let expected = if routes.contains(&row[2]) {
            winner
        } else {
            row[2]
        };
        assert!(line.starts_with(expected), "{row:?}: {line}");
    }
}

#[test]
fn limits() {
    for (name, max) in [
        ("bytes of a pattern, with its prefixes", PATTERN_BYTES_MAX),
        ("segments of a pattern", PATTERN_SEGMENTS_MAX),
        ("parameters of a pattern", PATTERN_PARAMS_MAX),
        (
            "segments that one parameter reaches over (a catch-all: no limit)",
            SPAN_SEGMENTS_MAX,
        ),
        ("routes", ROUTES_MAX),
        ("different methods", METHODS_MAX),
    ] {
        let row = rows("| | Most |").into_iter().find(|row| row[0] == name);
        let most = row.map(|row| row[1].replace(',', ""));
        assert_eq!(most, Some(max.to_string()), "{name}");
    }
}
