//! Tests that no file names a folder of somebody's own machine.

use regex::Regex;

use super::{check, hold_everywhere};
use crate::source::{Finding, SourceFile};

/// A home folder, not behind another part of a path.
const HOME: &str = r"(?:^|[^A-Za-z0-9_./{}-])/(?:home|root)/";

fn home_folders(file: &SourceFile) -> Vec<Finding> {
    let home = Regex::new(HOME).expect("the pattern is valid");
    let lines = file.lines().filter(|(_, line)| home.is_match(line));
    let finding = |(number, _)| file.finding(number, "a path of one machine");
    lines.map(finding).collect()
}

#[test]
fn no_file_names_a_home_folder() {
    hold_everywhere(home_folders);
}

#[test]
fn planted_home_folders_are_found() {
    // Put together here, so that this file holds none of them.
    let home = ["/ho", "me/user/x"].concat();
    let root = ["/ro", "ot/.bashrc"].concat();
    check(
        home_folders,
        "docs/a.md",
        &format!("fine\nsee {home}\n"),
        &[2],
    );
    check(home_folders, "a.rs", &format!("\"{root}\""), &[1]);
    check(
        home_folders,
        "a.rs",
        "frame/root/ /rooted /tmp/ringlane.sock {prefix}/home/",
        &[],
    );
}
