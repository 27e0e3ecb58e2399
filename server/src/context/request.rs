//! What the client asked: the reading half of a Context.
//!
//! Not here: the request's body (`body.rs`).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ringlane_protocol::{Method, StatusCode, Version, percent, query};
use ringlane_reactor::{Address, End};

use super::Context;
use crate::{Error, Result};

impl Context {
    /// The method, in the case it was sent.
    pub fn method(&self) -> &Method {
        self.0.head.method()
    }

    /// The path, without the query; `*` for a request about the server as a whole.
    ///
    /// Escapes of letters, digits, `-`, `.`, `_` and `~` are decoded, since they mean the same as
    /// the characters (RFC 3986 §6.2.2.2): `/%61dmin` is `/admin`. All others are as they were
    /// sent, so that `/a%2Fb` is no `/a/b`; see [`decoded_path`](Self::decoded_path),
    /// [`raw_path`](Self::raw_path).
    ///
    /// A layer that guards routes is best put before their [group](crate::Builder::group), or looks
    /// at the [`route`](Self::route) that answers: what a path leads to is for the router to say.
    ///
    /// ```
    /// use ringlane::{Context, Server, testing};
    ///
    /// let server = Server::builder()
    ///     .fallback(|ctx: Context| {
    ///         format!("{} {} {}", ctx.path(), ctx.decoded_path(), ctx.raw_path())
    ///     })
    ///     .build()?;
    /// let answer = testing::Client::new(server)?.get("/%61/b%20c").send()?;
    /// assert_eq!(answer.text(), "/a/b%20c /a/b c /%61/b%20c");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn path(&self) -> &str {
        self.0.head.path()
    }

    /// The path with all its percent-escapes decoded, those of slashes too: what the router
    /// compares segment by segment, but that there `/a%2Fb` is one segment. Borrowed from
    /// [`path`](Self::path) if there is none.
    ///
    /// Of a path that cannot be decoded, which the server answers with 400, it is the path itself.
    pub fn decoded_path(&self) -> Cow<'_, str> {
        percent::decode(self.path()).unwrap_or_else(|_| Cow::Borrowed(self.path()))
    }

    /// The path as it was sent, with all its percent-escapes: for signatures that cover it, and for
    /// handing it on.
    pub fn raw_path(&self) -> &str {
        self.0.head.raw_path()
    }

    /// The pattern of the route that answers, with the prefixes of its groups: `/users/{id}` for
    /// `/users/7`. `None` if no route does, as for a 404.
    ///
    /// This is what to log and to count by: of it there are as many as routes, of
    /// [paths](Self::path) as many as clients think of.
    ///
    /// ```
    /// use ringlane::{Server, testing};
    ///
    /// let server = Server::builder()
    ///     .group("/users", |users| {
    ///         users.get("/{id}", |ctx| ctx.route().unwrap_or_default().to_owned())
    ///     })
    ///     .build()?;
    /// let answer = testing::Client::new(server)?.get("/users/7").send()?;
    /// assert_eq!(answer.text(), "/users/{id}");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn route(&self) -> Option<&str> {
        Some(&self.0.chain.route()?.pattern)
    }

    /// The request target as it was sent (RFC 9112 §3.2): mostly the path and the query.
    pub fn target(&self) -> &str {
        self.0.head.target()
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.0.head.version()
    }

    /// The host that the client asked for, without the port. Empty only in HTTP/1.0.
    pub fn host(&self) -> &str {
        self.0.head.host()
    }

    /// The first value of a header, in any case of `name`. `None` also if it is not UTF-8; see
    /// [`header_bytes`](Self::header_bytes).
    pub fn header(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.header_bytes(name)?).ok()
    }

    /// The first value of a header, as it was sent (RFC 9110 §5.5 lets it be any bytes but
    /// controls).
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.head.header(name)
    }

    /// All headers, in order, names in the case they were sent.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> + Clone {
        self.0.head.headers()
    }

    /// A parameter of the route's path, decoded and parsed.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter, if it cannot be parsed or the path ends before it. 500, and a
    /// line of the log that names both, if the route has no such parameter: a layer around routes
    /// with and without it asks for [`optional_param`](Self::optional_param).
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// fn user(ctx: Context) -> Result { // for `/users/{id}`
    ///     let id: u64 = ctx.param("id")?;
    ///     ctx.text_fmt(format_args!("user {id}"));
    ///     Ok(())
    /// }
    /// ```
    pub fn param<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<T> {
        let text = self.param_text(name);
        if text.is_none() {
            self.expect_param(name)?;
        }
        parse("path parameter", name, text)
    }

    /// That there is no such parameter is the client's doing only if the route has one.
    #[cold]
    fn expect_param(&self, name: &str) -> Result {
        let problem = match self.0.chain.route() {
            Some(route) if route.param_names.iter().any(|known| **known == *name) => return Ok(()),
            Some(route) => format!("the route `{}` has no parameter `{name}`", route.pattern),
            None => format!("no route answers, so there is no parameter `{name}`"),
        };
        Err(Error::internal(problem))
    }

    /// As [`param`](Self::param), and `None` where an optional part of the path is not there, or
    /// the route has no such parameter.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter, if it is there and cannot be parsed, or came more than once.
    pub fn optional_param<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Option<T>> {
        let text = self.param_text(name);
        text.map(|text| parse("path parameter", name, Some(text)))
            .transpose()
    }

    /// The decoded text of a parameter of the route's path.
    pub fn param_text(&self, name: &str) -> Option<&str> {
        self.0.params.get(name, self.0.head.path_bytes())
    }

    /// Names and decoded texts of all parameters, in the pattern's order.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.params.iter(self.0.head.path_bytes())
    }

    /// A value of the query, decoded and parsed. For names that come several times there is
    /// [`query_all`](Self::query_all).
    ///
    /// # Errors
    ///
    /// 400 that names the parameter, if it cannot be parsed, is not there, or came more than once.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// fn sum(ctx: Context) -> Result { // for `/sum?a=1&b=2`
    ///     let (a, b): (i64, i64) = (ctx.query("a")?, ctx.query("b")?);
    ///     ctx.text((a + b).to_string());
    ///     Ok(())
    /// }
    /// ```
    pub fn query<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<T> {
        parse("query parameter", name, self.only_value(name)?.as_deref())
    }

    /// As [`query`](Self::query), and `None` where the query does not have the name, or has it
    /// without a value (`?n=`), as forms send fields that were left empty; unless the type can be
    /// made of no text, as `String` can.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter, if it is there and cannot be parsed.
    pub fn optional_query<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.only_value(name)? else {
            return Ok(None);
        };
        match parse("query parameter", name, Some(&text)) {
            Err(_) if text.is_empty() => Ok(None),
            value => value.map(Some),
        }
    }

    /// The one value of that name. Two readers might take different ones of several.
    fn only_value(&self, name: &str) -> Result<Option<Cow<'_, str>>> {
        let mut values = self.query_pairs().filter(|(known, _)| known == name);
        let value = values.next();
        if values.next().is_some() {
            let problem = format!("query parameter `{name}`: it came more than once");
            return Err(Error::new(StatusCode::BAD_REQUEST, problem));
        }
        Ok(value.map(|(_, text)| text))
    }

    /// The decoded text of the first value of that name in the query.
    pub fn query_text(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut pairs = self.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, text)| text)
    }

    /// All pairs of the query, decoded, in order. Without a query there are none.
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        query::pairs(self.query_string().unwrap_or_default())
    }

    /// The query as it was sent, without its `?`.
    pub fn query_string(&self) -> Option<&str> {
        self.0.head.query()
    }

    /// The id that [`RequestId`](crate::middleware::RequestId) gave the request, if that layer is
    /// installed and was reached.
    pub fn request_id(&self) -> Option<String> {
        self.response_header(self.0.run.id_header.get()?)
    }

    /// How long ago the request's head was complete.
    ///
    /// It counts from the turn of the event loop in which the head came, and reads the clock.
    pub fn age(&self) -> Duration {
        crate::time::now() - self.0.received_at
    }

    /// Where the other side of the connection is: the client, or a proxy before it (see
    /// [`client_address`](Self::client_address)). Asked of the kernel each time, unless a
    /// [PROXY preface](crate::Builder::proxy_protocol) has told it. `None` once the request is
    /// over; a client that has gone, or reset its connection, is still known.
    pub fn peer_address(&self) -> Option<Address> {
        self.0.exchange.address(End::Peer)
    }

    /// The address of ours that the other side connected to, likewise.
    pub fn local_address(&self) -> Option<Address> {
        self.0.exchange.address(End::Local)
    }
}

pub(super) fn parse<T: FromStr<Err: fmt::Display>>(
    kind: &str,
    name: &str,
    text: Option<&str>,
) -> Result<T> {
    let problem = match text.map(str::parse) {
        Some(Ok(value)) => return Ok(value),
        Some(Err(error)) => format!("{kind} `{name}`: {error}"),
        None => format!("{kind} `{name}` is missing"),
    };
    Err(Error::new(StatusCode::BAD_REQUEST, problem))
}
