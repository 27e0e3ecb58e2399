//! The script: run by the shell on a faked machine, forth and back.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::super::knob::{Change, Profile};
use super::super::script;
use super::fake::Fake;

/// A `tc` that keeps the kind of each device's queue in a file.
const TC: &str = r#"#!/bin/sh
folder=$(dirname "$0")
case "$2" in
    show) cat "$folder/$4.queue" ;;
    replace) printf 'qdisc %s 8001: root\n' "$6" >"$folder/$4.queue" ;;
    del) printf 'qdisc pfifo_fast 0: root\n' >"$folder/$4.queue" ;;
esac
"#;

/// Much that can be changed, in every way that a script changes things.
fn bad() -> Fake {
    let fake = Fake::new();
    fake.set("proc/sys/net/core/somaxconn", "4096\n")
        .set("proc/sys/net/ipv4/tcp_rmem", "4096\t12582912\t16777216\n")
        .set("proc/sys/net/ipv4/tcp_congestion_control", "bbr\n")
        .set(
            "sys/kernel/mm/transparent_hugepage/enabled",
            "[always] madvise never\n",
        )
        .set("commands/tc", TC)
        .set("commands/eth0.queue", "qdisc pfifo_fast 0: root\n")
        .remove("sys/class/net/eth0/queues/rx-1");
    let tc = fake.root().join("commands/tc");
    std::fs::set_permissions(tc, PermissionsExt::from_mode(0o755)).expect("executable");
    fake
}

struct Stage {
    fake: Fake,
    script: PathBuf,
}

impl Stage {
    fn new(fake: Fake, profile: Profile) -> Self {
        let text = script::text(&fake.examine(profile), profile);
        fake.set("tune.sh", text);
        let script = fake.root().join("tune.sh");
        Self { fake, script }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let tools = self.fake.root().join("commands");
        let path = std::env::var("PATH").expect("a path");
        Command::new("sh")
            .arg(&self.script)
            .args(arguments)
            .env("RINGLANE_TUNE_ROOT", self.fake.root())
            .env("RINGLANE_TUNE_STATE", self.fake.root().join("state/tune"))
            .env("PATH", format!("{}:{path}", tools.display()))
            .output()
            .expect("sh can be run")
    }

    /// Runs it and returns what it said.
    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && errors.is_empty(),
            "{said}{errors}"
        );
        said
    }

    /// What everything that a script may change says now.
    fn state(&self) -> Vec<(String, String)> {
        let mut files = self.fake.files();
        files.retain(|path| self.fake.root().join(path).is_file());
        files.push("commands/eth0.queue".to_owned());
        let read = |path: String| (path.clone(), self.fake.get(&path).replace('\t', " "));
        files.into_iter().map(read).collect()
    }

    /// The kernel answers a choice by putting it in brackets; these files do not.
    fn choose_pages(&self) {
        let path = "sys/kernel/mm/transparent_hugepage/enabled";
        let choice = self.fake.get(path);
        let list = ["always", "madvise", "never"].map(|one| {
            if one == choice.trim() {
                format!("[{one}]")
            } else {
                one.to_owned()
            }
        });
        self.fake.set(path, format!("{}\n", list.join(" ")));
    }
}

#[test]
fn a_script_is_one_that_shells_and_their_checker_take() {
    for fake in [bad(), Fake::new()] {
        for profile in [Profile::Safe, Profile::Dedicated, Profile::Benchmark] {
            let stage = Stage::new(Fake::new(), profile);
            let text = script::text(&fake.examine(profile), profile);
            stage.fake.set("tune.sh", text);
            let parsed = Command::new("sh").arg("-n").arg(&stage.script).output();
            let parsed = parsed.expect("sh can be run");
            assert!(parsed.status.success(), "{parsed:?}");
            let checked = Command::new("shellcheck").arg(&stage.script).output();
            let checked = checked.expect("shellcheck is installed: .ci/setup test");
            let said = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "{said}");
        }
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let stage = Stage::new(bad(), Profile::Dedicated);
    let before = stage.state();
    let said = stage.succeeds(&["--dry-run"]);
    assert!(
        said.contains("would set /proc/sys/net/core/somaxconn from 4096 to 65535"),
        "{said}"
    );
    assert!(
        said.contains("queueing discipline fq instead of pfifo_fast"),
        "{said}"
    );
    assert_eq!(stage.state(), before);
    assert!(!stage.fake.root().join("state").exists());
}

