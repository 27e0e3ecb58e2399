//! Settings about the threads that serve: how many, on which CPUs, and how they wait.
//!
//! Not here: what a worker does (`core.rs`).

use std::time::Duration;

use crate::routes::Builder;

/// Workers.
impl Builder {
    /// How many workers serve, each on a thread of its own. Default: one for each CPU that this
    /// process may use, but no more than the CPU quota of its control group, rounded up. 1
    /// to 1,024.
    ///
    /// They are pinned, each to a CPU of its own, if there are as many as such CPUs, or if
    /// [`cpus`](Self::cpus) names theirs; otherwise the scheduler places them. The start-up line of
    /// the log says how many there are, why, and whether they are pinned.
    pub fn workers(mut self, count: usize) -> Self {
        self.whole.setup.cores = Some(count);
        self
    }

    /// Starts one worker on each of these CPUs, and pins it there: numbers and ranges, as in
    /// `2-5,7`. Default: see [`workers`](Self::workers), which may be left out then.
    ///
    /// Starting fails if the process may not use one of them, or if `workers` is another number.
    /// Threads for blocking work run on every CPU that the process may use.
    ///
    /// ```
    /// use ringlane::Server;
    ///
    /// let server = Server::builder().cpus("0").build()?;
    /// let error = Server::builder().cpus("5-2").build();
    /// assert!(error.is_err_and(|error| error.to_string().contains("reversed")));
    /// # drop(server);
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn cpus(mut self, list: &str) -> Self {
        self.whole.cpus = Some(list.parse());
        self
    }

    /// Gives a connection to the core whose CPU handled its first packet (`SO_INCOMING_CPU`), so
    /// that its packets never change the CPU. Default off: the kernel deals by a hash of the
    /// addresses, which is even wherever packets come in.
    ///
    /// Right where every CPU that serves takes interrupts of the network, and only there: a core
    /// whose CPU receives nothing gets no connection. Packets that come in on other CPUs are dealt
    /// as before. Kernels before 6.2 ignore it; sockets of Unix are not concerned.
    ///
    /// Starting fails if the workers are not pinned: see [`workers`](Self::workers).
    ///
    /// ```
    /// let server = ringlane::Server::builder().bind("127.0.0.1:0").incoming_cpu(true);
    /// # let _ = server;
    /// ```
    pub fn incoming_cpu(mut self, yes: bool) -> Self {
        self.whole.setup.listen.incoming_cpu = yes;
        self
    }

    /// How long a core that has nothing to do looks for work before it sleeps. Default 0, up to 1
    /// ms; 50 to 100 µs pay where a few connections ask one request after the other and waking a
    /// core is dear, as on virtual machines. It burns the core; one whose work comes further apart
    /// than this sleeps as before.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let server = ringlane::Server::builder().spin(Duration::from_micros(100)).build()?;
    /// let error = ringlane::Server::builder().spin(Duration::from_millis(2)).build();
    /// assert!(error.is_err_and(|error| error.to_string().contains("spin")));
    /// # drop(server);
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn spin(mut self, at_most: Duration) -> Self {
        self.whole.spin = Some(at_most);
        self
    }
}
