//! Parses an attribute's arguments: a path, and for `route` its methods.
//!
//! Not here: whether the path is well-formed; `build()` says that, of every route alike.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Error, Ident, LitStr, Result, Token, parenthesized};

/// The methods that have a name in `ringlane::Method`.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// The methods of an attribute: one by its own name, or those it lists.
#[derive(Clone, Copy)]
pub(crate) enum Methods {
    One(&'static str),
    Listed,
}

/// Where an endpoint is to answer.
pub(crate) struct Arguments {
    pub(crate) path: LitStr,
    /// At least one, each once.
    pub(crate) methods: Vec<Ident>,
}

impl Arguments {
    /// Reads what follows the attribute `name`.
    pub(crate) fn parse(
        name: &str,
        methods: Methods,
        tokens: proc_macro2::TokenStream,
    ) -> Result<Self> {
        let usage = match methods {
            Methods::One(_) => format!("#[{name}(\"/users/{{id}}\")]"),
            Methods::Listed => format!("#[{name}(\"/users/{{id}}\", methods(GET, POST))]"),
        };
        let parser = |input: ParseStream<'_>| {
            let path = path(input, &usage)?;
            let methods = match methods {
                Methods::One(method) => vec![Ident::new(method, Span::call_site())],
                Methods::Listed => list(input, &usage)?,
            };
            end(input, &usage)?;
            Ok(Self { path, methods })
        };
        parser.parse2(tokens)
    }
}

fn path(input: ParseStream<'_>, usage: &str) -> Result<LitStr> {
    if input.is_empty() {
        let missing = format!("the path is missing: write `{usage}`");
        return Err(problem(input, missing));
    }
    let no_literal = format!("the path is no string literal: write `{usage}`");
    input.parse().map_err(|_| problem(input, no_literal))
}

fn list(input: ParseStream<'_>, usage: &str) -> Result<Vec<Ident>> {
    let missing = |_| problem(input, format!("the methods are missing: write `{usage}`"));
    input.parse::<Token![,]>().map_err(missing)?;
    let word: Ident = input.parse().map_err(missing)?;
    if word != "methods" {
        let problem = format!("`{word}` is not known here: write `{usage}`");
        return Err(Error::new(word.span(), problem));
    }
    let within;
    parenthesized!(within in input);
    let methods = within.parse_terminated(Ident::parse, Token![,])?;
    let methods: Vec<Ident> = methods.into_iter().collect();
    if methods.is_empty() {
        let problem = format!("at least one method is needed: write `{usage}`");
        return Err(Error::new(word.span(), problem));
    }
    check(&methods)?;
    Ok(methods)
}

/// Every method is known, and none stands there twice.
fn check(methods: &[Ident]) -> Result<()> {
    for (at, method) in methods.iter().enumerate() {
        if !METHODS.iter().any(|known| method == known) {
            let known = METHODS.join(", ");
            let problem = format!("`{method}` is no method: there are {known}");
            return Err(Error::new(method.span(), problem));
        }
        if methods[..at].contains(method) {
            let problem = format!("`{method}` is named twice");
            return Err(Error::new(method.span(), problem));
        }
    }
    Ok(())
}

fn end(input: ParseStream<'_>, usage: &str) -> Result<()> {
    let _: Option<Token![,]> = input.parse()?;
    if input.is_empty() {
        return Ok(());
    }
    Err(problem(
        input,
        format!("nothing more belongs here: write `{usage}`"),
    ))
}

/// At what comes next; where nothing does, at the whole attribute.
fn problem(input: ParseStream<'_>, text: String) -> Error {
    Error::new(input.span(), text)
}