#[test]
fn what_was_applied_is_good_and_what_was_reverted_is_as_before() {
    let stage = Stage::new(bad(), Profile::Dedicated);
    let before = stage.state();
    let said = stage.succeeds(&[]);
    assert!(
        said.contains("set /proc/sys/net/core/somaxconn from 4096 to 65535"),
        "{said}"
    );
    assert_eq!(
        stage.fake.get("proc/sys/net/ipv4/tcp_rmem"),
        "4096 131072 16777216\n"
    );
    assert_eq!(
        stage.fake.get("commands/eth0.queue"),
        "qdisc fq 8001: root\n"
    );
    stage.choose_pages();
    let after = stage.fake.examine(Profile::Dedicated);
    let files = after
        .iter()
        .flat_map(|finding| &finding.changes)
        .filter(|change| matches!(change, Change::File { .. }));
    assert_eq!(files.count(), 0, "a second script would have more to do");

    let said = stage.succeeds(&["--revert", "--dry-run"]);
    assert!(
        said.contains("would set /proc/sys/net/core/somaxconn back to 4096"),
        "{said}"
    );
    stage.succeeds(&["--revert"]);
    stage.choose_pages();
    assert_eq!(stage.state(), before);
    let said = stage.succeeds(&["--revert"]);
    assert!(said.contains("nothing to put back"), "{said}");
}

#[test]
fn applying_twice_keeps_what_was_there_first() {
    let stage = Stage::new(bad(), Profile::Dedicated);
    let before = stage.state();
    stage.succeeds(&[]);
    stage.choose_pages();
    let said = stage.succeeds(&[]);
    assert!(said.contains("somaxconn is 65535 already"), "{said}");
    assert!(said.contains("eth0 has a fq of its own"), "{said}");
    stage.succeeds(&["--revert"]);
    stage.choose_pages();
    assert_eq!(stage.state(), before);
}

#[test]
fn what_cannot_be_changed_is_said_and_the_rest_is_done() {
    let stage = Stage::new(bad(), Profile::Dedicated);
    stage.fake.remove("proc/sys/net/core/somaxconn");
    let output = stage.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("somaxconn: cannot be read, left alone"),
        "{errors}"
    );
    assert_eq!(
        stage.fake.get("proc/sys/net/ipv4/tcp_rmem"),
        "4096 131072 16777216\n"
    );
}

#[test]
fn sysctls_are_printed_for_the_next_boot() {
    let stage = Stage::new(bad(), Profile::Dedicated);
    let said = stage.succeeds(&["--print"]);
    assert!(said.contains("net.core.somaxconn = 65535\n"), "{said}");
    assert!(said.lines().all(|line| line.contains(" = ")), "{said}");
    assert_eq!(stage.run(&["--wrong"]).status.code(), Some(2));
}

#[test]
fn what_a_new_queue_brings_is_set_before_it() {
    let fake = bad();
    let many = r#"[{"kind":"mq","handle":"0:","dev":"eth0","root":true}]"#;
    fake.set("commands/tc -j qdisc show", many);
    let text = script::text(&fake.examine(Profile::Safe), Profile::Safe);
    let default = text.find("set_file '/proc/sys/net/core/default_qdisc' 'fq'");
    let queue = text.find("set_qdisc 'eth0' 'mq'");
    assert!(default.is_some() && default < queue, "{text}");
}

#[test]
fn names_from_the_machine_are_only_names() {
    let name = "e';touch stolen;'$(touch stolen)`touch stolen`";
    let fake = bad();
    let old = fake.root().join("sys/class/net/eth0");
    std::fs::rename(old, fake.root().join(format!("sys/class/net/{name}"))).expect("renamed");
    let stage = Stage::new(fake, Profile::Dedicated);
    let text = stage.fake.get("tune.sh");
    assert!(text.contains("rps_cpus"), "{text}");
    let mut command = Command::new("sh");
    command.arg(&stage.script).current_dir(stage.fake.root());
    command.env("RINGLANE_TUNE_ROOT", stage.fake.root());
    command.env("RINGLANE_TUNE_STATE", stage.fake.root().join("state"));
    let output = command.output().expect("sh can be run");
    assert!(!stage.fake.root().join("stolen").exists(), "{output:?}");
    assert_eq!(
        stage
            .fake
            .get(&format!("sys/class/net/{name}/queues/rx-0/rps_cpus")),
        "3\n"
    );
}
