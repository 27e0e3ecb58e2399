//! Everything that was registered, checked and composed: what each core makes its own copy of.
//!
//! In:  scopes of routes and layers.
//! Out: an [`App`], or every error there is, by name.
//!
//! Always true here:
//! - A layer exists once per core, however many routes it is around.
//! - Answers that no route gives (404, 405, …) go through the outermost layers like any other.
//!
//! Not here: serving (`conversation.rs`), listening (`server.rs`).

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringlane_router::{RouteErrors, Router, RouterBuilder, TrailingSlash};

use crate::chain::{Chain, Matched};
use crate::context::client::Trust;
use crate::conversation::{HttpCore, PrefaceRule};
use crate::core::Core;
use crate::error::ErrorRules;
use crate::handler::{CoreLayer, Erased, HandlerReturn, LayerSpec, refuse_long_body};
use crate::limits::Limits;
use crate::panic::PanicHook;
use crate::routes::Scope;
use crate::status::Vitals;
use crate::topics::Topics;
use crate::verdict;

/// Makes one core's value of some type.
pub(crate) type StateFactory = Arc<dyn Fn(usize) -> Box<dyn Any> + Send + Sync>;

/// What is set beside routes.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) trailing_slash: TrailingSlash,
    pub(crate) half_close: bool,
    pub(crate) server_name: Option<Arc<str>>,
    /// How long a shutdown waits.
    pub(crate) drain_time: Duration,
    pub(crate) topics: Topics,
    pub(crate) states: Vec<StateFactory>,
    pub(crate) fallback: Option<Erased>,
    pub(crate) errors: ErrorRules,
    pub(crate) on_panic: Option<PanicHook>,
    pub(crate) trust: Trust,
    pub(crate) preface: Option<PrefaceRule>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            trailing_slash: TrailingSlash::default(),
            half_close: false,
            server_name: Some("ringlane".into()),
            drain_time: Duration::from_secs(10),
            topics: Topics::default(),
            states: Vec::new(),
            fallback: None,
            errors: ErrorRules::default(),
            on_panic: None,
            trust: Trust::default(),
            preface: None,
        }
    }
}

/// Checked routes and settings, shared by all cores until each has made its own copy.
pub(crate) struct App {
    settings: Settings,
    router: Router<Composed>,
    layers: Vec<LayerSpec>,
    /// How many of `layers` are around everything.
    outermost: usize,
    not_found: Erased,
    unanswered: Erased,
    pub(crate) vitals: Arc<Vitals>,
}

/// A route's handler, and which layers are around it.
struct Composed {
    layers: Arc<[usize]>,
    handler: Erased,
}

impl App {
    pub(crate) fn build(root: Scope, settings: Settings) -> Result<Self, RouteErrors> {
        let mut layers = Vec::new();
        let outermost = root.layers.len();
        let mut routes = flatten(root, &[], &mut layers);
        routes.trailing_slash(settings.trailing_slash);
        let not_found = settings.fallback.clone();
        Ok(Self {
            router: routes.build()?,
            layers,
            outermost,
            not_found: not_found.unwrap_or_else(|| HandlerReturn::erase(verdict::not_found)),
            unanswered: HandlerReturn::erase(verdict::answer),
            vitals: Arc::default(),
            settings,
        })
    }

    /// One core's copy, made on that core's thread.
    pub(crate) fn on_core(&self, number: usize) -> HttpCore {
        let settings = &self.settings;
        let core = Rc::new(Core::new(settings, &self.vitals, number));
        let layers = self.layers.iter().map(|layer| layer.on_core(&core));
        let layers: Vec<CoreLayer> = layers.collect();
        let chain = |around: &[usize], handler: &Erased, route, number| {
            let limits_body = |&at: &usize| matches!(self.layers[at], LayerSpec::BodyLimit(_));
            let refusal = around.iter().any(limits_body).then(refuse_long_body);
            let around = around.iter().filter_map(|&at| layers.get(at));
            let layers = around.map(CoreLayer::share).chain(refusal).collect();
            Rc::new(Chain::new(layers, handler.on_core(), route, number))
        };
        let outermost: Vec<usize> = (0..self.outermost).collect();
        let mut patterns: Vec<Box<str>> = Vec::new();
        let router = self.router.map(|route| {
            let composed = route.value();
            patterns.push(route.pattern().into());
            chain(
                &composed.layers,
                &composed.handler,
                Some(Matched::of(route)),
                patterns.len() as u64,
            )
        });
        let _ = core.counts.patterns.set(patterns.into()); // they are this core's alone
        HttpCore::new(
            router,
            chain(&outermost, &self.not_found, None, 0),
            chain(&outermost, &self.unanswered, None, 0),
            core,
        )
    }
}

/// All routes of a scope and of those within. `layers` takes over every layer; each route is told
/// which of them are around it.
fn flatten(scope: Scope, around: &[usize], layers: &mut Vec<LayerSpec>) -> RouterBuilder<Composed> {
    let mine = layers.len()..layers.len() + scope.layers.len();
    layers.extend(scope.layers);
    let around: Arc<[usize]> = around.iter().copied().chain(mine).collect();
    let mut routes = RouterBuilder::new();
    for route in scope.routes {
        let composed = Composed {
            layers: Arc::clone(&around),
            handler: route.handler,
        };
        match route.method {
            Some(method) => routes.route(method, &route.pattern, composed),
            None => routes.any(&route.pattern, composed),
        };
    }
    for (prefix, group) in scope.groups {
        routes.nest(&prefix, flatten(group, &around, layers));
    }
    routes
}
