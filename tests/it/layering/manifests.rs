//! Tests the manifests: allowed dependencies, inherited settings, the files at the top.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use toml::Table;

use crate::source::{self, root};

/// Each crate: its folder, its name, and the crates of ours that it may know.
const CRATES: [(&str, &str, &[&str]); 9] = [
    ("reactor", "ringlane-reactor", &[]),
    ("router", "ringlane-router", &[]),
    ("protocol", "ringlane-protocol", &[]),
    // Upwards for its examples alone: cargo refuses every other circle.
    ("server/macros", "ringlane-macros", &["ringlane"]),
    ("server/doctor", "ringlane-doctor", &["ringlane-reactor"]),
    (
        "server/cli",
        "ringlane-cli",
        &["ringlane", "ringlane-doctor"],
    ),
    (
        "server",
        "ringlane",
        &[
            "ringlane-macros",
            "ringlane-protocol",
            "ringlane-reactor",
            "ringlane-router",
        ],
    ),
    (
        "bench",
        "ringlane-bench",
        &[
            "ringlane",
            "ringlane-protocol",
            "ringlane-reactor",
            "ringlane-router",
        ],
    ),
    (
        "tests",
        "ringlane-tests",
        &[
            "ringlane",
            "ringlane-protocol",
            "ringlane-reactor",
            "ringlane-router",
        ],
    ),
];

/// What only a program needs: users of these crates choose their own.
const PROGRAMS: [&str; 2] = ["clap", "tracing-subscriber"];
/// The crates that users build with.
const LIBRARIES: [&str; 6] = [
    "ringlane",
    "ringlane-doctor",
    "ringlane-macros",
    "ringlane-protocol",
    "ringlane-reactor",
    "ringlane-router",
];

/// Crates that touch sockets, threads, clocks or files: nothing for a codec or a router.
const WORLDLY: [&str; 10] = [
    "async-std",
    "crossbeam-channel",
    "io-uring",
    "libc",
    "mio",
    "nix",
    "rustix",
    "signal-hook",
    "socket2",
    "tokio",
];

/// All that may stand at the top besides dot-files.
const TOP: [&str; 14] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "bench",
    "docs",
    "protocol",
    "reactor",
    "router",
    "rust-toolchain.toml",
    "server",
    "tests",
];

const INHERITED: [&str; 5] = ["edition", "license", "publish", "rust-version", "version"];

/// One member of the workspace, as cargo understands its manifest.
pub(super) struct Package {
    name: String,
    /// Of every sort: normal, for tests, for the build script, for one target only.
    dependencies: BTreeSet<String>,
    /// Those that users compile as well.
    shipped: BTreeSet<String>,
    /// The root file of each thing that is compiled, below the project's root.
    pub(super) roots: Vec<String>,
}

/// Every member of the workspace.
pub(super) fn packages() -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(root())
        .output()
        .expect("cargo describes the workspace");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {errors}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    list(&metadata["packages"]).iter().map(package).collect()
}

