//! Attributes that give functions their routes, for `Builder::endpoint` of `ringlane`, which
//! exports them under its feature `macros`.
//!
//! ```text
//! #[get("/users/{id}")]             fn user<S>(routes: Builder<S>) -> Builder<S>
//! async fn user(ctx: Context)  ──►  user::handler, the function as it was written
//! ```
//!
//! Always true here:
//! - What is made calls public methods of the builder alone: whatever is wrong with a path or a
//!   conflict, `build()` says as it does of every route.
//! - A mistake in an attribute is an error of the compiler that names it, where it stands.
//!
//! What is made names the crate `::ringlane`: under another name in a manifest it is not found.
//!
//! Not here: anything that runs while a server does.

#![forbid(unsafe_code)]

mod arguments;
mod endpoint;

use proc_macro::TokenStream;

use arguments::{Arguments, Methods};

/// The names of all that is exported here.
const ATTRIBUTES: [&str; 8] = [
    "delete", "get", "head", "options", "patch", "post", "put", "route",
];

/// Gives a function its route: `GET` on the paths of a pattern.
///
/// The function is a handler as `Builder::get` takes it: of one `Context`, synchronous or
/// asynchronous. `.endpoint(user)` registers it, on a server's builder or a group's, and
/// `user::handler` is the function itself, for tests and for other routes. Documentation,
/// visibility and other attributes stay. Where only `GET` is registered, it answers `HEAD` too.
///
/// # Errors
///
/// The compiler refuses a path that is no string literal, and a function that is generic, has a
/// `self`, or takes anything but one argument. Whether the path is a pattern, and conflicts with no
/// other, `build()` says.
///
/// ```
/// use ringlane::{Context, Result, Server, testing::Client};
///
/// /// One user.
/// #[ringlane::get("/users/{id}")]
/// async fn user(ctx: Context) -> Result<String> {
///     let id: u64 = ctx.param("id")?;
///     Ok(format!("user {id}"))
/// }
///
/// let server = Server::builder()
///     .endpoint(user)
///     .group("/api", |routes| routes.endpoint(user))
///     .get("/me/{id}", user::handler)
///     .build()?;
/// let mut client = Client::new(server)?;
/// assert_eq!(client.get("/users/7").send()?.text(), "user 7");
/// assert_eq!(client.get("/api/users/7").send()?.text(), "user 7");
/// assert_eq!(client.get("/me/7").send()?.text(), "user 7");
/// assert_eq!(client.post("/users/7").send()?.status(), 405);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[proc_macro_attribute]
pub fn get(arguments: TokenStream, item: TokenStream) -> TokenStream {
    endpoint("get", Methods::One("GET"), arguments, item)
}

/// Gives a function its route: `POST` on the paths of a pattern, as `get` does.
///
/// ```
/// use ringlane::{Context, Server, StatusCode, testing::Client};
///
/// #[ringlane::post("/users")]
/// fn create(_: Context) -> StatusCode {
///     StatusCode::CREATED
/// }
///
/// let mut client = Client::new(Server::builder().endpoint(create).build()?)?;
/// assert_eq!(client.post("/users").send()?.status(), 201);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[proc_macro_attribute]
pub fn post(arguments: TokenStream, item: TokenStream) -> TokenStream {
    endpoint("post", Methods::One("POST"), arguments, item)
}

/// Gives a function its route: `PUT` on the paths of a pattern, as `get` does.
///
/// ```
/// use ringlane::{Context, Method, Server, StatusCode, testing::Client};
///
/// #[ringlane::put("/users/{id}")]
/// fn replace(_: Context) -> StatusCode {
///     StatusCode::NO_CONTENT
/// }
///
/// let mut client = Client::new(Server::builder().endpoint(replace).build()?)?;
/// assert_eq!(client.request(Method::PUT, "/users/7").send()?.status(), 204);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[proc_macro_attribute]
pub fn put(arguments: TokenStream, item: TokenStream) -> TokenStream {
    endpoint("put", Methods::One("PUT"), arguments, item)
}

