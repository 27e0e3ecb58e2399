//! Runs every command of the pages about kernel tuning and load testing.
//!
//! Each page runs as one script in a network namespace of its own, with a veth pair for `DEV` and
//! the built programs on the path. A command has to succeed; a value that it sets is read back, and
//! so is the one that the section's *Undo* puts in its place. A block of `sh` that cannot run holds
//! a line `# not run here: reason`.
//!
//! Namespaces need root, or a kernel that gives them to others. Where neither is had, these tests
//! fail, unless the environment says what is to be left out: `RINGLANE_NAMESPACES=unprivileged`
//! leaves out what only root may set in a namespace, `RINGLANE_NAMESPACES=none` runs nothing.
//!
//! Not here: whether the guide says what doctor says (`server/doctor/src/tests/guide.rs`).

mod claims;
mod contributing;
mod page;
mod script;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use self::page::{Block, Page};
use crate::demo::binary;
use crate::source::{Finding, SourceFile, none, root};

pub(crate) const GUIDE: &str = "docs/KERNEL-TUNING.md";
const LOAD: &str = "docs/LOAD-TESTING.md";

/// What may be left out, by the word of the person who starts the tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rights {
    Root,
    Unprivileged,
}

fn read(path: &str) -> Page {
    let text = fs::read_to_string(root().join(path)).expect("the page is there");
    Page::parse(&SourceFile::sample(path, &text))
}

/// Blocks that are neither run nor say why.
fn undecided(page: &Page) -> Vec<Finding> {
    let say = |block: &Block, what: &str| {
        let file = SourceFile::sample(&page.path, "");
        file.finding(block.line, what)
    };
    let mut found = Vec::new();
    for block in &page.blocks {
        match block.reason() {
            Some(reason) if reason.split_whitespace().count() < 2 => {
                found.push(say(block, "a block that is not run without a reason"));
            }
            None if block.commands().is_empty() => found.push(say(block, "an empty block")),
            _ => {}
        }
    }
    found
}

#[test]
fn every_block_runs_or_says_why_not() {
    for path in [GUIDE, LOAD] {
        let page = read(path);
        assert!(page.blocks.len() > 5, "{path} has commands");
        none(undecided(&page));
    }
}

#[test]
fn a_planted_block_without_a_reason_is_found() {
    let text = "```sh\n# not run here: x\nrm\n```\n```sh\n# a b c\n```\n```sh\nls\n```\n";
    let page = Page::parse(&SourceFile::sample("a.md", text));
    let lines: Vec<usize> = undecided(&page).iter().map(|found| found.line).collect();
    assert_eq!(lines, [1, 5]);
}

#[test]
fn the_guide_s_commands_do_what_it_says() {
    run(GUIDE);
}

#[test]
fn the_commands_for_load_tests_do_what_they_say() {
    run(LOAD);
}

#[test]
fn planted_wrong_commands_are_found() {
    let Some(rights) = rights() else { return };
    let cases = [
        ("```sh\nfalse\n```\n", "a.md:2"),
        ("```sh\nno-such-program\n```\n", "a.md:2"),
        (
            "```sh\ntrue\nsysctl -w net.core.somaxconn=x\n```\n",
            "a.md:3",
        ),
        // Cut without a word to what the kernel takes.
        (
            "### a\n```sh\nsysctl -w net.core.somaxconn=7\n```\n- Undo: `sysctl -w net.core.no=1`.\n",
            "a.md:5",
        ),
        (
            "### a\n```sh\nsysctl -w net.core.somaxconn=7\n```\n- Undo: No.\n- Risk: No.\n",
            "",
        ),
    ];
    for (text, expected) in cases {
        let page = Page::parse(&SourceFile::sample("a.md", text));
        let failures = failures(&page, rights);
        match expected {
            "" => assert_eq!(failures, "", "{text}"),
            place => assert!(failures.contains(place), "{text}: {failures}"),
        }
    }
}

fn run(path: &str) {
    let Some(rights) = rights() else { return };
    let failures = failures(&read(path), rights);
    assert!(failures.is_empty(), "{failures}");
}

/// How namespaces are had here; nothing if they are to be left out.
fn rights() -> Option<Rights> {
    let asked = std::env::var("RINGLANE_NAMESPACES").unwrap_or_default();
    if asked == "none" {
        eprintln!("NOT TESTED: RINGLANE_NAMESPACES=none, so no command of the pages was run");
        return None;
    }
    let works = |options: &[&str]| {
        let status = Command::new("unshare").args(options).arg("true").output();
        status.is_ok_and(|output| output.status.success())
    };
    if rustix::process::geteuid().is_root() && works(&["--net", "--mount"]) {
        return Some(Rights::Root);
    }
    assert!(
        works(&["--map-root-user", "--net", "--mount"]),
        "no network namespace can be made here: run the tests as root, or allow user namespaces, \
         or leave the commands of the pages untested with RINGLANE_NAMESPACES=none"
    );
    assert!(
        asked == "unprivileged",
        "only root can run all commands of the pages; RINGLANE_NAMESPACES=unprivileged leaves \
         those out that set what is below /sys"
    );
    eprintln!("NOT TESTED: commands that write below /sys (RINGLANE_NAMESPACES=unprivileged)");
    Some(Rights::Unprivileged)
}

/// Runs a page; what failed, with its line and its words.
fn failures(page: &Page, rights: Rights) -> String {
    let folder = scratch(page);
    let path = folder.join("page.bash");
    fs::write(&path, script::of(page, rights == Rights::Root)).expect("written");
    let output = in_a_namespace(&path, rights, &folder);
    fs::remove_dir_all(&folder).expect("removed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    let ended = said.lines().last() == Some("END");
    assert!(ended, "the script did not come to its end: {said}{wrong}");
    said.trim_end_matches("END\n").to_owned()
}

/// A folder of this test alone: commands write files where they are.
fn scratch(page: &Page) -> PathBuf {
    let name = page.path.replace('/', "-");
    let unique = format!("ringlane-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(unique);
    fs::create_dir_all(&folder).expect("made");
    folder
}

fn in_a_namespace(script: &Path, rights: Rights, folder: &Path) -> Output {
    let programs = binary();
    let programs = programs.parent().expect("target/PROFILE");
    build_load();
    let paths = std::env::var("PATH").unwrap_or_default();
    // A hung command ends the script, whose trap ends what it started.
    let mut command = Command::new("timeout");
    command.args(["120", "unshare"]);
    if rights == Rights::Unprivileged {
        command.arg("--map-root-user");
    }
    command
        .args(["--net", "--mount", "bash"])
        .arg(script)
        .current_dir(folder)
        .env("PATH", format!("{}:{paths}", programs.display()))
        .env_remove("RINGLANE_DRIVER")
        .output()
        .expect("unshare can be run")
}

/// The generator, built if it is not up to date.
fn build_load() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args("build --quiet --package ringlane-bench --bin ringlane-load".split(' '))
        .status()
        .expect("cargo can be run");
    assert!(built.success(), "ringlane-load does not build");
}
