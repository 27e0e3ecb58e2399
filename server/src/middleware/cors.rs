//! Cross-origin requests: who may read answers, and what they may send (WHATWG Fetch, CORS).
//!
//! Always true here:
//! - An answer that depends on `Origin` says so in `Vary`, whether the origin is allowed or not.
//! - An answer that any origin may read says so to all, since a shared cache gives the answer to
//!   one request to others.
//! - With credentials an origin is named, never `*`, and it is one that the application has named.
//!
//! Not here: keeping `Origin` in a `Vary` that a handler sets (`conversation/answer.rs`).

use std::time::Duration;

use super::Middleware;
use crate::server::Problem;
use crate::{Builder, Context, Flow, Method};

/// Lets pages of other origins use this server.
///
/// What is named in the singular adds one (`origin`, `method`, `header`, `expose`), and the plural
/// replaces all that was there (`methods`, `headers`). What is there already is not added again.
///
/// A preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`) is answered 204 here
/// and reaches no handler. A preflight of an origin that is not allowed gets its 204 without any
/// `Access-Control-` header, which the browser takes as a no. Other requests run in any case: the
/// browser decides who may read the answer.
///
/// Unless any origin is allowed, each answer varies by `Origin`. A handler that sets `Vary` cannot
/// take that away. If any is, each answer says so, also to requests without `Origin`: a shared
/// cache may hand it to a page.
///
/// ```
/// use ringlane::middleware::Cors;
/// use ringlane::{Server, testing::Client};
///
/// let cors = Cors::new().origin("https://a.example").header("X-Token");
/// let server = Server::builder().with(cors).get("/", |_| "hello").build()?;
/// let mut client = Client::new(server)?;
/// let answer = client.get("/").header("Origin", "https://a.example").send()?;
/// assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.example"));
/// assert_eq!(answer.header("vary"), Some("Origin"));
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cors {
    origins: Vec<String>,
    any_origin: bool,
    methods: Vec<String>,
    headers: Vec<String>,
    exposed: Vec<String>,
    credentials: bool,
    max_age: Option<Duration>,
}

/// The methods that are allowed unless others are named.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Cors {
    /// No origin yet; the methods GET, HEAD, POST, PUT, PATCH and DELETE; the header
    /// `Content-Type`; no credentials.
    pub fn new() -> Self {
        Self {
            methods: METHODS.map(str::to_owned).into(),
            headers: vec!["Content-Type".to_owned()],
            ..Self::default()
        }
    }

    /// Allows one more origin, such as `https://app.example.org`: scheme, host, and port if it is
    /// not the scheme's. `*` allows any, and does not go with [`credentials`](Self::credentials).
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        let origin = origin.into();
        match origin.as_str() {
            "*" => self.any_origin = true,
            _ => add(&mut self.origins, origin),
        }
        self
    }

    /// Allows one more method.
    pub fn method(mut self, method: Method) -> Self {
        add(&mut self.methods, method.to_string());
        self
    }

    /// Allows these methods, and no others.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.clear();
        methods.into_iter().fold(self, Self::method)
    }

    /// Allows one more request header.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        add(&mut self.headers, name.into());
        self
    }

    /// Allows these request headers, and no others; `Content-Type` neither, unless it is one of
    /// them.
    ///
    /// ```
    /// use ringlane::Server;
    /// use ringlane::middleware::Cors;
    ///
    /// let cors = Cors::new().origin("*").headers(["X-Token", "X-Page"]);
    /// let server = Server::builder().with(cors).build()?;
    /// # drop(server);
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn headers<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.headers.clear();
        names.into_iter().fold(self, Self::header)
    }

    /// Shows scripts one more response header, beside those that they always see.
    pub fn expose(mut self, name: impl Into<String>) -> Self {
        add(&mut self.exposed, name.into());
        self
    }

    /// Allows cookies and authentication to be sent along, by the origins that are named.
    ///
    /// Together with the [origin](Self::origin) `*` it is an error of [`build`](Builder::build):
    /// any site could act here as whoever visits it, and read the answers.
    ///
    /// ```
    /// use ringlane::Server;
    /// use ringlane::middleware::Cors;
    ///
    /// let cors = Cors::new().origin("https://a.example").credentials();
    /// let server = Server::builder().with(cors).build()?;
    /// let cors = Cors::new().origin("*").credentials();
    /// assert!(Server::builder().with(cors).build().is_err());
    /// # drop(server);
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// How long a browser may remember what a preflight said. In whole seconds; browsers have a
    /// maximum of their own, from ten minutes to a day.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(time);
        self
    }

    /// The headers' values, put together once.
    fn compile(self) -> Compiled {
        Compiled {
            any_origin: self.any_origin,
            origins: self.origins,
            methods: self.methods.join(", "),
            headers: self.headers.join(", "),
            exposed: self.exposed.join(", "),
            credentials: self.credentials,
            max_age: self.max_age.map(|time| time.as_secs().to_string()),
        }
    }
}

/// Adds what is not there yet, in any case of letters.
fn add(list: &mut Vec<String>, one: String) {
    if !list.iter().any(|known| known.eq_ignore_ascii_case(&one)) {
        list.push(one);
    }
}

struct Compiled {
    origins: Vec<String>,
    /// Else the answer names the origin that asked, and so depends on it.
    any_origin: bool,
    methods: String,
    headers: String,
    exposed: String,
    credentials: bool,
    max_age: Option<String>,
}

impl Compiled {
    fn apply(&self, ctx: &Context) -> Flow {
        match self.any_origin {
            true => self.share(ctx, "*"),
            false => {
                ctx.add_header("Vary", "Origin");
                ctx.0.reply.names_origin.set(true);
            }
        }
        let Some(origin) = ctx.header("Origin") else {
            return Flow::Continue;
        };
        let asks = ctx.header_bytes("Access-Control-Request-Method").is_some();
        let is_preflight = ctx.method() == Method::OPTIONS && asks;
        let is_named = !self.any_origin && self.origins.iter().any(|known| known == origin);
        if is_named {
            self.share(ctx, origin);
        }
        if !is_preflight {
            return Flow::Continue;
        }
        if is_named || self.any_origin {
            ctx.remove_header("Access-Control-Expose-Headers"); // there is nothing to expose
            self.allow(ctx);
        }
        ctx.set_status(204);
        Flow::Stop
    }

    /// Lets pages of an origin, or of any, read the answer.
    fn share(&self, ctx: &Context, origin: &str) {
        ctx.set_header("Access-Control-Allow-Origin", origin);
        if self.credentials {
            ctx.set_header("Access-Control-Allow-Credentials", "true");
        }
        if !self.exposed.is_empty() {
            ctx.set_header("Access-Control-Expose-Headers", &self.exposed);
        }
    }

    fn allow(&self, ctx: &Context) {
        ctx.set_header("Access-Control-Allow-Methods", &self.methods);
        if !self.headers.is_empty() {
            ctx.set_header("Access-Control-Allow-Headers", &self.headers);
        }
        if let Some(seconds) = &self.max_age {
            ctx.set_header("Access-Control-Max-Age", seconds);
        }
    }
}

impl Middleware for Cors {
    fn install<S>(self, mut scope: Builder<S>) -> Builder<S> {
        if self.any_origin && self.credentials {
            scope.scope.problems.push(Problem::CredentialsOfAny);
        }
        let compiled = self.compile();
        scope.before(move |ctx: &Context| compiled.apply(ctx))
    }
}
