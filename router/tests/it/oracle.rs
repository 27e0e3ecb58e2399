//! Compares the router with a slow matcher, written from the documentation.
//!
//! It tries every pattern by itself, in every way the pattern can be laid over the path, ranks
//! all the ways that fit, and takes the best. It shares no code with the router, not even the
//! pattern's grammar.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;

use http::Method;
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use ringlane_router::TrailingSlash::{self, Ignore, Redirect, Strict};

use crate::{build, outline_bytes};

#[derive(Clone, Debug)]
enum Part {
    Literal(&'static str),
    Param(&'static str, Option<&'static str>, &'static str),
    CatchAll(Option<&'static str>),
}

#[derive(Clone, Debug)]
struct Pattern {
    method: Option<Method>,
    parts: Vec<Part>,
    optional: bool,
}

/// How one part was laid over the path. A smaller rank is more specific.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Rank {
    Literal,
    Param {
        prefix: Reverse<usize>,
        suffix: Reverse<usize>,
        kind: Kind,
        expression: &'static str,
        segments: Reverse<usize>,
    },
    CatchAll {
        without: bool,
        expression: &'static str,
    },
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Expression,
    Spanning,
    Plain,
}

/// One way to lay a pattern over a path.
type Fit = (Vec<Rank>, Vec<String>);

impl Pattern {
    /// In the router's syntax, parameters named by their place.
    fn text(&self) -> String {
        let optional = |at: usize| match self.optional && at + 1 == self.parts.len() {
            true => "?",
            false => "",
        };
        let colon =
            |expression: &Option<&str>| expression.map_or(String::new(), |e| format!(":{e}"));
        let segments = self.parts.iter().enumerate().map(|(at, part)| match part {
            Part::Literal(text) => format!("/{}", text.replace('/', "%2F")),
            Part::Param(prefix, expression, suffix) => {
                let (mark, expression) = (optional(at), colon(expression));
                format!("/{prefix}{{p{at}{mark}{expression}}}{suffix}")
            }
            Part::CatchAll(expression) => {
                let (mark, expression) = (optional(at), colon(expression));
                format!("/{{*p{at}{mark}{expression}}}")
            }
        });
        segments.collect()
    }

    fn row(&self) -> String {
        let method = self.method.as_ref().map_or("ANY", Method::as_str);
        format!("{method} {}", self.text())
    }

    /// The patterns without anything optional that it stands for.
    fn forms(&self, policy: TrailingSlash) -> Vec<Vec<Part>> {
        let mut forms = vec![self.parts.clone()];
        if self.optional {
            let before = &self.parts[..self.parts.len() - 1];
            let slashed = [before, &[Part::Literal("")]].concat();
            match self.parts.last() {
                Some(Part::CatchAll(_)) if !before.is_empty() => {
                    forms.extend([before.to_vec(), slashed]);
                }
                _ if before.is_empty() => forms.push(slashed),
                _ => forms.push(before.to_vec()),
            }
        }
        if policy == Ignore {
            for form in &mut forms {
                form.pop_if(|part| matches!(part, Part::Literal("")));
            }
        }
        forms
    }
}

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

fn whole(expression: &str, text: &str) -> bool {
    COMPILED.with_borrow_mut(|compiled| {
        let anchored = compiled.entry(expression.to_owned()).or_insert_with(|| {
            Regex::new(&format!("^(?:{expression})$")).expect("the rows compile")
        });
        anchored.is_match(text)
    })
}

/// All ways to lay `parts` over `segments`, which are decoded.
fn fits(parts: &[Part], segments: &[String], spare_slash: bool) -> Vec<Fit> {
    let Some((part, parts)) = parts.split_first() else {
        let read = segments.is_empty() || spare_slash && segments == [""];
        return if read { vec![(vec![], vec![])] } else { vec![] };
    };
    let mut ways = Vec::new();
    let mut behind = |taken: usize, rank: Rank, text: Option<String>| {
        for (ranks, texts) in fits(parts, &segments[taken..], spare_slash) {
            let ranks = [vec![rank.clone()], ranks].concat();
            let texts = text.iter().cloned().chain(texts).collect();
            ways.push((ranks, texts));
        }
    };
    match *part {
        Part::Literal(text) => {
            if segments.first().is_some_and(|segment| segment == text) {
                behind(1, Rank::Literal, None);
            }
        }
        Part::Param(prefix, expression, suffix) => {
            let spans = expression.is_some_and(|expression| expression.contains('/'));
            let most = if spans {
                segments.len()
            } else {
                1.min(segments.len())
            };
            for taken in 1..=most {
                let text = segments[..taken].join("/");
                let edges = segments[0].starts_with(prefix)
                    && segments[taken - 1].ends_with(suffix)
                    && text.len() > prefix.len() + suffix.len();
                if !edges {
                    continue;
                }
                let inner = &text[prefix.len()..text.len() - suffix.len()];
                if expression.is_none_or(|expression| whole(expression, inner)) {
                    let rank = Rank::Param {
                        prefix: Reverse(prefix.len()),
                        suffix: Reverse(suffix.len()),
                        kind: match expression {
                            None => Kind::Plain,
                            Some(_) if spans => Kind::Spanning,
                            Some(_) => Kind::Expression,
                        },
                        expression: expression.unwrap_or(""),
                        segments: Reverse(taken),
                    };
                    behind(taken, rank, Some(inner.to_owned()));
                }
            }
        }
        Part::CatchAll(expression) => {
            let text = segments.join("/");
            let fitting = rest_that_fits(expression, &text, spare_slash);
            if let Some(text) = fitting.filter(|text| !text.is_empty()) {
                let rank = Rank::CatchAll {
                    without: expression.is_none(),
                    expression: expression.unwrap_or(""),
                };
                behind(segments.len(), rank, Some(text.to_owned()));
            }
        }
    }
    ways
}

/// What a catch-all reads of the rest of a path: all of it, or all but a spare slash.
fn rest_that_fits<'t>(
    expression: Option<&str>,
    text: &'t str,
    spare_slash: bool,
) -> Option<&'t str> {
    let shorter = text
        .strip_suffix('/')
        .filter(|text| spare_slash && !text.is_empty());
    match expression {
        None => Some(text),
        Some(expression) => [Some(text), shorter]
            .into_iter()
            .flatten()
            .find(|text| whole(expression, text)),
    }
}

