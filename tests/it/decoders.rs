//! Runs the fuzzer's decoders for a short while: every seed, and mutations of them.
//!
//! Always true here:
//! - The same mutations are made in each run: their number and their order are fixed.
//! - An input that fails is printed, as a Rust byte string, with the name of its decoder.
//!
//! Not here: what a decoder must hold to (`decoders.rs` of the library), long runs (`make fuzz`).

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ringlane_tests::decoders;

use crate::source::root;
use mutations::Mutations;

mod mutations;

/// A decoder: its name, which is that of its fuzz target, and how many mutations it is shown.
struct Row {
    name: &'static str,
    mutations: usize,
}

/// Makes the table of decoders, and a test for each row.
macro_rules! rows {
    ($($name:ident $mutations:literal,)*) => {
        const ROWS: &[Row] = &[$(Row { name: stringify!($name), mutations: $mutations },)*];

        $(#[test]
        fn $name() {
            let row = ROWS.iter().find(|row| row.name == stringify!($name));
            let shown = show(row.expect("each test has its row"), decoders::$name);
            assert!(shown > $mutations, "the seeds are shown as well");
        })*
    };
}

// So many that each takes a second or two.
rows! {
    body_chunked 200_000,
    body_coded 20_000,
    event_stream 20_000,
    forwarded 200_000,
    multipart_body 10_000,
    proxy_preface 200_000,
    query_percent 200_000,
    request_head 50_000,
    response_headers 200_000,
    websocket_frames 200_000,
    websocket_handshake 200_000,
    websocket_messages 30_000,
}

/// Shows a decoder its seeds and their mutations. Tells how many inputs that were.
fn show(row: &Row, decoder: fn(&[u8])) -> usize {
    let seeds = seeds(row.name);
    let mutations = Mutations::of(&seeds).take(row.mutations);
    let mut shown = 0;
    for input in seeds.iter().cloned().chain(mutations) {
        let decoded = catch_unwind(AssertUnwindSafe(|| decoder(&input)));
        if let Err(panic) = decoded {
            eprintln!("{} fails on b\"{}\"", row.name, input.escape_ascii());
            resume_unwind(panic);
        }
        shown += 1;
    }
    shown
}

/// What the fuzzer begins with, in the order of the files' names.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = format!("tests/fuzz/seeds/{name}");
    let mut seeds = Vec::new();
    for file in names_in(&folder) {
        let path = root().join(&folder).join(&file);
        seeds.push(std::fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}")));
    }
    assert!(!seeds.is_empty(), "{folder} is empty");
    seeds
}

/// The names in a folder of the project, sorted.
fn names_in(folder: &str) -> BTreeSet<String> {
    let listed = std::fs::read_dir(root().join(folder));
    let listed = listed.unwrap_or_else(|error| panic!("{folder}: {error}"));
    listed
        .map(|entry| entry.expect("the folder can be listed").file_name())
        .map(|name| name.into_string().expect("the project's paths are UTF-8"))
        .collect()
}

#[test]
fn every_fuzz_target_has_its_row() {
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(rows.len(), ROWS.len(), "each has one row");
    let files = names_in("tests/fuzz/fuzz_targets");
    let targets: BTreeSet<String> = files
        .iter()
        .map(|file| file.strip_suffix(".rs").unwrap_or(file).to_owned())
        .collect();
    assert_eq!(rows, targets, "rows (left), fuzz_targets (right)");
    assert_eq!(
        rows,
        names_in("tests/fuzz/seeds"),
        "rows (left), seeds (right)"
    );
    let manifest = std::fs::read_to_string(root().join("tests/fuzz/Cargo.toml"))
        .expect("the fuzzer's manifest is read");
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let bins = manifest["bin"].as_array().expect("binaries are a list");
    let bins: BTreeSet<String> = bins
        .iter()
        .filter_map(|bin| Some(bin.get("name")?.as_str()?.to_owned()))
        .collect();
    assert_eq!(rows, bins, "rows (left), binaries (right)");
}

#[test]
fn every_fuzz_target_calls_its_decoder() {
    for row in ROWS {
        let path = format!("tests/fuzz/fuzz_targets/{}.rs", row.name);
        let text = std::fs::read_to_string(root().join(&path))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let call = format!("decoders::{}(input)", row.name);
        assert!(text.contains(&call), "{path}: {call} is not there");
    }
}