fn package(value: &Value) -> Package {
    let relative = |path: &Value| {
        let path = std::path::Path::new(text(path));
        let below = path
            .strip_prefix(root())
            .expect("members lie below the root");
        below
            .to_str()
            .expect("the project's paths are UTF-8")
            .to_owned()
    };
    Package {
        name: text(&value["name"]).to_owned(),
        dependencies: list(&value["dependencies"])
            .iter()
            .map(|one| text(&one["name"]).to_owned())
            .collect(),
        shipped: list(&value["dependencies"])
            .iter()
            .filter(|one| one["kind"].as_str() != Some("dev"))
            .map(|one| text(&one["name"]).to_owned())
            .collect(),
        roots: list(&value["targets"])
            .iter()
            .map(|target| relative(&target["src_path"]))
            .collect(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("cargo metadata has a list here")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo metadata has a string here")
}

/// The edges that point sideways or upwards.
fn forbidden_edges(packages: &[Package]) -> Vec<String> {
    let ours: BTreeSet<&str> = CRATES.iter().map(|&(_, name, _)| name).collect();
    let mut found = Vec::new();
    for package in packages {
        let allowed = CRATES
            .iter()
            .find(|&&(_, name, _)| name == package.name)
            .map(|&(_, _, may)| may);
        let Some(allowed) = allowed else {
            found.push(format!("{} is no crate of the layout", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            if ours.contains(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                found.push(format!("{} → {dependency}", package.name));
            }
        }
    }
    found
}

/// Dependencies that would give the pure crates a socket, a thread, a clock or a file.
fn worldly_dependencies(packages: &[Package]) -> Vec<String> {
    let pure = |package: &&Package| {
        ["ringlane-protocol", "ringlane-router"].contains(&package.name.as_str())
    };
    let worldly = |name: &&String| WORLDLY.contains(&name.as_str());
    packages
        .iter()
        .filter(pure)
        .flat_map(|package| {
            package
                .dependencies
                .iter()
                .filter(worldly)
                .map(|name| format!("{} → {name}", package.name))
        })
        .collect()
}

/// Libraries that bring a command line or a log's end with them, optional or not.
fn programs_within(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .filter(|package| LIBRARIES.contains(&package.name.as_str()))
        .flat_map(|package| {
            let programs = package.shipped.iter();
            let programs = programs.filter(|name| PROGRAMS.contains(&name.as_str()));
            programs.map(|name| format!("{} → {name}", package.name))
        })
        .collect()
}

/// The crates that are compiled with a member by default, those that only tests need left out.
fn compiled_with(member: &str) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .args(["--package", member, "--format", "{p}"])
        .current_dir(root())
        .output()
        .expect("cargo lists what a member is made of");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {errors}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = said.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// What a member's manifest says itself although the workspace says it for all.
fn not_inherited(manifest: &Table) -> Vec<String> {
    let package = &manifest["package"];
    let mut missing: Vec<String> = INHERITED
        .iter()
        .filter(|key| !inherits(package.get(key)))
        .map(|key| format!("package.{key}"))
        .collect();
    if !inherits(manifest.get("lints")) {
        missing.push("lints".to_owned());
    }
    missing.extend(own_versions(manifest));
    missing
}

fn inherits(value: Option<&toml::Value>) -> bool {
    value
        .and_then(|value| value.get("workspace"))
        .and_then(toml::Value::as_bool)
        == Some(true)
}

/// Dependencies whose version is not the workspace's, those of one target only included.
fn own_versions(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(toml::Value::as_table);
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    targets
        .chain([manifest])
        .flat_map(|table| {
            sections
                .iter()
                .filter_map(|section| table.get(*section)?.as_table())
        })
        .flatten()
        .filter(|(_, value)| !inherits(Some(value)))
        .map(|(name, _)| format!("dependency {name}"))
        .collect()
}

fn manifest(path: &str) -> Table {
    let text = std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    text.parse()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The outside crates that the workspace offers, each with the number of members that use it.
fn outside_crates() -> BTreeMap<String, usize> {
    let offered = manifest("Cargo.toml")["workspace"]["dependencies"].clone();
    let offered = offered.as_table().expect("the dependencies are a table");
    let packages = packages();
    let users = |name: &String| {
        packages
            .iter()
            .filter(|package| package.dependencies.contains(name))
            .count()
    };
    let outside = offered
        .iter()
        .filter(|(_, value)| value.get("path").is_none());
    outside
        .map(|(name, _)| (name.clone(), users(name)))
        .collect()
}

/// Names in the first column of a Markdown table, written as code.
fn first_column(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn dependencies_point_downwards() {
    let packages = packages();
    assert_eq!(packages.len(), CRATES.len());
    assert_eq!(forbidden_edges(&packages), Vec::<String>::new());
    assert_eq!(worldly_dependencies(&packages), Vec::<String>::new());
    assert_eq!(programs_within(&packages), Vec::<String>::new());
}

#[test]
fn by_default_no_c_is_compiled() {
    for member in ["ringlane", "ringlane-cli", "ringlane-doctor"] {
        let crates = compiled_with(member);
        assert!(crates.contains("ringlane-reactor"), "{member}: {crates:?}");
        for compiler in ["cc", "cmake", "aws-lc-sys", "zstd-sys"] {
            assert!(!crates.contains(compiler), "{member} needs {compiler}");
        }
    }
}

#[test]
fn every_crate_inherits_what_all_share() {
    for (folder, name, _) in CRATES {
        let manifest = manifest(&format!("{folder}/Cargo.toml"));
        assert_eq!(
            manifest["package"]["name"].as_str(),
            Some(name),
            "{folder}: folder = crate"
        );
        assert_eq!(
            not_inherited(&manifest),
            Vec::<String>::new(),
            "{folder}/Cargo.toml"
        );
    }
}

#[test]
fn the_workspace_is_what_the_layout_says() {
    let root = manifest("Cargo.toml");
    assert!(
        root.get("package").is_none(),
        "the root manifest is virtual"
    );
    let package = &root["workspace"]["package"];
    assert_eq!(package["edition"].as_str(), Some("2024"));
    assert_eq!(package["license"].as_str(), Some("MIT OR Apache-2.0"));
    for tool in ["rust", "clippy"] {
        assert!(
            root["workspace"]["lints"].get(tool).is_some(),
            "workspace.lints.{tool}"
        );
    }
}

#[test]
fn the_top_level_is_fixed() {
    let paths = source::tracked();
    let top: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| path.split('/').next())
        .collect();
    let other: Vec<&&str> = top
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(name))
        .collect();
    assert_eq!(other, Vec::<&&str>::new());
    assert!(
        ["Cargo.lock", "LICENSE-MIT", "LICENSE-APACHE"]
            .iter()
            .all(|name| top.contains(name)),
        "{top:?}"
    );
}

#[test]
fn every_outside_crate_is_used_and_its_reason_written_down() {
    let page = "docs/decisions/0001-crates.md";
    let text = std::fs::read_to_string(root().join(page))
        .unwrap_or_else(|error| panic!("{page}: {error}"));
    let outside = outside_crates();
    let unused: Vec<&String> = outside
        .iter()
        .filter(|&(_, &users)| users == 0)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        unused,
        Vec::<&String>::new(),
        "offered by Cargo.toml, used by no crate"
    );
    let offered: BTreeSet<String> = outside.into_keys().collect();
    assert_eq!(
        first_column(&text),
        offered,
        "{page} (left) and Cargo.toml (right) name other crates"
    );
}

#[test]
fn a_planted_edge_is_found() {
    let planted = |name: &str, dependency: &str| Package {
        name: name.to_owned(),
        dependencies: BTreeSet::from([dependency.to_owned()]),
        shipped: BTreeSet::from([dependency.to_owned()]),
        roots: Vec::new(),
    };
    let edges = |name, dependency| forbidden_edges(&[planted(name, dependency)]);
    assert_eq!(
        edges("ringlane-reactor", "ringlane-protocol"),
        ["ringlane-reactor → ringlane-protocol"]
    );
    assert_eq!(
        edges("ringlane-router", "ringlane"),
        ["ringlane-router → ringlane"]
    );
    assert_eq!(
        edges("ringlane", "ringlane-tests"),
        ["ringlane → ringlane-tests"]
    );
    assert_eq!(
        edges("ringlane-utils", "libc"),
        ["ringlane-utils is no crate of the layout"]
    );
    assert_eq!(edges("ringlane", "ringlane-router"), Vec::<String>::new());
    let worldly = |name, dependency| worldly_dependencies(&[planted(name, dependency)]);
    assert_eq!(
        worldly("ringlane-protocol", "tokio"),
        ["ringlane-protocol → tokio"]
    );
    assert_eq!(worldly("ringlane-reactor", "libc"), Vec::<String>::new());
    let within = |name, dependency| programs_within(&[planted(name, dependency)]);
    assert_eq!(within("ringlane", "clap"), ["ringlane → clap"]);
    assert_eq!(within("ringlane-cli", "clap"), Vec::<String>::new());
    assert_eq!(
        edges("ringlane-doctor", "ringlane"),
        ["ringlane-doctor → ringlane"]
    );
    assert_eq!(
        edges("ringlane", "ringlane-cli"),
        ["ringlane → ringlane-cli"]
    );
}

#[test]
fn a_planted_manifest_is_found() {
    let text = "[package]\nname = \"a\"\nversion.workspace = true\nedition = \"2021\"\n\
                rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = false\n\
                [dependencies]\nlibc = \"0.2\"\nslab.workspace = true\n\
                [target.'cfg(unix)'.dev-dependencies]\nnix = \"1\"\n";
    let manifest: Table = text.parse().expect("the sample is TOML");
    let expected = [
        "package.edition",
        "package.publish",
        "lints",
        "dependency nix",
        "dependency libc",
    ];
    assert_eq!(not_inherited(&manifest), expected);
}

#[test]
fn a_table_names_its_crates_in_the_first_column() {
    let page = "| crate | why |\n|---|---|\n| `libc` | in place of `nix` |\n";
    assert_eq!(first_column(page), BTreeSet::from(["libc".to_owned()]));
}