/// The answer, as [`outline_bytes`] writes it.
fn judge(patterns: &[Pattern], policy: TrailingSlash, method: &Method, path: &str) -> String {
    let Some(line) = best(patterns, policy, method, path) else {
        let allowed = allowed(patterns, policy, path);
        return match method {
            _ if !allowed.is_empty() && method == Method::OPTIONS => format!("204 {allowed}"),
            _ if !allowed.is_empty() => format!("405 {allowed}"),
            _ if policy != Redirect || path.starts_with("//") || path == "/" => "404".to_owned(),
            _ => {
                let other = match path.strip_suffix('/') {
                    Some(shorter) => shorter.to_owned(),
                    None => format!("{path}/"),
                };
                let answered = best(patterns, policy, method, &other).is_some();
                if answered {
                    format!("308 {other}")
                } else {
                    "404".to_owned()
                }
            }
        };
    };
    line
}

fn segments(path: &str) -> Vec<String> {
    let decode = |segment: &str| segment.replace("%2F", "/").replace("%61", "a");
    path[1..].split('/').map(decode).collect()
}

fn ways<'p>(
    patterns: &'p [Pattern],
    policy: TrailingSlash,
    path: &str,
) -> impl Iterator<Item = (&'p Pattern, Fit)> {
    let segments = segments(path);
    let spare_slash = policy == Ignore && path.ends_with('/');
    patterns.iter().flat_map(move |pattern| {
        let forms = pattern.forms(policy);
        let fits = forms
            .iter()
            .flat_map(|form| fits(form, &segments, spare_slash));
        fits.map(|fit| (pattern, fit)).collect::<Vec<_>>()
    })
}

fn best(
    patterns: &[Pattern],
    policy: TrailingSlash,
    method: &Method,
    path: &str,
) -> Option<String> {
    // Of routes with the same pattern, the one that names the method best.
    let match_of = |pattern: &Pattern| match &pattern.method {
        Some(named) if named == method => Some(0),
        Some(named) if *named == Method::GET && *method == Method::HEAD => Some(1),
        Some(_) => None,
        None => Some(2),
    };
    let (pattern, (_, texts)) = ways(patterns, policy, path)
        .filter_map(|(pattern, fit)| Some((match_of(pattern)?, pattern, fit)))
        .min_by(|a, b| (&a.2.0, a.0).cmp(&(&b.2.0, b.0)))
        .map(|(_, pattern, fit)| (pattern, fit))?;
    let names = pattern
        .parts
        .iter()
        .enumerate()
        .filter_map(|(at, part)| match part {
            Part::Literal(_) => None,
            Part::Param(..) | Part::CatchAll(_) => Some(format!(" p{at}")),
        });
    let params = names
        .zip(texts)
        .map(|(name, text)| format!("{name}={text}"));
    Some(pattern.text() + &params.collect::<String>())
}

fn allowed(patterns: &[Pattern], policy: TrailingSlash, path: &str) -> String {
    let named: Vec<Method> = ways(patterns, policy, path)
        .filter_map(|(pattern, _)| pattern.method.clone())
        .collect();
    let listed = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];
    let has = |method: &&Method| {
        named.contains(method)
            || **method == Method::HEAD && named.contains(&Method::GET)
            || **method == Method::OPTIONS && !named.is_empty()
    };
    let names: Vec<&str> = listed.iter().filter(has).map(Method::as_str).collect();
    names.join(", ")
}

