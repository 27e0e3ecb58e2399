//! A layer that does nothing, written as ntex's documentation writes middleware.

use ntex::service::cfg::SharedCfg;
use ntex::service::{Middleware, Service, ServiceCtx};

/// Makes the layer.
pub(crate) struct Pass;

/// The layer around `service`.
pub(crate) struct Passing<S> {
    service: S,
}

impl<S> Middleware<S, SharedCfg> for Pass {
    type Service = Passing<S>;

    fn create(&self, service: S, _: SharedCfg) -> Self::Service {
        Passing { service }
    }
}

impl<S, R> Service<R> for Passing<S>
where
    S: Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;

    ntex::forward_poll!(service);
    ntex::forward_ready!(service);
    ntex::forward_shutdown!(service);

    async fn call(
        &self,
        request: R,
        context: ServiceCtx<'_, Self>,
    ) -> Result<Self::Response, Self::Error> {
        context.call(&self.service, request).await
    }
}
