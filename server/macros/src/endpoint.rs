//! Expands an attribute and its function to what `Builder::endpoint` takes.
//!
//! The function of that name registers the routes; the handler itself moves into a type of the same
//! name, which is another namespace. So the name stays free for variables, which the name of a unit
//! struct would not be: `let user = …` is common in a handler `user`.
//!
//! Not here: what stands in the attribute (`arguments.rs`).

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error, FnArg, Ident, ItemFn, Result};

use crate::ATTRIBUTES;
use crate::arguments::Arguments;

/// Reads the function below the attribute `name`.
pub(crate) fn parse(name: &str, item: TokenStream) -> Result<ItemFn> {
    let place = item.clone();
    let function: ItemFn = syn::parse2(item).map_err(|error| {
        // What begins as a function and goes wrong later is told best by what went wrong.
        let is_function = place.to_string().contains("fn ");
        if is_function {
            return error;
        }
        Error::new_spanned(place, format!("`{name}` belongs above a function"))
    })?;
    check(&function)?;
    Ok(function)
}

/// What no handler can be. What its argument and its answer may be, the builder's methods say.
fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(receiver) = signature.receiver() {
        let problem = "a handler is no method: it has no `self`";
        return Err(Error::new_spanned(receiver, problem));
    }
    if !signature.generics.params.is_empty() {
        let problem = "a handler with a route of its own cannot be generic";
        return Err(Error::new_spanned(&signature.generics, problem));
    }
    if signature.inputs.len() != 1 {
        let problem = "a handler takes one argument, its `Context`";
        if signature.inputs.is_empty() {
            return Err(Error::new_spanned(&signature.ident, problem));
        }
        return Err(Error::new_spanned(&signature.inputs, problem));
    }
    if let Some(FnArg::Typed(argument)) = signature.inputs.first()
        && let syn::Type::ImplTrait(generic) = &*argument.ty
    {
        let problem = "a handler with a route of its own cannot be generic";
        return Err(Error::new_spanned(generic, problem));
    }
    match function.attrs.iter().find(|attribute| is_route(attribute)) {
        Some(second) => {
            let problem = "a function has one route: write `#[route(…, methods(…))]` for several \
                           methods, or call `Builder::route`";
            Err(Error::new_spanned(second, problem))
        }
        None => Ok(()),
    }
}

/// Whether this is an attribute of ours, as far as its name tells.
fn is_route(attribute: &Attribute) -> bool {
    let path = attribute.path();
    let named = |ident: &Ident| ATTRIBUTES.iter().any(|name| ident == name);
    let last = path.segments.last();
    let is_ours = path.segments.len() == 1 || path.segments[0].ident == "ringlane";
    is_ours && last.is_some_and(|segment| named(&segment.ident))
}

/// The function that registers, and the type that holds the handler.
pub(crate) fn expand(arguments: &Arguments, mut function: ItemFn) -> TokenStream {
    let Arguments { path, methods } = arguments;
    let visibility = function.vis.clone();
    // Where the function has its name, the compiler shows what is wrong with its types.
    let span = function.sig.ident.span();
    let (route, handler) = (Ident::new("route", span), Ident::new("handler", span));
    let name = std::mem::replace(&mut function.sig.ident, handler.clone());
    let (shown, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition(|attribute| attribute.path().is_ident("doc"));
    function.attrs = kept;
    let conditions: Vec<&Attribute> = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect();
    let deprecated = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("deprecated"));
    quote! {
        #(#shown)*
        #(#conditions)*
        #(#deprecated)*
        #visibility fn #name<S>(routes: ::ringlane::Builder<S>) -> ::ringlane::Builder<S> {
            routes #(.#route(::ringlane::Method::#methods, #path, #name::#handler))*
        }

        #[doc(hidden)]
        #(#conditions)*
        #[allow(non_camel_case_types, reason = "it has the name of its function")]
        #visibility enum #name {}

        #(#conditions)*
        impl #name {
            #function
        }
    }
}
