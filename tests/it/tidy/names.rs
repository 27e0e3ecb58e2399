//! Tests that a type's name stands for one type in its crate.
//!
//! Not here: types of tests, and associated types.

use std::collections::BTreeMap;

use crate::source::{Finding, Kind, SourceFile, closing, none, rust_files};

/// Names that may stand twice for good: crate, name, reason.
const KEPT: [(&str, &str, &str); 4] = [
    (
        "ringlane",
        "EventStream",
        "`testing` has the client of a stream",
    ),
    ("ringlane", "Options", "public, and named with their module"),
    (
        "ringlane",
        "WebSocket",
        "`testing` has the client of a socket",
    ),
    ("ringlane-load", "Websocket", "a mode, and its arguments"),
];

/// A ratchet: names that stand twice today. The list may only shrink: a name leaves it when it
/// stands once, and none is added.
const TODAY: [(&str, &str); 46] = [
    ("ringlane", "Asked"),
    ("ringlane", "Body"),
    ("ringlane", "Client"),
    ("ringlane", "Decode"),
    ("ringlane", "Encode"),
    ("ringlane", "Flow"),
    ("ringlane", "Kind"),
    ("ringlane", "Lane"),
    ("ringlane", "Link"),
    ("ringlane", "Live"),
    ("ringlane", "Parcel"),
    ("ringlane", "Phase"),
    ("ringlane", "Piece"),
    ("ringlane", "Place"),
    ("ringlane", "Pool"),
    ("ringlane", "Queue"),
    ("ringlane", "Reading"),
    ("ringlane", "Running"),
    ("ringlane", "Settings"),
    ("ringlane", "Shared"),
    ("ringlane", "Stage"),
    ("ringlane", "State"),
    ("ringlane", "Table"),
    ("ringlane", "Typed"),
    ("ringlane", "Usage"),
    ("ringlane", "Waiting"),
    ("ringlane-load", "Event"),
    ("ringlane-load", "Http"),
    ("ringlane-load", "Mode"),
    ("ringlane-load", "Reader"),
    ("ringlane-load", "State"),
    ("ringlane-load", "Subscribe"),
    ("ringlane-protocol", "Event"),
    ("ringlane-protocol", "Framing"),
    ("ringlane-protocol", "Members"),
    ("ringlane-protocol", "Phase"),
    ("ringlane-protocol", "Place"),
    ("ringlane-protocol", "Value"),
    ("ringlane-reactor", "Buffers"),
    ("ringlane-reactor", "Group"),
    ("ringlane-reactor", "Link"),
    ("ringlane-reactor", "Listener"),
    ("ringlane-reactor", "Place"),
    ("ringlane-reactor", "Pool"),
    ("ringlane-reactor", "Shared"),
    ("ringlane-reactor", "State"),
];

/// The crate that a file belongs to. Nothing if it belongs to tests, or is compiled by itself.
fn crate_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| part.starts_with("tests")) {
        return None;
    }
    match parts[..] {
        [_, "src", "bin", program, ..] => Some(program.trim_end_matches(".rs").to_owned()),
        ["server", "src", ..] => Some("ringlane".to_owned()),
        [folder, "src", ..] => Some(format!("ringlane-{folder}")),
        ["server", folder, "src", ..] => Some(format!("ringlane-{folder}")),
        ["server", "examples", example, _, ..] => Some(format!("example {example}")),
        _ => None,
    }
}

/// The types that a file declares outside of its tests: name and line.
fn types(file: &SourceFile) -> Vec<(String, usize)> {
    let tokens = file.tokens();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some([word, name, rest @ ..]) = tokens.get(at..) {
        let declares = ["struct", "enum", "trait", "union"]
            .iter()
            .any(|one| word.is(one));
        if word.is("mod") && name.is("tests") && rest.first().is_some_and(|next| next.is("{")) {
            at = closing(&tokens, at + 2);
        } else if declares && name.kind == Kind::Word {
            // `union` is a word like others, unless a type's name follows.
            let is_type = name
                .text
                .starts_with(|first: char| first.is_ascii_uppercase());
            found.extend(is_type.then(|| (name.text.clone(), name.line)));
        }
        at += 1;
    }
    found
}

/// Names of several types in one crate, and exceptions that are none any more.
fn twice(
    files: &[SourceFile],
    kept: &[(&str, &str, &str)],
    today: &[(&str, &str)],
) -> Vec<Finding> {
    let mut all: BTreeMap<(String, String), Vec<(&SourceFile, usize)>> = BTreeMap::new();
    for file in files {
        let Some(name_of_crate) = crate_of(&file.path) else {
            continue;
        };
        for (name, line) in types(file) {
            let key = (name_of_crate.clone(), name);
            all.entry(key).or_default().push((file, line));
        }
    }
    all.retain(|_, places| places.len() > 1);
    let kept = kept.iter().map(|(owner, name, _)| (*owner, *name));
    let mut excepted: Vec<(&str, &str)> = kept.chain(today.iter().copied()).collect();
    let mut found = Vec::new();
    for ((owner, name), places) in &all {
        if let Some(at) = excepted.iter().position(|one| *one == (owner, name)) {
            excepted.remove(at);
            continue;
        }
        for (file, line) in places {
            found.push(file.finding(*line, format!("{owner} has several types `{name}`")));
        }
    }
    let list = SourceFile::sample("tests/it/tidy/names.rs", "");
    let past = excepted.iter().map(|(owner, name)| {
        list.finding(
            1,
            format!("`{name}` of {owner} stands once: take it from the list"),
        )
    });
    found.extend(past);
    found
}

#[test]
fn no_name_stands_for_two_types_of_a_crate() {
    none(twice(&rust_files(), &KEPT, &TODAY));
}

#[test]
fn planted_names_that_stand_twice_are_found() {
    let files = [
        (
            "reactor/src/a.rs",
            "struct Place;\nenum Once {}\nfn f() { let union = 1; }",
        ),
        (
            "reactor/src/b/c.rs",
            "\npub(crate) struct Place<T>(T);\nmod tests { struct Once; }",
        ),
        ("reactor/src/tests.rs", "struct Once;"),
        (
            "server/src/a.rs",
            "struct Once; struct Place; trait Twice { type Once; }",
        ),
        ("server/src/b.rs", "union Twice {}"),
        ("bench/src/bin/one/main.rs", "struct Arguments;"),
        ("bench/src/bin/two.rs", "struct Arguments;"),
    ];
    let files = files.map(|(path, text)| SourceFile::sample(path, text));
    let lines = |kept: &[(&str, &str, &str)], today: &[(&str, &str)]| -> Vec<String> {
        let found = twice(&files, kept, today);
        let line = |one: Finding| format!("{}:{}", one.path, one.line);
        found.into_iter().map(line).collect()
    };
    let places = ["reactor/src/a.rs:1", "reactor/src/b/c.rs:2"];
    let twices = ["server/src/a.rs:1", "server/src/b.rs:1"];
    assert_eq!(lines(&[], &[]), [twices, places].concat());
    assert_eq!(lines(&[("ringlane", "Twice", "why")], &[]), places);
    assert_eq!(lines(&[], &[("ringlane-reactor", "Place")]), twices);
    let both = [("ringlane-reactor", "Place"), ("ringlane", "Twice")];
    assert_eq!(lines(&[], &both), [""; 0]);
    let past = [both[0], both[1], ("ringlane", "Once")];
    assert_eq!(lines(&[], &past), ["tests/it/tidy/names.rs:1"]);
}