fn part() -> impl Strategy<Value = Part> {
    let literal = select(vec!["a", "b", "ab", "v1", "a/b"]).prop_map(Part::Literal);
    let prefix = select(vec!["", "", "a", "ab"]);
    let suffix = select(vec!["", "", "b", "1"]);
    let expression = select(vec![
        None,
        None,
        Some("[a-z]+"),
        Some("a+"),
        Some(r"\w{1,2}"),
        Some("[ab/]+"),
        Some(".+/b"),
    ]);
    let param = (prefix, expression, suffix)
        .prop_map(|(prefix, expression, suffix)| Part::Param(prefix, expression, suffix));
    prop_oneof![3 => literal, 4 => param]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    #[derive(Clone, Copy, Debug)]
    enum End {
        Nothing,
        Slash,
        Optional,
        CatchAll(bool, Option<&'static str>),
    }
    let end = select(vec![
        End::Nothing,
        End::Nothing,
        End::Slash,
        End::Optional,
        End::CatchAll(false, None),
        End::CatchAll(true, None),
        End::CatchAll(false, Some("[ab/]+")),
    ]);
    let method = select(vec![
        Some(Method::GET),
        Some(Method::GET),
        Some(Method::GET),
        Some(Method::POST),
        Some(Method::OPTIONS),
        None,
    ]);
    let parts = prop::collection::vec(part(), 0..4);
    (method, parts, end).prop_filter_map("one spanning parameter", |(method, mut parts, end)| {
        let mut optional = false;
        match end {
            End::Nothing => {}
            End::Slash => parts.push(Part::Literal("")),
            End::Optional => optional = matches!(parts.last(), Some(Part::Param("", _, ""))),
            End::CatchAll(may_lack, expression) => {
                optional = may_lack;
                parts.push(Part::CatchAll(expression));
            }
        }
        if parts.is_empty() {
            parts.push(Part::Literal(""));
        }
        let spanning = parts.iter().filter(
            |part| matches!(part, Part::Param(_, Some(expression), _) if expression.contains('/')),
        );
        (spanning.count() <= 1).then_some(Pattern {
            method,
            parts,
            optional,
        })
    })
}

fn path() -> impl Strategy<Value = String> {
    let segment = select(vec![
        "a", "b", "ab", "aab", "v1", "1", "abb1", "", "a%2Fb", "%61", "%61b", "ba",
    ]);
    prop::collection::vec(segment, 1..5).prop_map(|segments| {
        let segments = segments.iter().map(|segment| format!("/{segment}"));
        segments.collect()
    })
}

/// A regular expression for text with all that means something in a pattern.
const NEARLY_A_PATTERN: &str = r"/?([{}a*?:/%\\\[\]é^0-2]|\{[ab*?:]{0,4}\}|/){0,12}";

/// Much of what means something in a path, and much that is none.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(select(b"/%a2Fb\\\xc3\xa9.{}".to_vec()), 0..24)
}

/// Leaves out patterns that conflict with those before them.
fn without_conflicts(patterns: Vec<Pattern>, policy: TrailingSlash) -> Vec<Pattern> {
    let mut kept: Vec<Pattern> = Vec::new();
    let mut taken: Vec<String> = Vec::new();
    for pattern in patterns {
        let mut forms: Vec<String> = pattern
            .forms(policy)
            .iter()
            .map(|form| format!("{:?} {form:?}", pattern.method))
            .collect();
        if !forms.iter().any(|form| taken.contains(form)) {
            taken.append(&mut forms);
            kept.push(pattern);
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_router_agrees_with_the_slow_matcher(
        patterns in prop::collection::vec(pattern(), 1..12),
        paths in prop::collection::vec(path(), 1..12),
        policy in select(vec![Strict, Ignore, Redirect]),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let mut patterns = without_conflicts(patterns, policy);
        let by = shuffle.index(patterns.len());
        let first: Vec<String> = patterns.iter().map(Pattern::row).collect();
        patterns.rotate_left(by);
        let second: Vec<String> = patterns.iter().map(Pattern::row).collect();
        for rows in [first, second] {
            let borrowed: Vec<&str> = rows.iter().map(String::as_str).collect();
            let router = build(&borrowed, policy).expect("the patterns do not conflict");
            for path in &paths {
                for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS] {
                    let actual = outline_bytes(&router, &method, path.as_bytes());
                    let expected = judge(&patterns, policy, &method, path);
                    prop_assert_eq!(actual, expected, "{} {} {:?}", method, path, rows);
                }
            }
        }
    }

    #[test]
    fn no_pattern_and_no_path_panics(
        patterns in prop::collection::vec(NEARLY_A_PATTERN, 1..8),
        paths in prop::collection::vec(bytes(), 1..8),
        policy in select(vec![Strict, Ignore, Redirect]),
    ) {
        for pattern in &patterns {
            let Ok(router) = build(&[&format!("GET {pattern}")], policy) else {
                continue;
            };
            for path in &paths {
                outline_bytes(&router, &Method::GET, path);
                outline_bytes(&router, &Method::POST, path);
            }
        }
    }
}