/// Gives a function its route: `DELETE` on the paths of a pattern, as `get` does.
///
/// ```
/// use ringlane::{Context, Method, Server, StatusCode, testing::Client};
///
/// #[ringlane::delete("/users/{id}")]
/// fn remove(_: Context) -> StatusCode {
///     StatusCode::NO_CONTENT
/// }
///
/// let mut client = Client::new(Server::builder().endpoint(remove).build()?)?;
/// assert_eq!(client.request(Method::DELETE, "/users/7").send()?.status(), 204);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[proc_macro_attribute]
pub fn delete(arguments: TokenStream, item: TokenStream) -> TokenStream {
    endpoint("delete", Methods::One("DELETE"), arguments, item)
}

/// Gives a function its route: `PATCH` on the paths of a pattern, as `get` does.
///
/// ```
/// use ringlane::{Context, Method, Server, StatusCode, testing::Client};
///
/// #[ringlane::patch("/users/{id}")]
/// fn change(_: Context) -> StatusCode {
///     StatusCode::ACCEPTED
/// }
///
/// let mut client = Client::new(Server::builder().endpoint(change).build()?)?;
/// assert_eq!(client.request(Method::PATCH, "/users/7").send()?.status(), 202);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[proc_macro_attribute]
pub fn patch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    endpoint("patch", Methods::One("PATCH"), arguments, item)
}

/// Gives a function its route: `HEAD` on the paths of a pattern, as `get` does. It answers in
/// place of the `GET` of the same pattern.
///
/// ```
/// use ringlane::{Context, Method, Server, StatusCode, testing::Client};
///
/// #[ringlane::head("/users/{id}")]
/// fn probe(_: Context) -> StatusCode {
///     StatusCode::OK
/// }
///
/// let mut client = Client::new(Server::builder().endpoint(probe).build()?)?;
/// assert_eq!(client.request(Method::HEAD, "/users/7").send()?.status(), 200);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[proc_macro_attribute]
pub fn head(arguments: TokenStream, item: TokenStream) -> TokenStream {
    endpoint("head", Methods::One("HEAD"), arguments, item)
}

/// Gives a function its route: `OPTIONS` on the paths of a pattern, as `get` does. It answers
/// in place of the server, which would say `Allow`.
///
/// ```
/// use ringlane::{Context, Method, Server, StatusCode, testing::Client};
///
/// #[ringlane::options("/users/{id}")]
/// fn abilities(_: Context) -> StatusCode {
///     StatusCode::NO_CONTENT
/// }
///
/// let mut client = Client::new(Server::builder().endpoint(abilities).build()?)?;
/// assert_eq!(client.request(Method::OPTIONS, "/users/7").send()?.status(), 204);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[proc_macro_attribute]
pub fn options(arguments: TokenStream, item: TokenStream) -> TokenStream {
    endpoint("options", Methods::One("OPTIONS"), arguments, item)
}

/// Gives a function its route for several methods: `#[route("/path", methods(GET, POST))]`.
///
/// Methods have the names that they have in `ringlane::Method`: `CONNECT`, `DELETE`, `GET`, `HEAD`,
/// `OPTIONS`, `PATCH`, `POST`, `PUT` and `TRACE`. The rest is as with `get`.
///
/// # Errors
///
/// Those of `get`; a method that is not known or named twice, or none at all.
///
/// ```
/// use ringlane::{Context, Method, Server, testing::Client};
///
/// #[ringlane::route("/echo", methods(GET, POST))]
/// fn echo(ctx: Context) -> String {
///     ctx.method().to_string()
/// }
///
/// let mut client = Client::new(Server::builder().endpoint(echo).build()?)?;
/// assert_eq!(client.get("/echo").send()?.text(), "GET");
/// assert_eq!(client.post("/echo").send()?.text(), "POST");
/// assert_eq!(client.request(Method::PUT, "/echo").send()?.status(), 405);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[proc_macro_attribute]
pub fn route(arguments: TokenStream, item: TokenStream) -> TokenStream {
    endpoint("route", Methods::Listed, arguments, item)
}

/// What all of them do. After a mistake the function stays, so that the compiler tells of it alone.
fn endpoint(
    name: &str,
    methods: Methods,
    arguments: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let made = Arguments::parse(name, methods, arguments.into()).and_then(|arguments| {
        let function = endpoint::parse(name, item.clone())?;
        Ok(endpoint::expand(&arguments, function))
    });
    let made = made.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote::quote!(#error #item)
    });
    made.into()
}
